package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	connections      = 128
	latencyDocuments = 50
	leastSamples     = 200 // of a latency
)

// renameTrial is a running platform with documents to rename, over as many
// connections as asked for.
type renameTrial struct {
	b           *bench
	platform    *standalone
	account     *account
	connections int
}

func newRenameTrial(ctx context.Context, b *bench, connections, documents int) (_ *renameTrial, err error) {
	t := &renameTrial{b: b, connections: connections}
	if t.platform, err = b.startStandalone(ctx); err != nil {
		return nil, err
	}
	b.say("  uploading %d documents", documents)
	if t.account, err = openAccount(ctx, t.platform.address, documents); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *renameTrial) close() error { return t.platform.stop() }

// connect opens the connections, each with documents of its own, and returns a
// function that closes them.
func (t *renameTrial) connect(ctx context.Context) (opened []*connection, hangUp func() error, err error) {
	hangUp = func() error {
		var errs []error
		for _, c := range opened {
			errs = append(errs, c.close())
		}
		return errors.Join(errs...)
	}
	for n := range t.connections {
		var own []string
		for i := n; i < len(t.account.documents); i += t.connections {
			own = append(own, t.account.documents[i])
		}
		c, err := t.account.dial(ctx, t.platform.address, own)
		if err != nil {
			return nil, nil, errors.Join(err, hangUp())
		}
		opened = append(opened, c)
	}
	return opened, hangUp, nil
}

// prepareRenames measures renames a second over HTTP, each answered when the read
// models hold it, beside single-row transactions of pgbench.
func prepareRenames(ctx context.Context, b *bench) (contest, error) {
	t, err := newRenameTrial(ctx, b, connections, max(b.documents, connections))
	if err != nil {
		return contest{}, err
	}
	return contest{reference: pgbenchRate(b), product: t.rate, close: t.close}, nil
}

func (t *renameTrial) rate(ctx context.Context) (_ float64, err error) {
	opened, hangUp, err := t.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	perSecond, err := rate(ctx, len(opened), t.b.duration(), func(_ context.Context, n int) error {
		return opened[n].rename()
	})
	if err != nil {
		return 0, err
	}
	return perSecond, t.caughtUp(ctx, opened)
}

// caughtUp fails unless the read models hold the last rename of each connection.
func (t *renameTrial) caughtUp(ctx context.Context, opened []*connection) error {
	for _, c := range opened {
		if c.n == 0 {
			continue
		}
		name, err := t.account.filename(ctx, c.document())
		if err != nil {
			return err
		}
		if name != c.last {
			return fmt.Errorf("document %s is called %q, not %q: the answer was early", c.document(), name, c.last)
		}
	}
	return nil
}

// prepareLatency measures how long one rename takes when there is nothing else to
// do, beside one transaction of pgbench.
func prepareLatency(ctx context.Context, b *bench) (contest, error) {
	t, err := newRenameTrial(ctx, b, 1, latencyDocuments)
	if err != nil {
		return contest{}, err
	}
	reference := func(ctx context.Context) (float64, error) {
		r, err := pgbench{b: b, clients: 1, logged: true}.run(ctx)
		return medianDuration(r.latencies), err
	}
	return contest{reference: reference, product: t.latency, close: t.close}, nil
}

// latency returns the median in milliseconds.
func (t *renameTrial) latency(ctx context.Context) (_ float64, err error) {
	opened, hangUp, err := t.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	var took []time.Duration
	for begin := time.Now(); len(took) < leastSamples || time.Since(begin) < t.b.duration(); {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		from := time.Now()
		if err := opened[0].rename(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(from))
	}
	return medianDuration(took), t.caughtUp(ctx, opened)
}
