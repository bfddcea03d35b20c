package tenantdb

import (
	"context"
	"fmt"

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
}

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

// follow brings the databases up to where the source ends now, or to their goals.
// The next events are read and decoded while the last are applied.
func (g *gathering) follow(ctx context.Context) error {
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
	var group errgroup.Group
	group.SetLimit(4)
	byLedger := make(map[uuid.UUID][]*stretch, len(cuts))
	for _, list := range cuts {
		byLedger[list[0].ledger] = list
	}
	for _, s := range g.shadows {
		group.Go(func() error {
			for ledger, list := range byLedger {
				if s.wants(ledger) {
					s.failed(s.take(ctx, ledger, list))
				}
			}
			return nil
		})
	}
	_ = group.Wait() // nobody fails here
	return ctx.Err()
}
