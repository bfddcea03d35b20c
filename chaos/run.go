package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/chaos/check"
	"github.com/cartulary/cartulary/chaos/collect"
	"github.com/cartulary/cartulary/chaos/journal"
	"github.com/cartulary/cartulary/chaos/load"
	"github.com/cartulary/cartulary/chaos/stack"
)

// settleTimeout is how long the platform may take, after the last fault and the
// last operation, until everything fits together.
const settleTimeout = 90 * time.Second

// run is the whole of a chaos run.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%6.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...)) //nolint:errcheck // progress
	}
	dir, remove, err := directory(o.dir)
	if err != nil {
		return err
	}
	say("seed %d, data and logs in %s", o.seed, dir)
	defer func() {
		if err == nil {
			err = remove()
		}
	}()
	platform, err := stack.Start(ctx, stack.Config{Root: o.root, Bin: o.bin, Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, platform.Close(context.WithoutCancel(ctx))) }()
	say("the platform runs")
	r, err := torment(ctx, o, platform, filepath.Join(dir, "journal"), say)
	r.crashes = platform.Crashes()
	r.duration = time.Since(began)
	return errors.Join(err, r.print(out))
}

// directory returns where data goes, and what removes it if it is temporary.
func directory(wanted string) (dir string, remove func() error, err error) {
	if wanted != "" {
		wanted, err := filepath.Abs(wanted)
		return wanted, func() error { return nil }, err
	}
	dir, err = os.MkdirTemp("", "cartulary-chaos-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // PostgreSQL runs as another user
	}
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// torment loads the platform, kills its processes, lets it settle and checks it.
func torment(ctx context.Context, o options, platform *stack.Stack, path string, say func(string, ...any)) (result, error) {
	written, err := journal.Create(path)
	if err != nil {
		return result{}, err
	}
	defer func() { _ = written.Close() }()
	p := newPace(o.ops, o.faults)
	clients, err := load.New(ctx, load.Config{
		Base: platform.API(), Journal: written, Ops: o.ops, Clients: o.clients, Tenants: o.tenants, Seed: o.seed,
		Gate: p.gate, Answered: p.answered,
	})
	if err != nil {
		return result{}, err
	}
	p.begin()
	say("%d tenants are ready; %d clients begin", o.tenants, o.clients)
	var r result
	limited, cancel := context.WithTimeout(ctx, o.duration)
	defer cancel()
	group, working := errgroup.WithContext(limited)
	group.Go(func() error { return clients.Run(working) })
	group.Go(func() (err error) {
		r.recoveries, err = sabotage(working, platform, p, o.seed, say)
		return err
	})
	failure := group.Wait()
	if failure != nil {
		say("cut short: %v", failure)
	}
	r.acknowledged, r.retries = clients.Acknowledged(), clients.Retries()
	say("%d operations acknowledged, %d requests repeated; waiting until everything has settled", r.acknowledged, r.retries)
	settled := time.Now()
	r.snapshot, r.violations, err = settle(ctx, platform.Sources(path))
	say("settled and checked after %.1f s", time.Since(settled).Seconds())
	return r, errors.Join(failure, err)
}

// settle collects and checks until nothing is wrong, or for settleTimeout: what is
// only late then is as bad as what is lost.
func settle(ctx context.Context, sources collect.Config) (check.Snapshot, []check.Violation, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var snapshot check.Snapshot
	var violations []check.Violation
	for {
		s, err := collect.Snapshot(ctx, sources)
		switch {
		case err == nil:
			snapshot, violations = s, check.Verify(s)
			if len(violations) == 0 {
				return snapshot, nil, nil
			}
		case ctx.Err() == nil:
			return snapshot, violations, err
		}
		if err := sleep(ctx, time.Second); err != nil {
			if snapshot.Heads == nil {
				return snapshot, nil, fmt.Errorf("nothing could be collected: %w", err)
			}
			return snapshot, violations, nil
		}
	}
}
