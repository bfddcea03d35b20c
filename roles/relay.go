package roles

import (
	"context"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
)

// relayLeadership names the lock of which one relay at a time is the holder.
const relayLeadership = "relay"

// Relay brings events from the outbox to Kafka whenever it leads, until ctx ends.
func (p *Platform) Relay(ctx context.Context) error {
	if err := p.ensureTopics(ctx); err != nil {
		return err
	}
	wake := make(chan struct{}, 1)
	p.hints.OnAppended(func() {
		select {
		case wake <- struct{}{}:
		default: // it will look anyway
		}
	})
	publisher := kafka.NewPublisher(kafka.PublisherConfig{Brokers: p.cfg.Kafka.Brokers, Security: p.kafkaSecurity()})
	defer closing(ctx, p.logger, "kafka publisher", publisher)
	relay := kafka.NewRelay(postgres.NewOutbox(p.main), publisher, kafka.RelayOptions{Wake: wake, Logger: p.logger})
	return postgres.Lead(ctx, p.main, relayLeadership, p.logger, func(ctx context.Context, l *postgres.Leadership) error {
		return relay.Run(ctx, l.Valid)
	})
}
