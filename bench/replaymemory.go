package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
)

// replayRole is the argument with which the program replays what another run has
// published and does nothing else. Arguments that follow: the platform database's URL,
// the broker's address, and tenants.
const replayRole = "replay-as-asked"

// replayAsAsked prints how many events were applied.
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
	if err == nil {
		_, err = fmt.Fprintln(stdout, n)
	}
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
		cmd, err := t.replayElsewhere(ctx, program)
		if err != nil {
			return 0, err
		}
		return mostMemory(cmd.ProcessState)
	})
}

// replayElsewhere replays in a process of its own, and returns that when it has ended.
func (t *replayTrial) replayElsewhere(ctx context.Context, program string) (*exec.Cmd, error) {
	args := []string{replayRole, t.pool.Config().ConnString(), t.topics.addresses()[0]}
	for _, tenant := range t.tenants {
		args = append(args, tenant.String())
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // built here
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("replay: %w: %s", err, &stderr)
	}
	if n := strings.TrimSpace(stdout.String()); n != strconv.FormatInt(t.events, 10) {
		return nil, fmt.Errorf("%s events were applied, not %d", n, t.events)
	}
	return cmd, nil
}
