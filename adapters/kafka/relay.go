package kafka

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Outbox holds the events that are not on Kafka yet.
type Outbox interface {
	// Pending returns whole rows whose ids are greater than after, oldest first: as
	// many as hold about limit events, at least one. ids are in order, the
	// events of one ledger in ledger order. Nothing pending is no error.
	Pending(ctx context.Context, after int64, limit int) (batch []events.Message, ids []int64, err error)

	// Done removes rows.
	Done(ctx context.Context, ids []int64) error
}

const (
	defaultPage  = 1000
	pollFirst    = 2 * time.Millisecond
	pollMost     = 50 * time.Millisecond
	maxPositions = 100_000 // some 10 MB
)

// RelayOptions tune a [Relay]. The zero value is good.
type RelayOptions struct {
	Page        int                    // events read and sent at once; 1,000 if zero. Two pages are in memory at most
	Wake        <-chan struct{}        // says that the outbox may have something; a lost hint costs at most 50 ms
	OnPublished func([]events.Message) // called after each page, before its rows are removed; must not block
	Logger      *slog.Logger           // slog.Default if nil
}

// Relay publishes what is in an outbox; see the package documentation for what it
// guarantees.
type Relay struct {
	outbox    Outbox
	publisher *Publisher
	options   RelayOptions

	// positions holds the last event published of each ledger, as far as known.
	positions map[uuid.UUID]int64

	kafka, database outage
}

// NewRelay returns a relay from outbox to publisher, which stays its owner's to
// close.
func NewRelay(outbox Outbox, publisher *Publisher, options RelayOptions) *Relay {
	if options.Page <= 0 {
		options.Page = defaultPage
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	logger := options.Logger.With(slog.String("component", "relay"))
	return &Relay{
		outbox: outbox, publisher: publisher, options: options,
		positions: make(map[uuid.UUID]int64),
		kafka:     outage{what: "kafka", logger: logger},
		database:  outage{what: "outbox", logger: logger},
	}
}

// errStopped says that the relay may not go on, and that this is no failure.
var errStopped = errors.New("relay stopped")

// Run drains the outbox until ctx ends or valid, asked right before each send,
// says that the relay does not lead any more. It returns nil then, and never
// otherwise. One Run at a time.
func (r *Relay) Run(ctx context.Context, valid func() bool) error {
	clear(r.positions) // another relay may have led in between
	poll := newPoll(r.options.Wake)
	defer poll.stop()
	for {
		page, err := r.read(ctx)
		if err != nil {
			return nil
		}
		if len(page.ids) == 0 {
			if !poll.wait(ctx) {
				return nil
			}
			continue
		}
		poll.reset()
		if err := r.drain(ctx, valid, page); err != nil {
			return nil
		}
		if !page.full && !poll.wait(ctx) {
			return nil
		}
	}
}

// drain publishes page and the pages after it, reading each while the one
// before is sent, up to the first that is not full or can't be proven to follow.
func (r *Relay) drain(ctx context.Context, valid func() bool, page page) error {
	for {
		var ahead *readAhead
		if page.full {
			ahead = r.readAhead(ctx, page.last())
		}
		if err := r.publish(ctx, valid, page); err != nil {
			ahead.cancel()
			return err
		}
		if err := r.done(ctx, page); err != nil {
			ahead.cancel()
			return err
		}
		if ahead == nil {
			return nil
		}
		next := ahead.wait()
		if next.err != nil || len(next.ids) == 0 || !r.follows(next) {
			return nil //nolint:nilerr // whatever it is, reading from the beginning finds out
		}
		page = next
	}
}

// publish sends a page, each time from its start, until all of it has landed.
func (r *Relay) publish(ctx context.Context, valid func() bool, page page) error {
	parcels := envelopes(page.messages)
	for wait := (backoff{}); ; {
		if ctx.Err() != nil || !valid() {
			return errStopped
		}
		err := r.publisher.PublishAll(ctx, parcels...)
		if err == nil {
			break
		}
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return errStopped
		}
		r.kafka.began(ctx, err)
		if !wait.pause(ctx) {
			return errStopped
		}
	}
	r.kafka.ended(ctx)
	if len(r.positions) > maxPositions {
		clear(r.positions)
	}
	for i := range page.messages {
		r.positions[page.messages[i].Ledger] = page.messages[i].Seq
	}
	if r.options.OnPublished != nil {
		r.options.OnPublished(page.messages)
	}
	return nil
}

// done removes a published page's rows. It retries in place, so that the outbox
// is not read again while it still holds them.
func (r *Relay) done(ctx context.Context, page page) error {
	for wait := (backoff{}); ; {
		err := r.outbox.Done(ctx, page.ids)
		if err == nil {
			r.database.ended(ctx)
			return nil
		}
		if ctx.Err() != nil {
			return errStopped
		}
		r.database.began(ctx, err)
		if !wait.pause(ctx) {
			return errStopped
		}
	}
}
