package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/events"
)

const (
	parallel   = 8               // events that are worked on at once, of a batch and of those put off each
	maxAttempt = 5 * time.Minute // for one attempt; its file may be large, and the store slow
	lease      = maxAttempt + time.Minute
	firstPause = time.Second      // after the first failure
	maxPause   = 30 * time.Second // after any
	pollEvery  = time.Second
	tellEvery  = time.Minute
)

// Deferred is an event that was put off.
type Deferred struct {
	events.Message

	Attempts int       // that failed
	Since    time.Time // when it was first put off
}

// Deferrals keeps events that could not be acted on yet, in named queues.
type Deferrals interface {
	// Defer keeps an event until a time from now, after so many failed attempts. One
	// that is kept already stays as it is.
	Defer(ctx context.Context, queue string, m events.Message, attempts int, reason string, wait time.Duration) error
	// Due hands out an event that is due; false if none is. It is due again after
	// lease unless it is settled before.
	Due(ctx context.Context, queue string, lease time.Duration) (Deferred, bool, error)
	// Again puts an event off once more, after another failed attempt.
	Again(ctx context.Context, queue string, event uuid.UUID, reason string, wait time.Duration) error
	// Done forgets an event.
	Done(ctx context.Context, queue string, event uuid.UUID) error
	// Failing returns how many events have failed, and since when the oldest waits.
	Failing(ctx context.Context, queue string) (count int, oldest time.Time, err error)
}

// Patient acts on events and puts off those that fail, so that others go on: the first
// time for a second, then twice as long each time, up to half a minute, for as long as
// it takes. What is put off outlives the process.
type Patient struct {
	Queue     string
	Act       func(context.Context, events.Message) error // may be called again with the same event
	Deferrals Deferrals
	Logger    *slog.Logger
	Delay     time.Duration // since an event, before it is acted on at all
}

// Handle acts on a batch. It fails only if an event can neither be acted on nor put off.
func (p *Patient) Handle(ctx context.Context, batch []events.Message) error {
	var group errgroup.Group // without a shared context: one failure must not stop the others
	group.SetLimit(parallel)
	failures := make([]error, len(batch))
	for i, message := range batch {
		group.Go(func() error {
			failures[i] = p.handle(ctx, message)
			return nil
		})
	}
	_ = group.Wait() // reports through failures
	return errors.Join(failures...)
}

func (p *Patient) handle(ctx context.Context, m events.Message) error {
	if early := time.Until(m.At.Add(p.Delay)); early > 0 {
		return p.Deferrals.Defer(ctx, p.Queue, m, 0, "", early)
	}
	err := p.attempt(ctx, m)
	if err == nil || ctx.Err() != nil {
		return err
	}
	wait := pauseAfter(1)
	p.tell(ctx, m, err, slog.Duration("again_in", wait))
	if unkept := p.Deferrals.Defer(ctx, p.Queue, m, 1, err.Error(), wait); unkept != nil {
		return errors.Join(err, unkept)
	}
	return nil
}

func (p *Patient) attempt(ctx context.Context, m events.Message) error {
	ctx, cancel := context.WithTimeout(ctx, maxAttempt)
	defer cancel()
	return p.Act(ctx, m)
}

// Run acts on what was put off, when it is due, until ctx ends.
func (p *Patient) Run(ctx context.Context) {
	var group errgroup.Group
	for range parallel {
		group.Go(func() error {
			for every(ctx, pollEvery) {
				if _, err := p.Redrive(ctx); err != nil && ctx.Err() == nil {
					p.Logger.LogAttrs(ctx, slog.LevelWarn, "deferred events wait", slog.String("queue", p.Queue), slog.Any("error", err))
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for every(ctx, tellEvery) {
			p.report(ctx)
		}
		return nil
	})
	_ = group.Wait() // nothing fails
}

// Redrive acts on what was put off and is due, one after the other, and returns how
// many of these could be acted on.
func (p *Patient) Redrive(ctx context.Context) (done int, err error) {
	for {
		due, found, err := p.Deferrals.Due(ctx, p.Queue, lease)
		if err != nil || !found {
			return done, err
		}
		failure := p.attempt(ctx, due.Message)
		switch {
		case ctx.Err() != nil: // its lease runs out
			return done, ctx.Err()
		case failure != nil:
			wait := pauseAfter(due.Attempts + 1)
			p.tell(ctx, due.Message, failure, slog.Duration("again_in", wait),
				slog.Int("attempts", due.Attempts+1), slog.Time("since", due.Since))
			err = p.Deferrals.Again(ctx, p.Queue, due.ID, failure.Error(), wait)
		default:
			done++
			err = p.Deferrals.Done(ctx, p.Queue, due.ID)
		}
		if err != nil {
			return done, fmt.Errorf("settle event %s: %w", due.ID, err)
		}
	}
}

// tell logs that an event was put off.
func (p *Patient) tell(ctx context.Context, m events.Message, failure error, attrs ...slog.Attr) {
	p.Logger.LogAttrs(ctx, slog.LevelWarn, "put off, will be tried again", append(attrs,
		slog.String("queue", p.Queue), slog.String("event_type", string(m.Type)), slog.String("tenant_id", m.Ledger.String()),
		slog.String("stream_id", m.StreamID.String()), slog.Any("error", failure))...)
}

// report logs how much waits, if anything failed.
func (p *Patient) report(ctx context.Context) {
	count, oldest, err := p.Deferrals.Failing(ctx, p.Queue)
	if err == nil && count > 0 {
		p.Logger.LogAttrs(ctx, slog.LevelError, "events wait to be acted on", slog.String("queue", p.Queue),
			slog.Int("events", count), slog.Duration("oldest", time.Since(oldest).Round(time.Second)))
	}
}

// pauseAfter returns how long to wait after so many failures: up to half a minute,
// half of it by chance.
func pauseAfter(failures int) time.Duration {
	pause := maxPause
	if failures < 6 { // 1, 2, 4, 8, 16 s
		pause = firstPause << (failures - 1)
	}
	return pause/2 + rand.N(pause/2) //nolint:gosec // spreads attempts, guards nothing
}

// every waits and reports whether ctx is still good.
func every(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
