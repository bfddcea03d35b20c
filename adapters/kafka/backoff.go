package kafka

import (
	"context"
	"math/rand/v2"
	"time"
)

// pauseAfter returns how long to wait after so many failures in a row: 10 ms,
// twice that each time, at most 1 s, with jitter of half of it either way.
func pauseAfter(failures int) time.Duration {
	const first, most, steps = 10 * time.Millisecond, time.Second, 7
	pause := min(first<<min(max(failures-1, 0), steps), most)
	return pause/2 + rand.N(pause) //nolint:gosec // jitter needs no secrecy
}

// backoff waits a little longer each time.
type backoff struct{ failures int }

// pause waits and reports whether ctx is still good.
func (b *backoff) pause(ctx context.Context) bool {
	b.failures++
	timer := time.NewTimer(pauseAfter(b.failures))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *backoff) reset() { b.failures = 0 }
