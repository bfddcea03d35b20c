package kafka

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/cartulary/cartulary/events"
)

func TestPartitionsAreThoseOfKafkasOwnProducer(t *testing.T) {
	b := setup(t)
	hashes := map[string]int32{ // the values of Kafka's own UtilsTest
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string":                       -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	}
	for key := range hashes {
		m := message.NewMessage(key, []byte("x"))
		if err := b.publisher.Publish(events.TopicAudit, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range b.topic(t, events.TopicAudit, len(hashes)) {
		if want := (hashes[string(m.Key)] & 0x7fffffff) % 3; m.Partition != want {
			t.Errorf("key %s is on partition %d, want %d", m.Key, m.Partition, want)
		}
	}
}

func TestEventsCarryCloudEventsHeaders(t *testing.T) {
	b := setup(t)
	want := given(5, 20)
	b.publish(t, want)
	byID := make(map[uuid.UUID]events.Message)
	for _, m := range want {
		byID[m.ID] = m
	}
	d := newDecoder()
	got := b.topic(t, events.TopicAudit, len(want))
	if duplicates := wantFirsts(t, got, want); duplicates != 0 {
		t.Errorf("%d duplicates", duplicates)
	}
	for _, m := range got {
		e, err := d.decode(m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(byID[e.ID], e); diff != "" {
			t.Fatal(diff)
		}
		if !m.Timestamp.Equal(e.At.Truncate(time.Millisecond)) && e.At.Sub(m.Timestamp) > 2*time.Millisecond {
			t.Errorf("timestamp %v, want %v", m.Timestamp, e.At)
		}
	}
	headers := make(map[string]string)
	for _, h := range got[0].Headers {
		headers[string(h.Key)] = string(h.Value)
	}
	first := byID[uuid.MustParse(headers["ce_id"])]
	expect := map[string]string{
		"ce_specversion": "1.0", "ce_id": first.ID.String(), "ce_type": string(first.Type),
		"ce_source": "/ledgers/" + first.Ledger.String(), "ce_subject": first.StreamID.String(),
		"ce_time": first.At.Format("2006-01-02T15:04:05.000000Z"), "ce_sequence": strconv.FormatInt(first.Seq, 10),
		"content-type": "application/json; charset=utf-8",
	}
	if first.TraceParent != "" {
		expect["traceparent"] = first.TraceParent
	}
	if diff := cmp.Diff(expect, headers); diff != "" {
		t.Error(diff)
	}
	uploaded := 0
	for _, m := range want {
		if m.Type == events.TypeDocumentUploaded {
			uploaded++
		}
	}
	if own := b.topic(t, events.TopicDocumentUploaded, uploaded); len(own) != uploaded {
		t.Errorf("%d messages on the topic of uploads, want %d", len(own), uploaded)
	}
}

func TestPublisherSplitsWhatIsTooLargeForOneBatch(t *testing.T) {
	b := setup(t)
	ledger := uuid.New()
	var want []events.Message
	for seq := int64(1); seq <= 40; seq++ {
		m := event(ledger, seq)
		m.Body = bytes.Repeat([]byte("x"), 100_000)
		if seq == 20 {
			m.Body = bytes.Repeat([]byte("y"), 6<<20) // larger than the broker's default, smaller than the topic's
		}
		want = append(want, m)
	}
	b.publish(t, want)
	if duplicates := wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want); duplicates != 0 {
		t.Errorf("%d duplicates", duplicates)
	}
}

func TestPublisherGivesUpOnWhatCanNotWork(t *testing.T) {
	b := setup(t)
	huge := message.NewMessage("k", bytes.Repeat([]byte("x"), 9<<20))
	if err := b.publisher.Publish(events.TopicAudit, huge); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a message above the limit: %v", err)
	}
	if err := b.publisher.Publish("no.such.topic", message.NewMessage("k", []byte("x"))); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("an unknown topic: %v", err)
	}
	ended, cancel := context.WithCancel(b.ctx)
	cancel()
	if err := b.publisher.Publish(events.TopicAudit, message.NewMessageWithContext(ended, "k", []byte("x"))); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	// None of that disturbs what comes after.
	want := given(3, 5)
	b.publish(t, want)
	wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want)
}

func TestClosedPublisherRefuses(t *testing.T) {
	p := NewPublisher(PublisherConfig{Brokers: []string{"127.0.0.1:1"}})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish("t", message.NewMessage("u", []byte("x"))); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestPublisherKeepsMetadataAndKey(t *testing.T) {
	b := setup(t)
	m := message.NewMessage("11111111-1111-4111-8111-111111111111", []byte(`{"hello":"world"}`))
	m.SetContext(b.ctx)
	m.Metadata.Set("ce_type", "demo.message")
	m.Metadata.Set("content-type", "text/plain")
	m.Metadata.Set(MetadataKey, "some-key")
	if err := b.publisher.Publish(events.TopicFileProcess, m); err != nil {
		t.Fatal(err)
	}
	got := b.topic(t, events.TopicFileProcess, 1)[0]
	want := map[string]string{
		"ce_specversion": "1.0", "ce_id": m.UUID, "ce_type": "demo.message", "content-type": "text/plain",
	}
	headers := make(map[string]string)
	for _, h := range got.Headers {
		headers[string(h.Key)] = string(h.Value)
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Error(diff)
	}
	if string(got.Key) != "some-key" || string(got.Value) != `{"hello":"world"}` {
		t.Errorf("key %q, value %q", got.Key, got.Value)
	}
}
