package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/events"
)

// sendAtOnce is how many messages one call of the reference sends.
const sendAtOnce = 1000

// prepareRelay measures how fast the relay drains a backlog, beside sarama
// sending the same messages from memory.
func prepareRelay(ctx context.Context, b *bench) (contest, error) {
	k, err := b.theBacklog(ctx)
	if err != nil {
		return contest{}, err
	}
	perSecond := func(measure func(context.Context, *backlog, *topics) (time.Duration, error)) func(context.Context) (float64, error) {
		return func(ctx context.Context) (_ float64, err error) {
			t, err := b.startBroker(ctx)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, t.close()) }()
			took, err := measure(ctx, k, t)
			return float64(len(k.messages)) / took.Seconds(), err
		}
	}
	return contest{reference: perSecond(sendAll), product: perSecond(relayAll)}, nil
}

// sendAll sends the backlog's messages, keys and bodies alone, to the topics that
// the relay sends them to, a thousand a call.
func sendAll(ctx context.Context, k *backlog, t *topics) (_ time.Duration, err error) {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_0_0_0
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Producer.Idempotent = true
	cfg.Producer.Return.Successes = true
	cfg.Net.MaxOpenRequests = 1 // sarama asks for it when idempotent
	producer, err := sarama.NewSyncProducer(t.addresses(), cfg)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	messages := k.producerMessages()
	begin := time.Now()
	for len(messages) > 0 && ctx.Err() == nil {
		n := min(sendAtOnce, len(messages))
		if err := producer.SendMessages(messages[:n]); err != nil {
			return 0, fmt.Errorf("send: %w", err)
		}
		messages = messages[n:]
	}
	return time.Since(begin), ctx.Err()
}

func (k *backlog) producerMessages() []*sarama.ProducerMessage {
	key := sarama.StringEncoder(k.tenant.String())
	messages := make([]*sarama.ProducerMessage, 0, 2*len(k.messages))
	for i := range k.messages {
		m := &k.messages[i]
		for _, topic := range []string{events.TopicAudit, events.TopicOf(m.Type)} {
			if topic != "" {
				messages = append(messages, &sarama.ProducerMessage{Topic: topic, Key: key, Value: sarama.ByteEncoder(m.Body)})
			}
		}
	}
	return messages
}

// relayAll drains the backlog with the relay: from its start to the removal of
// the last row from the outbox.
func relayAll(ctx context.Context, k *backlog, t *topics) (_ time.Duration, err error) {
	rows, err := k.pending(ctx)
	if err != nil {
		return 0, err
	}
	publisher := kafka.NewPublisher(kafka.PublisherConfig{Brokers: t.addresses()})
	defer func() { err = errors.Join(err, publisher.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outbox := &countedOutbox{Outbox: postgres.NewOutbox(k.pool), left: rows, empty: cancel}
	relay := kafka.NewRelay(outbox, publisher, kafka.RelayOptions{Logger: slog.New(slog.DiscardHandler)})
	begin := time.Now()
	err = relay.Run(ctx, func() bool { return true })
	took := time.Since(begin)
	if outbox.left != 0 {
		return 0, errors.Join(fmt.Errorf("%d rows are left in the outbox", outbox.left), err)
	}
	return took, err
}

// countedOutbox calls empty when all rows have been removed.
type countedOutbox struct {
	*postgres.Outbox

	left  int64
	empty func()
}

// Done implements kafka.Outbox.
func (o *countedOutbox) Done(ctx context.Context, ids []int64) error {
	if err := o.Outbox.Done(ctx, ids); err != nil {
		return err
	}
	if o.left -= int64(len(ids)); o.left == 0 {
		o.empty()
	}
	return nil
}
