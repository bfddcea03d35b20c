package tenantdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/events"
)

// gathering is a pass over a source for some databases.
type gathering struct {
	rebuild *Rebuild
	source  Source
	shadows []*shadow
	tenants map[uuid.UUID]*shadow // by the only ledger that they read; the platform's reads all

	following sync.Mutex // of the source
}

// shadowsAtOnce is how many databases are worked at at the same time.
const shadowsAtOnce = 4

func newGathering(r *Rebuild, source Source, list []*shadow) *gathering {
	g := &gathering{rebuild: r, source: source, shadows: list, tenants: make(map[uuid.UUID]*shadow, len(list))}
	for _, s := range list {
		if s.target.site == onTenant {
			g.tenants[s.target.ledger] = s
		}
	}
	return g
}

// wanted reports whether any database of the pass reads a ledger. It is asked for each
// event of the source.
func (g *gathering) wanted(ledger uuid.UUID) bool {
	if s := g.shadows[0]; s.target.site == onPlatform {
		return s.wants(ledger)
	}
	s, ok := g.tenants[ledger]
	return ok && s.wants(ledger)
}

// each calls f for every database, for some of them at once.
func (g *gathering) each(f func(*shadow)) {
	var group errgroup.Group
	group.SetLimit(shadowsAtOnce)
	for _, s := range g.shadows {
		group.Go(func() error {
			f(s)
			return nil
		})
	}
	_ = group.Wait() // nobody fails here
}

// finish compares and swaps a database that was filled, lets go of it, and returns what
// came of it.
func (g *gathering) finish(ctx context.Context, s *shadow) Rebuilt {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.failure() == nil {
		s.failed(s.finish(ctx, g))
	}
	s.result.Seq = s.positions[s.result.Ledger]
	s.close(ctx)
	if err := s.failure(); err != nil {
		s.result.Err = fmt.Errorf("rebuild %s: %w", s.target.database(), err)
	}
	return s.result
}

// follow brings the databases up to where the source ends now, or to their goals; one
// that is being finished is handed its events to take them itself. The next events are
// read and decoded while the last are applied.
func (g *gathering) follow(ctx context.Context) error {
	g.following.Lock()
	defer g.following.Unlock()
	ready := make(chan [][]*stretch, 1)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(ready)
		return g.source.Follow(ctx, g.wanted, func(messages []events.Message) error {
			cuts, err := g.prepare(ctx, messages)
			if err != nil {
				return err
			}
			select {
			case ready <- cuts:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	group.Go(func() error {
		for cuts := range ready {
			if err := g.apply(ctx, cuts); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// prepare cuts messages into stretches, and decodes those that mean something.
func (g *gathering) prepare(ctx context.Context, messages []events.Message) ([][]*stretch, error) {
	cuts := cut(messages)
	for _, list := range cuts {
		for _, s := range list {
			if !s.concerns((target{s.ledger, g.shadows[0].target.site}).reads()) {
				continue
			}
			if err := s.open(ctx, g.rebuild.cfg.Keys); err != nil {
				return nil, fmt.Errorf("keys of persons: %w", err)
			}
		}
	}
	return cuts, nil
}

// apply brings stretches to the databases that read them. A database that fails is
// left alone from then on.
func (g *gathering) apply(ctx context.Context, cuts [][]*stretch) error {
	byLedger := make(map[uuid.UUID][]*stretch, len(cuts))
	for _, list := range cuts {
		byLedger[list[0].ledger] = list
	}
	g.each(func(s *shadow) {
		for ledger, list := range byLedger {
			if s.wants(ledger) {
				s.hold(ledger, list)
			}
		}
		if !s.turn.TryLock() {
			return
		}
		defer s.turn.Unlock()
		s.failed(s.take(ctx))
	})
	return ctx.Err()
}
