package kafka

import (
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
)

// MetadataKey names the metadata of a Watermill message that becomes the key of
// its record, and so picks its partition. Without it the UUID is the key.
const MetadataKey = "partitionkey"

var _ message.Publisher = (*Publisher)(nil)

// Publisher publishes Watermill messages through a [Producer]: the payload
// becomes the value, metadata becomes headers, the UUID becomes ce_id unless the
// metadata has one. All messages of one call travel together.
type Publisher struct {
	producer *Producer
}

// NewPublisher returns a publisher over producer, which stays its owner's to
// close.
func NewPublisher(producer *Producer) *Publisher { return &Publisher{producer: producer} }

// Publish implements [message.Publisher]. It returns when all messages are stored
// on all in-sync replicas, or when it gave up. It heeds the context of the first
// message.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	if len(messages) == 0 {
		return nil
	}
	now := time.Now()
	records := make([]Record, len(messages))
	for i, m := range messages {
		records[i] = recordOf(topic, m, now)
	}
	return p.producer.Send(messages[0].Context(), records...)
}

func recordOf(topic string, m *message.Message, now time.Time) Record {
	r := Record{Topic: topic, Key: []byte(m.UUID), Value: m.Payload, At: now, Headers: make([]*sarama.RecordHeader, 0, len(m.Metadata)+1)}
	if m.Metadata.Get(headerID) == "" {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte(headerID), Value: []byte(m.UUID)})
	}
	for name, value := range m.Metadata {
		if name == MetadataKey {
			r.Key = []byte(value)
			continue
		}
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte(name), Value: []byte(value)})
	}
	return r
}

// Close implements [message.Publisher]. There is nothing to flush: Publish waits.
func (p *Publisher) Close() error { return nil }
