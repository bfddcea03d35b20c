package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
)

// replayRole is the argument with which the program replays what another run has
// published and does nothing else. Arguments that follow: the platform database's URL,
// the broker's address, and tenants.
const replayRole = "replay-as-asked"

// replayAsAsked prints how many events were applied, and the most memory that it took,
// in MiB; 0 where that can't be told.
func replayAsAsked(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) < 3 {
		return errors.New(replayRole + " takes a URL, an address and tenants")
	}
	pool, err := openPool(ctx, args[0])
	if err != nil {
		return err
	}
	defer pool.Close()
	var tenants []uuid.UUID
	for _, arg := range args[2:] {
		tenant, err := uuid.Parse(arg)
		if err != nil {
			return err
		}
		tenants = append(tenants, tenant)
	}
	n, err := replayAll(ctx, pool, args[1:2], tenants, tenantdb.RebuildConfig{Swap: true})
	if err != nil {
		return err
	}
	most, err := mostMemory()
	if err != nil {
		most = 0
	}
	_, err = fmt.Fprintln(stdout, n, most)
	return err
}

// prepareReplayMemory measures the most memory that a process takes for a replay,
// beside one for a tenth of the events.
func prepareReplayMemory(ctx context.Context, b *bench) (contest, error) {
	program, err := b.buildSelf(ctx, "bench-replay")
	if err != nil {
		return contest{}, err
	}
	return b.compareReplays(ctx, func(ctx context.Context, t *replayTrial) (float64, error) {
		most, err := t.replayElsewhere(ctx, program)
		if err == nil && most == 0 {
			err = errors.New("the memory of a process can't be told here")
		}
		return most, err
	})
}

// replayElsewhere replays in a process of its own, and returns the most memory that it
// took, in MiB.
func (t *replayTrial) replayElsewhere(ctx context.Context, program string) (most float64, err error) {
	args := []string{replayRole, t.pool.Config().ConnString(), t.topics.addresses()[0]}
	for _, tenant := range t.tenants {
		args = append(args, tenant.String())
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // built here
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("replay: %w: %s", err, &stderr)
	}
	var n int64
	if _, err := fmt.Fscan(&stdout, &n, &most); err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	if n != t.events {
		return 0, fmt.Errorf("%d events were applied, not %d", n, t.events)
	}
	return most, nil
}
