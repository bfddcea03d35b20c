package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

// bench is what figures share: a cluster, a place for files, and a backlog for
// those that need one.
type bench struct {
	options

	progress io.Writer
	cluster  *cluster
	scratch  string // emptied at the end
	backlogs *backlog
	trails   *trail
	replays  map[replaySize]*replayTrial
	lag      *lagTrial
}

func newBench(ctx context.Context, o options, progress io.Writer) (_ *bench, err error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL's user passes through
		return nil, err
	}
	b := &bench{options: o, progress: progress}
	if onMemory(dir) {
		b.say("%s is in memory: figures of durable commits mean nothing here", dir)
	}
	if b.cluster, err = startCluster(ctx, filepath.Join(dir, "postgres")); err != nil {
		return nil, err
	}
	if b.scratch, err = os.MkdirTemp(dir, "scratch-"); err != nil {
		return nil, errors.Join(err, b.cluster.stop()) //nolint:contextcheck // ctx bounds the start
	}
	if err := os.Chmod(b.scratch, 0o755); err != nil { //nolint:gosec // PostgreSQL's user passes through
		return nil, errors.Join(err, b.close()) //nolint:contextcheck // ctx bounds the start
	}
	return b, nil
}

func (b *bench) close() error {
	if b.backlogs != nil {
		b.backlogs.pool.Close()
	}
	if b.trails != nil {
		b.trails.pool.Close()
	}
	var errs []error
	if b.lag != nil {
		errs = append(errs, b.lag.stop())
	}
	for _, t := range b.replays {
		errs = append(errs, t.close())
	}
	return errors.Join(errors.Join(errs...), b.cluster.stop(), os.RemoveAll(b.scratch)) //nolint:gosec // the user's own choice
}

// say tells how far the run is.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, format+"\n", args...) // figures do not depend on who listens
}

// measure runs all rounds of a figure.
func (b *bench) measure(ctx context.Context, f figure) (_ result, err error) {
	b.say("%s", f.name)
	begin := time.Now()
	c, err := f.prepare(ctx, b)
	if err != nil {
		return result{}, fmt.Errorf("prepare: %w", err)
	}
	if c.close != nil {
		defer func() { err = errors.Join(err, c.close()) }()
	}
	r := result{figure: f}
	for n := range b.rounds {
		var one round
		if one.Reference, err = b.quietly(ctx, c.reference); err != nil {
			return r, fmt.Errorf("round %d: reference: %w", n+1, err)
		}
		if one.Product, err = b.profiled(ctx, f, n, c.product); err != nil {
			return r, fmt.Errorf("round %d: product: %w", n+1, err)
		}
		r.rounds = append(r.rounds, one)
		b.say("  round %d of %d: %s beside %s %s, ratio %.2f", n+1, b.rounds,
			number(one.Product), number(one.Reference), f.unit, one.ratio())
	}
	b.say("  took %v", time.Since(begin).Round(time.Second))
	return r, nil
}

// quietly measures on a machine that has no old work left over: neither garbage
// nor dirty pages.
func (b *bench) quietly(ctx context.Context, measure func(context.Context) (float64, error)) (float64, error) {
	runtime.GC()
	if err := b.cluster.exec(ctx, maintenance, "checkpoint"); err != nil {
		return 0, err
	}
	return measure(ctx)
}

// profiled measures the product and, if asked to, takes a CPU profile meanwhile.
func (b *bench) profiled(ctx context.Context, f figure, n int, measure func(context.Context) (float64, error)) (_ float64, err error) {
	if b.profiles == "" {
		return b.quietly(ctx, measure)
	}
	if err := os.MkdirAll(b.profiles, 0o750); err != nil { //nolint:gosec // the user's own choice
		return 0, err
	}
	name := strings.NewReplacer(" ", "-", ",", "").Replace(f.name)
	file, err := os.Create(filepath.Join(b.profiles, fmt.Sprintf("%s-%d.pprof", name, n+1))) //nolint:gosec // the user's own choice
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return b.quietly(ctx, func(ctx context.Context) (float64, error) {
		if err := pprof.StartCPUProfile(file); err != nil {
			return 0, err
		}
		defer pprof.StopCPUProfile()
		return measure(ctx)
	})
}
