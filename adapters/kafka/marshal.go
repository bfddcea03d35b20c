package kafka

import (
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MetadataKey names the metadata of a Watermill message that becomes the key of
// its record, and so picks its partition. Without it the UUID is the key.
const MetadataKey = "partitionkey"

// marshaler makes records of messages, with the headers that CloudEvents ask for:
// metadata become headers, the UUID becomes ce_id and the payload is JSON unless
// metadata say otherwise, and ce_time, if there is one, becomes the timestamp.
type marshaler struct {
	now     time.Time
	headers []kgo.RecordHeader // records take theirs from here
	text    []byte             // and their headers' values from here

	specVersion, contentType kgo.RecordHeader
}

func newMarshaler(messages int) *marshaler {
	const headers, text = 10, 256 // of a message; more is fine
	return &marshaler{
		now:         time.Now(),
		headers:     make([]kgo.RecordHeader, 0, messages*headers),
		text:        make([]byte, 0, messages*text),
		specVersion: kgo.RecordHeader{Key: headerSpecVersion, Value: []byte(specVersion)},
		contentType: kgo.RecordHeader{Key: headerContentType, Value: []byte(contentType)},
	}
}

func (m *marshaler) record(topic string, msg *message.Message) kgo.Record {
	r := kgo.Record{Topic: topic, Value: msg.Payload, Timestamp: m.now}
	first := len(m.headers)
	m.headers = append(m.headers, m.specVersion)
	identified, typed := false, false
	for name, value := range msg.Metadata {
		switch name {
		case MetadataKey:
			r.Key = m.bytes(value)
			continue
		case headerSpecVersion:
			continue
		case headerID:
			identified = true
		case headerContentType:
			typed = true
		case headerTime:
			if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
				r.Timestamp = at
			}
		}
		m.headers = append(m.headers, kgo.RecordHeader{Key: name, Value: m.bytes(value)})
	}
	if !typed {
		m.headers = append(m.headers, m.contentType)
	}
	if !identified {
		m.headers = append(m.headers, kgo.RecordHeader{Key: headerID, Value: m.bytes(msg.UUID)})
	}
	if r.Key == nil {
		r.Key = m.bytes(msg.UUID)
	}
	r.Headers = m.headers[first:len(m.headers):len(m.headers)]
	return r
}

func (m *marshaler) bytes(s string) []byte {
	from := len(m.text)
	m.text = append(m.text, s...)
	return m.text[from:len(m.text):len(m.text)]
}

// sizeOf returns an upper bound of a record's bytes on the wire.
func sizeOf(r *kgo.Record) int {
	const fixed, perHeader = 48, 10 // lengths are varints
	n := fixed + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += perHeader + len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}
