package kafka

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/kafkatest"
)

// patience bounds what a test waits for.
const patience = 3 * time.Minute

// testBundle is a broker with the platform's topics, and what talks to it.
type testBundle struct {
	ctx       context.Context
	broker    *kafkatest.Broker
	publisher *Publisher
	logs      *logBuffer
	logger    *slog.Logger
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	broker := kafkatest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	if err := EnsureTopics(ctx, TopicsConfig{Brokers: broker.Addrs(), Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	publisher := NewPublisher(PublisherConfig{Brokers: broker.Addrs()})
	t.Cleanup(func() {
		if err := publisher.Close(); err != nil {
			t.Error(err)
		}
	})
	logs := &logBuffer{}
	return &testBundle{ctx: ctx, broker: broker, publisher: publisher, logs: logs, logger: slog.New(slog.NewTextHandler(logs, nil))}
}

// given is the history of some ledgers: rounds events of each, one ledger after
// the other in turn. Every seventh event also has a topic of its own.
func given(ledgers, rounds int) []events.Message {
	ids := make([]uuid.UUID, ledgers)
	for i := range ids {
		ids[i] = uuid.New()
	}
	messages := make([]events.Message, 0, ledgers*rounds)
	for seq := 1; seq <= rounds; seq++ {
		for _, ledger := range ids {
			messages = append(messages, event(ledger, int64(seq)))
		}
	}
	return messages
}

func event(ledger uuid.UUID, seq int64) events.Message {
	m := events.Message{
		ID: uuid.New(), Ledger: ledger, Seq: seq, StreamID: uuid.New(), Type: events.TypeDocumentRenamed,
		At:   time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC).Add(time.Duration(seq) * time.Millisecond),
		Body: fmt.Appendf(nil, `{"seq":%d,"tenant_id":"%s"}`, seq, ledger),
	}
	if seq%7 == 1 {
		m.Type = events.TypeDocumentUploaded
	}
	if seq%2 == 0 {
		m.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	}
	return m
}

// publish publishes events as the relay does.
func (b *testBundle) publish(t *testing.T, messages []events.Message) {
	t.Helper()
	if err := b.publisher.PublishAll(b.ctx, envelopes(messages)...); err != nil {
		t.Fatal(err)
	}
}

// recordsOf returns what the relay would send, as far as it may travel together:
// first what goes to the audit topic.
func recordsOf(messages []events.Message) []kgo.Record {
	records, _ := load(envelopes(messages))
	return records
}

// topic returns all messages that a topic holds now, each partition's in order.
// The test fails if there are less than want.
func (b *testBundle) topic(t *testing.T, topic string, want int) []*sarama.ConsumerMessage {
	t.Helper()
	client, err := sarama.NewClient(b.broker.Addrs(), kafkatest.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	partitions, err := client.Partitions(topic)
	if err != nil {
		t.Fatal(err)
	}
	var got []*sarama.ConsumerMessage
	for _, p := range partitions {
		end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.partition(t, consumer, topic, p, end)...)
	}
	if len(got) < want {
		t.Errorf("topic %s holds %d messages, want %d", topic, len(got), want)
	}
	return got
}

// partition returns a partition's messages up to the offset end.
func (b *testBundle) partition(t *testing.T, consumer sarama.Consumer, topic string, p int32, end int64) []*sarama.ConsumerMessage {
	t.Helper()
	if end == 0 {
		return nil
	}
	pc, err := consumer.ConsumePartition(topic, p, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	var got []*sarama.ConsumerMessage
	for {
		select {
		case m := <-pc.Messages():
			if got = append(got, m); m.Offset+1 == end {
				return got
			}
		case <-b.ctx.Done():
			t.Fatalf("%s/%d: got %d messages of %d", topic, p, len(got), end)
		}
	}
}

// wantFirsts fails the test unless the first occurrences among the messages of
// the audit topic are exactly want, in ledger order; it returns the number of
// duplicates.
func wantFirsts(t *testing.T, got []*sarama.ConsumerMessage, want []events.Message) int {
	t.Helper()
	d := newDecoder()
	next := make(map[uuid.UUID]int64)
	for _, m := range got {
		e, err := d.decode(m)
		if err != nil {
			t.Fatal(err)
		}
		switch last := next[e.Ledger]; {
		case e.Seq == last+1:
			next[e.Ledger] = e.Seq
		case e.Seq > last+1:
			t.Fatalf("ledger %s: event %d before %d", e.Ledger, e.Seq, last+1)
		}
	}
	ends := make(map[uuid.UUID]int64)
	for _, m := range want {
		ends[m.Ledger] = max(ends[m.Ledger], m.Seq)
	}
	for ledger, end := range ends {
		if next[ledger] != end {
			t.Errorf("ledger %s: %d events, want %d", ledger, next[ledger], end)
		}
	}
	return len(got) - len(want)
}

// until waits for a condition that something else brings about.
func until(ctx context.Context, t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-ticker.C:
		}
	}
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
