package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// DemoTopic is where the demo's messages go.
	DemoTopic = "demo"
	// DemoGroup consumes them.
	DemoGroup = "cartulary-demo"

	demoPartitions = 3
	demoRetention  = "86400000" // milliseconds: one day
	demoRecent     = 20
	demoPatience   = 1500 * time.Millisecond
	demoLeave      = time.Second
)

// ErrDemoUnavailable says that the demo's broker is away or not ready.
var ErrDemoUnavailable = errors.New("the demo's broker is away")

// DemoMessage is a message of the demo.
type DemoMessage struct {
	Key, Value string
	Partition  int32
	Offset     int64
	At         time.Time // UTC
}

// Demo sends messages to [DemoTopic] and consumes them as a member of
// [DemoGroup]. It connects in the background. It is safe for concurrent use.
type Demo struct {
	client *kgo.Client
	admin  *kadm.Client
	logger *slog.Logger
	cut    context.CancelFunc // gives up whatever client waits for

	mu       sync.Mutex
	consumed int64
	recent   []DemoMessage // the newest first
}

// NewDemo returns a demo that [Demo.Run] runs and [Demo.Close] ends. It fails if
// security can't be had.
func NewDemo(brokers []string, security Security, logger *slog.Logger) (*Demo, error) {
	secure, err := security.options()
	if err != nil {
		return nil, err
	}
	ctx, cut := context.WithCancel(context.Background())
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.WithContext(ctx),
		kgo.SeedBrokers(brokers...),
		kgo.ClientID(DemoGroup),
		kgo.ConsumerGroup(DemoGroup),
		kgo.ConsumeTopics(DemoTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.DisableIdempotentWrite(), // so that a message can be given up while it is under way
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordDeliveryTimeout(demoPatience),
		kgo.MaxBufferedRecords(1000),
		kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.DialTimeout(time.Second),
		kgo.DisableClientMetrics(),
	}, secure...)...)
	if err != nil {
		cut()
		return nil, fmt.Errorf("demo: %w", err)
	}
	return &Demo{client: client, admin: kadm.NewClient(client), logger: logger, cut: cut}, nil
}

// Close leaves the group. A broker that can't answer soon is left without a word: one
// that still waits for a dead member answers nobody who joins, for 45 s.
func (d *Demo) Close() {
	defer d.cut()
	defer time.AfterFunc(demoLeave, d.cut).Stop()
	d.client.Close()
}

// Run creates the topic, however long its broker is away, and consumes it until
// ctx ends.
func (d *Demo) Run(ctx context.Context) {
	away := &outage{what: "kafka (demo)", logger: d.logger}
	for wait := (backoff{}); ; {
		err := d.ensureTopic(ctx)
		if err == nil {
			away.ended(ctx)
			break
		}
		if ctx.Err() != nil {
			return
		}
		away.began(ctx, err)
		if !wait.pause(ctx) {
			return
		}
	}
	for wait := (backoff{}); ctx.Err() == nil; {
		fetches := d.client.PollRecords(ctx, 1000)
		err := fetches.Err()
		d.take(fetches)
		if err == nil {
			err = d.commit(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			wait = backoff{}
			away.ended(ctx)
			continue
		}
		away.began(ctx, err)
		if !wait.pause(ctx) {
			return
		}
	}
}

func (d *Demo) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, netTimeout)
	defer cancel()
	return d.client.CommitUncommittedOffsets(ctx)
}

func (d *Demo) ensureTopic(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, netTimeout)
	defer cancel()
	brokers, err := d.admin.ListBrokers(ctx)
	if err != nil {
		return err
	}
	policy, retention := "delete", demoRetention
	_, err = d.admin.CreateTopic(ctx, demoPartitions, int16(min(len(brokers), defaultReplication)), map[string]*string{
		settingPolicy: &policy, settingRetentionTime: &retention,
	}, DemoTopic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}

func (d *Demo) take(fetches kgo.Fetches) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) {
		d.consumed++
		m := DemoMessage{Key: string(r.Key), Value: string(r.Value), Partition: r.Partition, Offset: r.Offset, At: r.Timestamp.UTC()}
		d.recent = append([]DemoMessage{m}, d.recent[:min(len(d.recent), demoRecent-1)]...)
	})
}

// Produce sends a message and returns it with where it lies. It fails with
// [ErrDemoUnavailable]; the message may have arrived then.
func (d *Demo) Produce(ctx context.Context, key, value string) (DemoMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	record := &kgo.Record{Topic: DemoTopic, Value: []byte(value)}
	if key != "" {
		record.Key = []byte(key)
	}
	type result struct {
		message DemoMessage
		err     error
	}
	sent := make(chan result, 1)
	d.client.TryProduce(ctx, record, func(r *kgo.Record, err error) {
		sent <- result{DemoMessage{Key: key, Value: value, Partition: r.Partition, Offset: r.Offset, At: r.Timestamp.UTC()}, err}
	})
	select {
	case r := <-sent:
		if r.err != nil {
			return DemoMessage{}, fmt.Errorf("%w: %w", ErrDemoUnavailable, r.err)
		}
		return r.message, nil
	case <-ctx.Done():
		return DemoMessage{}, fmt.Errorf("%w: %w", ErrDemoUnavailable, ctx.Err())
	}
}
