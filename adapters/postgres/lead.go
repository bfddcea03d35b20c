package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Lead sees to it that, of all processes that call it with the same name on the
// same database, one runs run at a time.
//
//	           lock free                proof fails, or connection lost
//	candidate ───────────▶ leader ──────────────────────────┐
//	    ▲  │  asks every 1 s   proves itself every 1.5 s    ▼
//	    │  └──┐                                     run's ctx cancelled
//	    └─────┘◀──────────────────────────────────── run has returned
//
// The leader holds an advisory lock on a connection of its own. The lock is gone
// at once when the process dies or its connection breaks. A leader that is frozen
// or cut off is dropped by the server 10 s after its last proof; its own trust in
// itself ends 5 s after that proof, so it learns from [Leadership.Valid] that it is
// no longer the leader before anyone else can be, even when it slept through the
// change. There is one exception: a session that ends on the server while its leader is
// frozen or does not hear of it (the server crashed, an administrator ended the session,
// something on the way reset the connection towards the server alone) frees the lock at
// once, and the leader may take itself for one for up to 5 s beside another. What leaders
// do must bear that: here, the same events are published twice, or the same checkpoint is
// signed twice.
//
// run gets a context that ends as soon as leadership can't be proven. When run
// returns nil, Lead campaigns again; when it returns an error while it still leads,
// Lead returns that error. When ctx ends, Lead waits for run, gives up the lock and
// returns nil. It takes up to about 11 s for another to take over from a leader
// that was cut off, 1 s from one that died.
func Lead(
	ctx context.Context, pool *pgxpool.Pool, name string, logger *slog.Logger,
	run func(ctx context.Context, l *Leadership) error,
) error {
	c := &candidate{pool: pool, name: name, run: run}
	defer c.resign(ctx)
	logger = logger.With(slog.String("leadership", name))
	for ctx.Err() == nil {
		elected, err := c.campaign(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			logger.WarnContext(ctx, "campaign failed", slog.Any("error", err))
			c.resign(ctx)
		case elected:
			logger.InfoContext(ctx, "leading")
			lost, err := c.lead(ctx)
			c.resign(ctx)
			if lost == nil && err != nil && ctx.Err() == nil {
				return fmt.Errorf("lead %s: %w", name, err)
			}
			logger.InfoContext(ctx, "no longer leading", slog.Any("cause", lost))
		}
		select {
		case <-time.After(campaignEvery):
		case <-ctx.Done():
		}
	}
	return nil
}

// candidate is one who campaigns, or leads.
type candidate struct {
	pool *pgxpool.Pool
	name string
	run  func(context.Context, *Leadership) error

	conn       *pgx.Conn // nil until needed
	leadership *Leadership
}

// campaign asks for the lock once.
func (c *candidate) campaign(ctx context.Context) (elected bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, proveTimeout)
	defer cancel()
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return false, err
		}
	}
	asked := time.Now()
	err = c.conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended($1, 0))`, c.name).Scan(&elected)
	if err != nil {
		return false, fmt.Errorf("ask for the lock: %w", err)
	}
	if elected {
		c.leadership = &Leadership{}
		c.leadership.prove(asked)
	}
	return elected, nil
}

func (c *candidate) connect(ctx context.Context) error {
	pooled, err := c.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.conn = pooled.Hijack()
	_, err = c.conn.Exec(ctx, fmt.Sprintf(`set idle_session_timeout = '%dms'`, sessionIdle.Milliseconds()))
	if err != nil {
		return fmt.Errorf("set up connection: %w", err)
	}
	return nil
}

// resign closes the connection, and with it frees the lock.
func (c *candidate) resign(ctx context.Context) {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = c.conn.Close(ctx) // the server frees the lock in any case
	c.conn = nil
}

// lead runs run under watch. lost is why leadership ended, if it did before run.
func (c *candidate) lead(ctx context.Context) (lost, err error) {
	// The watch outlives ctx: until run has returned, the lock must be held.
	watched, stop := context.WithCancel(context.WithoutCancel(ctx))
	runnable, cancel := context.WithCancel(ctx)
	defer cancel()
	var watch sync.WaitGroup
	watch.Go(func() {
		lost = c.watch(watched)
		c.leadership.end()
		cancel()
	})
	err = c.run(runnable, c.leadership)
	stop()
	watch.Wait()
	if errors.Is(lost, context.Canceled) {
		lost = nil
	}
	return lost, err
}

// watch proves the leadership again and again, until it can't or ctx ends.
func (c *candidate) watch(ctx context.Context) error {
	for {
		if err := c.idle(ctx); err != nil {
			return err
		}
		asked := time.Now()
		if err := c.prove(ctx); err != nil {
			return fmt.Errorf("prove leadership: %w", err)
		}
		c.leadership.prove(asked)
	}
}

// idle waits for the next proof to be due, and notices at once when the
// connection breaks.
func (c *candidate) idle(ctx context.Context) error {
	due, cancel := context.WithTimeout(ctx, proveEvery)
	defer cancel()
	for {
		err := c.conn.PgConn().WaitForNotification(due)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case c.conn.IsClosed():
			return fmt.Errorf("connection lost: %w", err)
		case due.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

func (c *candidate) prove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, proveTimeout)
	defer cancel()
	return c.conn.Ping(ctx)
}
