package tenantdb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// firstRetryLimit bounds the first transaction of a parked target; each attempt
// in vain doubles it.
const firstRetryLimit = 2 * time.Second

// Run brings parked targets up to their ledgers, moves checkpoints over events
// that mean nothing to the main database, and looks for what was left behind,
// until ctx ends. It returns when all of that has stopped.
func (p *Projector) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { p.flushing(ctx) })
	if p.cfg.Heads != nil {
		work.Go(func() { p.watch(ctx) })
	}
	slots := make(chan struct{}, p.cfg.Parallel)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		pause := p.startDue(ctx, &work, slots)
		timer.Reset(pause)
	}
}

// startDue starts retries that are due, as far as there are slots, and returns how
// long to wait for the next if nobody wakes us.
func (p *Projector) startDue(ctx context.Context, work *sync.WaitGroup, slots chan struct{}) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	pause := time.Minute
	for t, e := range p.parked {
		if e.running {
			continue
		}
		if wait := e.next.Sub(now); wait > 0 {
			pause = min(pause, wait)
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			return time.Minute // whoever ends wakes us
		}
		e.running = true
		work.Go(func() {
			p.retry(ctx, t, e)
			<-slots
			p.nudge()
		})
	}
	return pause
}

// retry brings a parked target up to its ledger, and ends the parking when
// nothing is held back any more.
func (p *Projector) retry(ctx context.Context, t target, e *parking) {
	stuck := int64(-1)
	for {
		reached, more, err := p.retryOnce(ctx, t, e)
		if ctx.Err() != nil {
			return
		}
		if err == nil && !more && p.settle(ctx, t, e, reached) {
			return
		}
		if err == nil && !more && reached == stuck {
			err = &ledgerError{fmt.Errorf("%w, after %d", errLedgerBehind, reached)}
		}
		stuck = reached
		if err == nil {
			continue
		}
		f := diagnose(err)
		if f.reason == ReasonNotProvisioned && p.purged(ctx, t) {
			p.unpark(t)
			return
		}
		if !p.split(e, f) {
			p.postpone(ctx, t, e, f)
			return
		}
	}
}

// retryOnce applies the next events of the ledger. It returns how far the target
// was before, and whether there were any.
func (p *Projector) retryOnce(ctx context.Context, t target, e *parking) (reached int64, more bool, err error) {
	p.mu.Lock()
	size, limit := e.size, min(firstRetryLimit<<min(e.attempts, 16), p.cfg.RetryLimit)
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if reached, err = p.checkpoint(ctx, t); err != nil {
		return 0, false, err
	}
	s, err := p.read(ctx, t, reached, size)
	if err != nil || s == nil {
		return reached, false, err
	}
	if err := p.apply(ctx, t, s); err != nil {
		return reached, true, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e.attempts, e.poison = 0, 0
	e.size = min(e.size*2, p.cfg.MaxBatch)
	return reached, true, nil
}

// split makes the next transaction smaller, in search of the event that is
// poison; false once that is known.
func (p *Projector) split(e *parking, f failure) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.reason != ReasonPoison || f.seq > 0 {
		return false
	}
	e.size = max(1, e.size/8)
	return true
}

// postpone notes an attempt in vain.
func (p *Projector) postpone(ctx context.Context, t target, e *parking, f failure) {
	p.mu.Lock()
	news := e.reason != f.reason || e.poison != f.seq
	e.poison, e.running = f.seq, false
	e.wait(f.reason)
	overdue := e.overdue()
	p.mu.Unlock()
	if news && ctx.Err() == nil {
		p.log(ctx, t, f, "read models stay parked")
	}
	if overdue {
		p.cfg.Logger.LogAttrs(ctx, slog.LevelError, "read models wait for a row that does not come",
			t.attrs(slog.Any("error", f.err))...)
	}
}

// purged reports whether a tenant's database is gone for good, as the main
// database's read models tell.
func (p *Projector) purged(ctx context.Context, t target) bool {
	ctx, cancel := context.WithTimeout(ctx, firstRetryLimit)
	defer cancel()
	var purged bool
	err := p.cfg.Pools.Platform().QueryRow(ctx,
		`select exists (select from tenants where id = $1 and purged_at is not null)`, t.ledger).Scan(&purged)
	return err == nil && purged
}

// unpark ends the parking of a target that there is nothing to bring to any more.
func (p *Projector) unpark(t target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.parked[t]; ok {
		p.learn(t, e.heldBack)
		delete(p.parked, t)
	}
}

// settle ends a parking if the target has all that there is.
func (p *Projector) settle(ctx context.Context, t target, e *parking, reached int64) bool {
	p.mu.Lock()
	done := reached >= e.heldBack
	if done {
		delete(p.parked, t)
	}
	p.mu.Unlock()
	if done {
		p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "read models caught up", t.attrs(
			slog.String("reason", string(e.reason)), slog.Int64("event", reached),
			slog.Duration("parked_for", time.Since(e.since)))...)
	}
	return done
}

// flushing flushes at intervals until ctx ends.
func (p *Projector) flushing(ctx context.Context) {
	ticker := time.NewTicker(p.cfg.FlushEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := p.flush(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			p.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "checkpoints trail", slog.Any("error", err))
		}
		failing = err != nil
	}
}
