package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/events"
)

const (
	defaultMaxBatch = 2000
	defaultMaxWait  = 2 * time.Millisecond
	fetchBytes      = 4 << 20
	commitInterval  = time.Second
)

// Handler takes a batch of events of one partition, in the partition's order. It
// is called again with the same batch when it fails. Batches of different
// partitions may be handled at the same time. ctx ends when the partition moves
// to another member or the subscriber stops. The slice is the handler's until it
// returns; the bodies in it may be kept.
type Handler func(ctx context.Context, batch []events.Message) error

// SubscriberConfig configures a [Subscriber].
type SubscriberConfig struct {
	Brokers  []string
	Security Security
	Group    string
	Topics   []string
	ClientID string        // Group if empty
	MaxBatch int           // events in a batch; 2,000 if zero
	MaxWait  time.Duration // how long a batch waits for what Kafka is known to hold already; 2 ms if zero. A lone event never waits
	Logger   *slog.Logger  // slog.Default if nil
}

// Subscriber reads topics as a member of a consumer group; see the package
// documentation for what it guarantees.
type Subscriber struct {
	config  SubscriberConfig
	decoder *decoder
	claims  claims
}

// NewSubscriber returns a subscriber that has not connected yet.
func NewSubscriber(config SubscriberConfig) *Subscriber {
	if config.ClientID == "" {
		config.ClientID = config.Group
	}
	if config.MaxBatch <= 0 {
		config.MaxBatch = defaultMaxBatch
	}
	if config.MaxWait <= 0 {
		config.MaxWait = defaultMaxWait
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	config.Logger = config.Logger.With(slog.String("component", "subscriber"), slog.String("group", config.Group))
	return &Subscriber{config: config, decoder: newDecoder()}
}

// Run reads until ctx ends, and returns nil then; everything else it retries. What
// was handled by then is committed before it returns.
func (s *Subscriber) Run(ctx context.Context, handle Handler) error {
	var wait backoff
	away := outage{what: "kafka", logger: s.config.Logger}
	for ctx.Err() == nil {
		err := s.member(ctx, handle, &wait, &away)
		if ctx.Err() != nil {
			break
		}
		away.began(ctx, err)
		if !wait.pause(ctx) {
			break
		}
	}
	return nil //nolint:nilerr // the end of ctx is how it is meant to end
}

// member joins the group, again after each rebalance, until something fails.
func (s *Subscriber) member(ctx context.Context, handle Handler, wait *backoff, away *outage) (err error) {
	group, err := sarama.NewConsumerGroup(s.config.Brokers, s.config.Group, s.consumerConfig())
	if err != nil {
		return fmt.Errorf("connect to kafka: %w", err)
	}
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		s.logErrors(ctx, group.Errors())
	}()
	defer func() {
		if e := group.Close(); e != nil && err == nil && ctx.Err() == nil {
			err = fmt.Errorf("leave group: %w", e)
		}
		<-logged
	}()
	session := &sessionHandler{subscriber: s, handle: handle, joined: func() {
		wait.reset()
		away.ended(ctx)
	}}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, s.config.Topics, session); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
	}
	return nil
}

func (s *Subscriber) consumerConfig() *sarama.Config {
	cfg := clientConfig(s.config.ClientID, s.config.Security)
	cfg.ChannelBufferSize = s.config.MaxBatch
	cfg.Metadata.Retry.Max = 2
	cfg.Metadata.Retry.Backoff = 100 * time.Millisecond
	cfg.Consumer.Return.Errors = true
	cfg.Consumer.Fetch.Default = fetchBytes
	cfg.Consumer.MaxWaitTime = 500 * time.Millisecond
	cfg.Consumer.Retry.Backoff = 200 * time.Millisecond
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.Offsets.AutoCommit.Interval = commitInterval
	cfg.Consumer.Group.Session.Timeout = 6 * time.Second
	cfg.Consumer.Group.Heartbeat.Interval = time.Second
	cfg.Consumer.Group.Rebalance.Timeout = 20 * time.Second
	cfg.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	return cfg
}

// logErrors reports what sarama retries by itself, a line a second
// at most.
func (s *Subscriber) logErrors(ctx context.Context, errs <-chan error) {
	const quiet = time.Second
	var last time.Time
	for err := range errs {
		if time.Since(last) < quiet || errors.Is(err, sarama.ErrOffsetsLoadInProgress) {
			continue
		}
		last = time.Now()
		s.config.Logger.WarnContext(ctx, "reading is disturbed, retrying", slog.Any("error", err))
	}
}
