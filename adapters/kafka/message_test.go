package kafka

import (
	"errors"
	"slices"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cartulary/cartulary/events"
)

func consumed(r kgo.Record) *sarama.ConsumerMessage {
	m := &sarama.ConsumerMessage{Topic: r.Topic, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return m
}

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	d := newDecoder()
	for _, want := range given(3, 9) {
		for _, r := range recordsOf([]events.Message{want}) {
			got, err := d.decode(consumed(r))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestTypesOfNewerBuildsAreHandedOver(t *testing.T) {
	m := given(1, 1)[0]
	m.Type = "document.transmuted"
	got, err := newDecoder().decode(consumed(recordsOf([]events.Message{m})[0]))
	if err != nil || got.Type != m.Type {
		t.Errorf("type %q, error %v", got.Type, err)
	}
}

func FuzzDecodeMessage(f *testing.F) {
	m := recordsOf(given(1, 2)[1:])[0]
	for _, h := range m.Headers {
		f.Add(m.Key, []byte(h.Key), h.Value, m.Value)
	}
	f.Add([]byte("urn:uuid:f47ac10b-58cc-0372-8567-0e02b2c3d479"), []byte(headerID), []byte("{}"), []byte(nil))
	d := newDecoder()
	f.Fuzz(func(t *testing.T, key, name, value, body []byte) {
		r := m
		r.Key, r.Value = key, body
		r.Headers = append(slices.Clip(r.Headers), kgo.RecordHeader{Key: string(name), Value: value})
		e, err := d.decode(consumed(r))
		switch {
		case err != nil && !errors.Is(err, errForeign):
			t.Errorf("error %v is not errForeign", err)
		case err == nil && (e.Ledger.String() != string(key) && len(key) != 36 || e.Seq < 1 || e.Type == "" || len(e.Body) == 0):
			t.Errorf("took %+v", e)
		}
	})
}
