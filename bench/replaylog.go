package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// publishTrails publishes the lives of documents of some tenants, n events in all or a
// few more, as the relay does, and returns how many there are. The tenants' events are
// as mixed as those of tenants who are all at work.
func publishTrails(ctx context.Context, t *topics, tenants []uuid.UUID, n int) (_ int64, err error) {
	publisher := kafka.NewPublisher(kafka.PublisherConfig{Brokers: t.addresses()})
	defer func() { err = errors.Join(err, publisher.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &written{until: int64(n), done: cancel}
	for _, tenant := range tenants {
		w := newScribe(tenant)
		w.begin()
		out.scribes = append(out.scribes, w)
	}
	err = kafka.NewRelay(out, publisher, kafka.RelayOptions{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, func() bool { return true })
	out.mu.Lock() // the relay may still read ahead
	defer out.mu.Unlock()
	if err == nil && out.left > 0 {
		err = fmt.Errorf("%d events were not published: %w", out.left, context.Cause(ctx))
	}
	return out.n, errors.Join(err, out.err)
}

// written is an outbox of what scribes write, one row an event.
type written struct {
	scribes []*scribe
	until   int64 // events
	done    func()

	mu      sync.Mutex       // of what follows, and of the scribes
	n, left int64            // events written; of them, not done
	waiting []events.Message // in order; the id of the first is n - len(waiting) + 1
	err     error
}

// Pending implements [kafka.Outbox].
func (o *written) Pending(_ context.Context, after int64, limit int) ([]events.Message, []int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := o.n - int64(len(o.waiting)) + 1
	skip := int(max(0, after+1-first))
	for len(o.waiting)-skip < limit && o.n < o.until && o.err == nil {
		w := o.scribes[int(o.n)%len(o.scribes)]
		w.until++
		if !w.Next() {
			o.err = errors.Join(w.Err(), errors.New("a scribe wrote nothing"))
		}
		o.waiting = append(o.waiting, w.message)
		o.n++
		o.left++
	}
	if o.err != nil {
		o.done()
	}
	page := o.waiting[min(skip, len(o.waiting)):]
	page = page[:min(limit, len(page))]
	ids := make([]int64, len(page))
	for i := range ids {
		ids[i] = first + int64(min(skip, len(o.waiting))+i)
	}
	return page, ids, nil
}

// Done implements [kafka.Outbox].
func (o *written) Done(_ context.Context, ids []int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := o.n - int64(len(o.waiting)) + 1
	if len(ids) > 0 && ids[0] != first {
		return fmt.Errorf("row %d is done before row %d", ids[0], first)
	}
	o.waiting = o.waiting[len(ids):]
	if o.left -= int64(len(ids)); o.left == 0 && o.n >= o.until {
		o.done()
	}
	return nil
}

// begin writes the tenant itself.
func (w *scribe) begin() {
	w.live(command.Append{Ledger: w.tenant, Meta: meta(w.actor), Changes: []command.Change{{
		Stream: events.Stream{Kind: events.KindTenant, ID: w.tenant},
		Events: []events.Event{events.TenantCreated{DatabaseName: events.DatabaseName(w.tenant), Name: "Archive of deeds"}, events.TenantProvisioned{}},
	}}})
}
