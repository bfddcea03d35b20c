package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/net/proxy"
)

// maxRound bounds the bytes of one round of produce requests.
const maxRound = 32 << 20

// sendPatience is how long [Producer.Send] tries.
const sendPatience = 5 * time.Second

// ErrClosed says that a producer was used after Close.
var ErrClosed = errors.New("kafka producer closed")

// ErrUnknownTopic says that the cluster has no such topic; none is created by
// publishing to it.
var ErrUnknownTopic = errors.New("unknown topic")

// ProducerConfig configures a [Producer].
type ProducerConfig struct {
	Brokers     []string
	ClientID    string                  // "cartulary" if empty
	Compression sarama.CompressionCodec // none if zero

	dialer proxy.Dialer // for tests, to disturb connections; the usual one if nil
}

// Producer publishes records; see the package documentation for what it
// guarantees. It connects when it is first used. It is safe for concurrent use;
// deliveries happen one after the other.
type Producer struct {
	config  ProducerConfig
	turn    chan struct{} // holds a token; whoever has it owns what follows
	closed  bool
	client  sarama.Client
	session *session
	current *batch              // being delivered, or given up in the middle
	stale   map[string]struct{} // topics whose leaders must be asked for again
}

// NewProducer returns a producer that has not connected yet.
func NewProducer(config ProducerConfig) *Producer {
	if config.ClientID == "" {
		config.ClientID = "cartulary"
	}
	p := &Producer{config: config, turn: make(chan struct{}, 1), stale: make(map[string]struct{})}
	p.turn <- struct{}{}
	return p
}

// Send publishes records, in order within a key, and returns when all of them
// are stored on all in-sync replicas. It tries for five seconds, unless trying
// again can't help. After an error any of the records may have been published,
// but none without those before it on its partition.
func (p *Producer) Send(ctx context.Context, records ...Record) error {
	b := &batch{records: records}
	until := time.Now().Add(sendPatience)
	for wait := (backoff{}); ; {
		err := p.deliver(ctx, b)
		if err == nil {
			return nil
		}
		if time.Now().After(until) || b.abandoned || permanent(err) || !wait.pause(ctx) {
			return err
		}
	}
}

// permanent says that trying again can't help.
func permanent(err error) bool {
	return errors.Is(err, ErrClosed) || errors.Is(err, ErrUnknownTopic) || errors.Is(err, sarama.ErrMessageSizeTooLarge) ||
		errors.Is(err, sarama.ErrInvalidTopic) || errors.Is(err, sarama.ErrTopicAuthorizationFailed)
}

// Close ends all connections, once what is being delivered has been answered.
func (p *Producer) Close() error {
	<-p.turn
	defer p.release()
	if p.closed {
		return nil
	}
	p.closed = true
	if p.client == nil {
		return nil
	}
	if err := p.client.Close(); err != nil {
		return fmt.Errorf("close kafka producer: %w", err)
	}
	return nil
}

func (p *Producer) release() { p.turn <- struct{}{} }

// deliver tries once to get what is left of b acknowledged. It may be called again
// after an error, unless b was abandoned.
func (p *Producer) deliver(ctx context.Context, b *batch) error {
	select {
	case <-p.turn:
		defer p.release()
	case <-ctx.Done():
		b.abandoned = true
		return ctx.Err()
	}
	if p.closed || b.abandoned {
		return ErrClosed
	}
	if p.current != nil && p.current != b {
		p.session = nil // what the other batch left behind is unknown
	}
	p.current = b
	if err := p.connect(); err != nil {
		return fmt.Errorf("connect to kafka: %w", err)
	}
	if b.records != nil {
		if err := b.spread(p.config.Compression, p.partitions); err != nil {
			return err
		}
	}
	for rest := b.pending(); len(rest) > 0; rest = b.pending() {
		if err := p.round(ctx, b, rest); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	p.current = nil
	return nil
}

// connect makes sure of a client with fresh metadata and of a session. It gives a
// client up that fails: sarama's may stay without brokers to ask.
func (p *Producer) connect() error {
	if p.client == nil {
		cfg := clientConfig(p.config.ClientID)
		cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = p.config.dialer != nil, p.config.dialer
		client, err := sarama.NewClient(p.config.Brokers, cfg)
		if err != nil {
			return err
		}
		p.client = client
	}
	if err := p.refresh(); err != nil {
		_ = p.client.Close() // it failed already
		p.client = nil
		return err
	}
	return nil
}

// refresh asks for the leaders of stale topics, and for a session if there is none.
func (p *Producer) refresh() error {
	for topic := range p.stale {
		var refused sarama.KError // of this topic, which is for those to hear who publish to it
		if err := p.client.RefreshMetadata(topic); err != nil && !errors.As(err, &refused) {
			return err
		}
		delete(p.stale, topic)
	}
	if p.session != nil {
		return nil
	}
	response, err := p.client.InitProducerID()
	if err != nil {
		return err
	}
	if response.Err != sarama.ErrNoError {
		return response.Err
	}
	p.session = newSession(response.ProducerID, response.ProducerEpoch)
	return nil
}

func (p *Producer) partitions(topic string) (int, error) {
	partitions, err := p.client.Partitions(topic)
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return 0, fmt.Errorf("%w %s", ErrUnknownTopic, topic)
	}
	if err != nil {
		return 0, fmt.Errorf("partitions of topic %s: %w", topic, err)
	}
	if len(partitions) == 0 {
		return 0, fmt.Errorf("partitions of topic %s: %w", topic, sarama.ErrLeaderNotAvailable)
	}
	return len(partitions), nil
}

// backoff waits a little longer each time: 10 ms to 1 s, with jitter.
type backoff struct{ next time.Duration }

// pause waits and reports whether ctx is still good.
func (b *backoff) pause(ctx context.Context) bool {
	const first, most = 10 * time.Millisecond, time.Second
	b.next = min(max(b.next*2, first), most)
	timer := time.NewTimer(b.next/2 + rand.N(b.next)) //nolint:gosec // jitter needs no secrecy
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *backoff) reset() { b.next = 0 }
