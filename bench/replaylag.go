package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// lagTrial is a tenant who renames a document, again and again, on a platform where
// another tenant is replayed.
type lagTrial struct {
	*replayTrial

	program  string // this one
	tenant   uuid.UUID
	actor    uuid.UUID
	document events.Stream
	version  int64
	ledger   *postgres.Ledger
	reached  chan int64 // sequence numbers that the tenant's read models hold
	stop     func() error

	idle, busy [][]time.Duration // by round
}

// lags measures, in milliseconds, how long it takes from a command until read models
// hold what it did, while another tenant is replayed, beside the same with no replay.
// It returns a quantile of that.
func lags(name string, quantile float64) figure {
	return figure{name: name, unit: "ms", aim: 2, lowerIsBetter: true, prepare: func(ctx context.Context, b *bench) (contest, error) {
		t, err := b.theLag(ctx)
		if err != nil {
			return contest{}, err
		}
		// What was measured for one quantile is good for the other.
		rounds := func(kept *[][]time.Duration, measure func(context.Context) ([]time.Duration, error)) func(context.Context) (float64, error) {
			n := 0
			return func(ctx context.Context) (float64, error) {
				if n == len(*kept) {
					took, err := measure(ctx)
					if err != nil {
						return 0, err
					}
					*kept = append(*kept, took)
				}
				n++
				return quantileOf((*kept)[n-1], quantile), nil
			}
		}
		return contest{reference: rounds(&t.idle, t.alone), product: rounds(&t.busy, t.beside)}, nil
	}}
}

// quantileOf returns a quantile of durations, in milliseconds.
func quantileOf(took []time.Duration, quantile float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	at := min(int(quantile*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at]) / float64(time.Millisecond)
}

// theLag makes the trial when it is first asked for.
func (b *bench) theLag(ctx context.Context) (*lagTrial, error) {
	if b.lag != nil {
		return b.lag, nil
	}
	replayed, err := b.theReplay(ctx, b.replay, 1)
	if err != nil {
		return nil, err
	}
	t := &lagTrial{replayTrial: replayed, tenant: uuid.New(), actor: uuid.New(), reached: make(chan int64, 1)}
	if t.program, err = b.buildSelf(ctx, "bench-replay"); err != nil {
		return nil, err
	}
	if err := t.provision(ctx, []uuid.UUID{t.tenant}); err != nil {
		return nil, err
	}
	b.say("  bringing a projector up to date")
	t.start(ctx)
	if err := t.upload(ctx); err != nil {
		return nil, errors.Join(err, t.stop())
	}
	b.lag = t
	return t, nil
}

// start runs relay and projector, as the worker does, until stop.
func (t *lagTrial) start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	logger := slog.New(slog.DiscardHandler)
	wake := make(chan struct{}, 1)
	t.ledger = postgres.New(t.pool, postgres.Options{OnAppend: func(uuid.UUID, int64) {
		select {
		case wake <- struct{}{}:
		default:
		}
	}})
	publisher := kafka.NewPublisher(kafka.PublisherConfig{Brokers: t.topics.addresses()})
	relay := kafka.NewRelay(postgres.NewOutbox(t.pool), publisher, kafka.RelayOptions{Wake: wake, Logger: logger})
	pools := tenantdb.New(tenantdb.Config{Platform: t.pool, MaxConns: poolSize}) //nolint:contextcheck // closed by stop
	database := events.DatabaseName(t.tenant)
	projector := tenantdb.NewProjector(tenantdb.ProjectorConfig{
		Pools: pools, Ledger: t.ledger, Keys: postgres.NewPersonKeys(t.pool), Logger: logger,
		OnProgress: func(p projections.Progress) {
			if p.Database == database {
				select {
				case <-t.reached: // nobody has asked for it yet
				default:
				}
				t.reached <- p.Seq
			}
		},
	})
	subscriber := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: t.topics.addresses(), Group: "bench-lag", Topics: []string{events.TopicAudit}, Logger: logger,
	})
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return relay.Run(running, func() bool { return true }) })
	group.Go(func() error { projector.Run(running); return nil })
	group.Go(func() error { return subscriber.Run(running, projector.Apply) })
	t.stop = func() error {
		cancel()
		_ = group.Wait() // it was cancelled
		t.ledger.Close()
		pools.Close()
		return publisher.Close()
	}
}

// upload uploads the document. It waits for whatever the log holds already.
func (t *lagTrial) upload(ctx context.Context) error {
	const patience = 5 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list := life(t.tenant, t.actor, 1)
	t.document, t.version = list[2].Changes[0].Stream, list[2].Changes[0].Expected+1
	for _, a := range list {
		if err := t.append(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// append returns when the tenant's read models hold what a does.
func (t *lagTrial) append(ctx context.Context, a command.Append) error {
	receipt, err := t.ledger.Append(ctx, a)
	if err != nil {
		return err
	}
	for seq := int64(0); seq < receipt.Seq; {
		select {
		case seq = <-t.reached:
		case <-ctx.Done():
			return fmt.Errorf("the read models do not reach event %d: %w", receipt.Seq, ctx.Err())
		}
	}
	return nil
}

// renameUntil renames the document, without a pause, until enough says so.
func (t *lagTrial) renameUntil(ctx context.Context, enough func(n int) bool) (took []time.Duration, err error) {
	for !enough(len(took)) {
		begin := time.Now()
		err := t.append(ctx, command.Append{Ledger: t.tenant, Meta: meta(t.actor), Changes: []command.Change{{
			Stream: t.document, Expected: t.version, Events: []events.Event{renamed(int(t.version))},
		}}})
		if err != nil {
			return nil, err
		}
		t.version++
		took = append(took, time.Since(begin))
	}
	return took, nil
}

func (t *lagTrial) alone(ctx context.Context) ([]time.Duration, error) {
	begin := time.Now()
	return t.renameUntil(ctx, func(n int) bool { return n >= leastSamples && time.Since(begin) >= t.b.duration() })
}

// beside measures for as long as a replay takes in a process of its own, or several if
// one is too short.
func (t *lagTrial) beside(ctx context.Context) (all []time.Duration, err error) {
	for len(all) < leastSamples {
		ended := make(chan error, 1)
		go func() {
			_, err := t.replayElsewhere(ctx, t.program)
			ended <- err
		}()
		took, err := t.renameUntil(ctx, func(int) bool { return len(ended) > 0 })
		if err = errors.Join(err, <-ended); err != nil {
			return nil, err
		}
		all = append(all, took...)
	}
	return all, nil
}
