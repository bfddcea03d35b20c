package roles

import (
	"context"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

const projectorGroup = "cartulary-projector"

// Projector keeps the read models up with audit.log until ctx ends.
func (p *Platform) Projector(ctx context.Context) error {
	if err := p.ensureTopics(ctx); err != nil {
		return err
	}
	projector := tenantdb.NewProjector(tenantdb.ProjectorConfig{
		Pools: p.pools, Ledger: p.ledger, Keys: p.keys, Heads: p.heads, Logger: p.logger,
		OnProgress: func(progress projections.Progress) { p.hints.Projected(ctx, progress) },
	})
	subscriber := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: p.cfg.Kafka.Brokers, Security: p.kafkaSecurity(), Group: projectorGroup, Topics: []string{events.TopicAudit}, Logger: p.logger,
	})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		projector.Run(ctx)
		return nil
	})
	group.Go(func() error { return subscriber.Run(ctx, projector.Apply) })
	return group.Wait()
}

// heads pages over all ledgers.
func (p *Platform) heads(ctx context.Context, after uuid.UUID, limit int) ([]tenantdb.Head, error) {
	heads, err := p.ledger.Ledgers(ctx, after, limit)
	list := make([]tenantdb.Head, len(heads))
	for i, h := range heads {
		list[i] = tenantdb.Head(h)
	}
	return list, err
}
