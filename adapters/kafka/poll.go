package kafka

import (
	"context"
	"log/slog"
	"time"
)

// poll waits for a hint, or for a while that grows as long as nothing happens.
type poll struct {
	wake  <-chan struct{}
	timer *time.Timer
	next  time.Duration
}

func newPoll(wake <-chan struct{}) *poll {
	p := &poll{wake: wake, timer: time.NewTimer(time.Hour), next: pollFirst}
	p.timer.Stop()
	return p
}

// wait returns false when ctx has ended.
func (p *poll) wait(ctx context.Context) bool {
	p.timer.Reset(p.next)
	defer p.timer.Stop()
	p.next = min(p.next*2, pollMost)
	select {
	case <-ctx.Done():
		return false
	case _, ok := <-p.wake:
		if !ok {
			p.wake = nil // closed: poll only
		}
	case <-p.timer.C:
	}
	return ctx.Err() == nil
}

func (p *poll) reset() { p.next = pollFirst }

func (p *poll) stop() { p.timer.Stop() }

// outage logs when something goes away and when it is back, and nothing between.
type outage struct {
	what   string
	logger *slog.Logger
	since  time.Time
}

func (o *outage) began(ctx context.Context, err error) {
	if o.since.IsZero() {
		o.since = time.Now()
		o.logger.WarnContext(ctx, "away, retrying", slog.String("what", o.what), slog.Any("error", err))
	}
}

func (o *outage) ended(ctx context.Context) {
	if !o.since.IsZero() {
		o.logger.InfoContext(ctx, "back", slog.String("what", o.what), slog.Duration("away", time.Since(o.since)))
		o.since = time.Time{}
	}
}
