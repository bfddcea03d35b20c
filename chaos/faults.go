package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cartulary/cartulary/chaos/stack"
)

// longestDown is how long a killed process stays down at most.
const longestDown = 1500 * time.Millisecond

// target is what is killed and started again.
type target interface {
	Kill(role string) error
	Restart(role string) error
	Revive() error
}

// sabotage kills a role's process as often as p says, starts it again after a while
// and waits for recovery. It returns how long each took. Which role, and when, is
// drawn at random; each has its turn before one has another.
func sabotage(ctx context.Context, t target, p *pace, seed uint64, say func(string, ...any)) ([]time.Duration, error) {
	draw := rand.New(rand.NewPCG(seed, 0xfa17)) //nolint:gosec // repeatable on purpose
	var recoveries []time.Duration
	var turns []string
	for n := range p.faults {
		if err := p.due(ctx, n, draw.Float64()); err != nil {
			return recoveries, err
		}
		if len(turns) == 0 {
			turns = stack.Roles()
			draw.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		}
		role, down := turns[0], time.Duration(draw.Int64N(int64(longestDown)))
		turns = turns[1:]
		if err := t.Kill(role); err != nil {
			return recoveries, err
		}
		p.hit()
		if err := sleep(ctx, down); err != nil {
			return recoveries, err
		}
		if err := t.Restart(role); err != nil {
			return recoveries, err
		}
		took, err := p.recovered(ctx)
		if err != nil {
			return recoveries, fmt.Errorf("fault %d: no recovery after %s was killed: %w", n+1, role, err)
		}
		recoveries = append(recoveries, took)
		say("fault %2d: %-9s killed, down %4d ms, recovered after %5d ms", n+1, role, down.Milliseconds(), took.Milliseconds())
		if err := t.Revive(); err != nil {
			return recoveries, err
		}
	}
	return recoveries, nil
}

// sleep waits, or returns ctx's error when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
