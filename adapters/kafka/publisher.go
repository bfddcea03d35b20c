package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// maxBatch bounds what is on its way to one topic at a time, in bytes, and so a
	// record batch, below Kafka's default limit (message.max.bytes, 1 MiB). A
	// record that is larger travels alone.
	maxBatch = 900_000

	// maxFlush bounds the records that are on their way at a time.
	maxFlush = 20_000
)

// ErrClosed says that a publisher was used after Close.
var ErrClosed = errors.New("kafka publisher closed")

var errUnanswered = errors.New("kafka did not answer in time")

var _ message.Publisher = (*Publisher)(nil)

// PublisherConfig configures a [Publisher].
type PublisherConfig struct {
	Brokers  []string
	Security Security
	ClientID string // "cartulary" if empty

	dial   dialFunc      // for tests, to disturb connections; the usual one if nil
	answer time.Duration // for tests, to lose patience early; answerTimeout if zero
}

// Publisher publishes Watermill messages: the payload becomes the value, metadata
// become headers, the UUID becomes ce_id and content-type says JSON unless metadata
// say otherwise; see [MetadataKey] for the key. The package documentation says what it guarantees. It
// connects when it is first used. It is safe for concurrent use; calls take turns.
type Publisher struct {
	config PublisherConfig
	turn   chan struct{} // holds a token; whoever has it owns what follows
	closed bool
	client *kgo.Client // nil until needed, and after a failure
}

// Parcel is messages for one topic.
type Parcel struct {
	Topic    string
	Messages []*message.Message
}

// NewPublisher returns a publisher that has not connected yet.
func NewPublisher(config PublisherConfig) *Publisher {
	if config.ClientID == "" {
		config.ClientID = "cartulary"
	}
	if config.answer == 0 {
		config.answer = answerTimeout
	}
	p := &Publisher{config: config, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// Publish implements [message.Publisher]. It heeds the context of the first
// message; otherwise it is as [Publisher.PublishAll].
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	if len(messages) == 0 {
		return nil
	}
	return p.PublishAll(messages[0].Context(), Parcel{Topic: topic, Messages: messages})
}

// PublishAll publishes messages to several topics at once and returns when all
// of them are stored on all in-sync replicas. It tries again for 5 s while no
// broker takes them, and waits up to 15 s for what one may have taken. Messages of one topic and
// key keep their order. After an error any of the messages may have been published, or
// may yet be, but none without those before it on its partition. Messages must not be
// changed afterwards.
func (p *Publisher) PublishAll(ctx context.Context, parcels ...Parcel) error {
	select {
	case <-p.turn:
		defer func() { p.turn <- struct{}{} }()
	case <-ctx.Done():
		return fmt.Errorf("publish: %w", context.Cause(ctx))
	}
	if p.closed {
		return ErrClosed
	}
	for rest := parcels; len(rest) > 0; {
		var flight []kgo.Record
		flight, rest = load(rest)
		if err := p.send(ctx, flight); err != nil {
			p.disconnect()
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}

// load returns the next flight, and what stays behind.
func load(parcels []Parcel) (flight []kgo.Record, rest []Parcel) {
	total := 0
	for _, p := range parcels {
		total += len(p.Messages)
	}
	total = min(total, maxFlush)
	m := newMarshaler(total)
	flight = make([]kgo.Record, 0, total)
	for _, p := range parcels {
		size, taken := 0, 0
		for _, msg := range p.Messages {
			r := m.record(p.Topic, msg)
			if size += sizeOf(&r); taken > 0 && size > maxBatch || len(flight) == total {
				break
			}
			flight = append(flight, r)
			taken++
		}
		if taken < len(p.Messages) {
			rest = append(rest, Parcel{Topic: p.Topic, Messages: p.Messages[taken:]})
		}
	}
	return flight, rest
}

// send returns when all of a flight was acknowledged. After an error the client
// must not be used any more.
func (p *Publisher) send(ctx context.Context, flight []kgo.Record) error {
	if p.client == nil {
		client, err := newClient(p.config)
		if err != nil {
			return err
		}
		p.client = client
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.config.answer, errUnanswered)
	defer cancel()
	delivery, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	var (
		failure error
		pending sync.WaitGroup
	)
	pending.Add(len(flight))
	answered := func(r *kgo.Record, err error) { // one call at a time
		if err != nil && failure == nil {
			failure = fmt.Errorf("topic %s: %w", r.Topic, err)
		}
		pending.Done()
	}
	for i := range flight {
		p.client.Produce(delivery, &flight[i], answered)
	}
	if err := p.client.Flush(ctx); err != nil {
		return context.Cause(ctx)
	}
	pending.Wait()
	return failure
}

// disconnect gives the client up, and what it still holds. What it has sent may yet land.
func (p *Publisher) disconnect() {
	if p.client != nil {
		p.client.Close()
		p.client = nil
	}
}

// Close implements [message.Publisher]. It ends all connections, once what is
// being published has been answered.
func (p *Publisher) Close() error {
	<-p.turn
	defer func() { p.turn <- struct{}{} }()
	p.closed = true
	p.disconnect()
	return nil
}
