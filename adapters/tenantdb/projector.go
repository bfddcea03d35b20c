package tenantdb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// Ledger is where events come from that did not come by Kafka.
type Ledger interface {
	// Read returns up to limit events of a ledger, those after the given sequence
	// number, in order. None are left when it returns fewer.
	Read(ctx context.Context, ledger uuid.UUID, after int64, limit int) ([]events.Message, error)
}

// Keys opens what events say of persons.
type Keys interface {
	// Keys returns the keys of those persons who are not erased.
	Keys(ctx context.Context, persons ...uuid.UUID) (events.Keys, error)
}

// Head is how far a ledger has come.
type Head struct {
	Ledger uuid.UUID
	Seq    int64
}

// ProjectorConfig says what a projector works with. Zero durations and numbers
// mean the defaults.
type ProjectorConfig struct {
	Pools  *Pools
	Ledger Ledger
	Keys   Keys
	Logger *slog.Logger

	// Heads returns up to limit ledgers with their last sequence number, those after
	// the given id, by id. None are left when it returns fewer. It may be nil; then
	// nobody looks for what was left behind when a process was killed.
	Heads func(ctx context.Context, after uuid.UUID, limit int) ([]Head, error)

	// OnProgress, which may be nil, is called after each commit. It must not block.
	OnProgress func(projections.Progress)

	Parallel   int           // ledgers worked on at once; default 4
	MaxBatch   int           // events in one transaction; default 5,000
	Patience   time.Duration // for a tenant's database, beside 1 ms an event, before it is parked; default 500 ms
	RetryLimit time.Duration // for one transaction of a parked ledger; default 30 s
	FlushEvery time.Duration // how far a checkpoint may trail over events that mean nothing to it; default 50 ms
	ScanEvery  time.Duration // between looks for ledgers left behind; default 1 minute
	Grace      time.Duration // that Kafka gets to bring what a look found missing; default 1 s
}

func (c ProjectorConfig) withDefaults() ProjectorConfig {
	c.Parallel = positive(c.Parallel, 4)
	c.MaxBatch = positive(c.MaxBatch, 5_000)
	c.Patience = positive(c.Patience, 500*time.Millisecond)
	c.RetryLimit = positive(c.RetryLimit, 30*time.Second)
	c.FlushEvery = positive(c.FlushEvery, 50*time.Millisecond)
	c.ScanEvery = positive(c.ScanEvery, time.Minute)
	c.Grace = positive(c.Grace, time.Second)
	return c
}

// platformLimit is how long a transaction on the main database may take.
const platformLimit = 30 * time.Second

// Projector brings events into the read models. See the package for what it
// promises.
type Projector struct {
	cfg  ProjectorConfig
	wake chan struct{}

	mu     sync.Mutex
	parked map[target]*parking
	idle   map[uuid.UUID]interval // of ledgers whose last events mean nothing to the main database
	known  map[target]int64       // how far targets are known to be, at least
	even   map[target]int64       // where all checkpoints of targets stood when they were last moved
}

// NewProjector returns a projector. [Projector.Run] must run beside
// [Projector.Apply].
func NewProjector(cfg ProjectorConfig) *Projector {
	return &Projector{
		cfg:    cfg.withDefaults(),
		wake:   make(chan struct{}, 1),
		parked: make(map[target]*parking), idle: make(map[uuid.UUID]interval), known: make(map[target]int64),
		even: make(map[target]int64),
	}
}

// Apply brings a batch of messages into the read models, in any order and any
// number of times each. When it returns nil the batch needs no redelivery: each
// event is in the read models, or its ledger is parked. It fails when the main
// database or the keys can't be reached, and with ctx.
func (p *Projector) Apply(ctx context.Context, messages []events.Message) error {
	stretches := cut(messages)
	if len(stretches) == 1 {
		return p.project(ctx, stretches[0])
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.cfg.Parallel)
	for _, list := range stretches {
		group.Go(func() error { return p.project(ctx, list) })
	}
	return group.Wait()
}

// project brings stretches of one ledger, in order, to the databases that read it.
func (p *Projector) project(ctx context.Context, list []*stretch) error {
	for _, s := range list {
		if s.ledger == events.PlatformLedger {
			if err := p.offer(ctx, target{s.ledger, onPlatform}, s); err != nil {
				return err
			}
			continue
		}
		var tenant error
		done := make(chan struct{})
		go func() {
			defer close(done)
			tenant = p.offer(ctx, target{s.ledger, onTenant}, s)
		}()
		err := p.offer(ctx, target{s.ledger, onPlatform}, s)
		<-done
		if err == nil {
			err = tenant
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// offer brings a stretch to one target, or parks the target. It fails when the
// stretch must be offered again.
func (p *Projector) offer(ctx context.Context, t target, s *stretch) error {
	switch {
	case p.dropped(t, s):
		return nil
	case !s.concerns(t.reads()):
		p.pass(t.ledger, interval{s.from - 1, s.to})
		return nil
	}
	limit := platformLimit
	if t.site == onTenant {
		limit = p.cfg.Patience + time.Duration(len(s.messages))*time.Millisecond
	}
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := p.advance(attempt, t, s)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("project ledger %s: %w", t.ledger, ctx.Err())
	}
	f := diagnose(err)
	if t.site == onPlatform && f.reason == ReasonUnavailable {
		return fmt.Errorf("project ledger %s: %w", t.ledger, err)
	}
	p.park(ctx, t, f, s)
	return nil
}

// progressed notes, and tells, that a target holds all up to seq.
func (p *Projector) progressed(t target, seq int64) {
	p.mu.Lock()
	p.learn(t, seq)
	p.mu.Unlock()
	if p.cfg.OnProgress != nil {
		p.cfg.OnProgress(projections.Progress{Database: t.database(), Ledger: t.ledger, Seq: seq})
	}
}
