package kafka

import (
	"strconv"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

const (
	headersPerEvent = 9
	bytesPerEvent   = 36 + 36 + 27 + 20 // id, subject, time, sequence
)

// encoder makes records of events. It shares what does not change between them.
type encoder struct {
	specVersion, contentType *sarama.RecordHeader
	types                    map[events.Type]*sarama.RecordHeader
	id, source, time         []byte
	subject, sequence        []byte
	traceParent              []byte
}

func newEncoder() *encoder {
	e := &encoder{
		specVersion: &sarama.RecordHeader{Key: []byte(headerSpecVersion), Value: []byte(specVersion)},
		contentType: &sarama.RecordHeader{Key: []byte(headerContentType), Value: []byte(contentType)},
		types:       make(map[events.Type]*sarama.RecordHeader),
		id:          []byte(headerID),
		source:      []byte(headerSource),
		time:        []byte(headerTime),
		subject:     []byte(headerSubject),
		sequence:    []byte(headerSequence),
		traceParent: []byte(headerTraceParent),
	}
	for _, t := range events.Types() {
		e.types[t] = typeHeader(t)
	}
	return e
}

func typeHeader(t events.Type) *sarama.RecordHeader {
	return &sarama.RecordHeader{Key: []byte(headerType), Value: []byte(t)}
}

// origin is what all events of one ledger share.
type origin struct {
	key    []byte
	source *sarama.RecordHeader
}

// records returns the records of messages, in their order: each to the audit
// topic and, if its type has one, to the topic of its own.
func (e *encoder) records(messages []events.Message) []Record {
	var (
		records = make([]Record, 0, len(messages)+len(messages)/2)
		slab    = make([]sarama.RecordHeader, 0, len(messages)*headersPerEvent)
		refs    = make([]*sarama.RecordHeader, 0, len(messages)*headersPerEvent)
		text    = make([]byte, 0, len(messages)*bytesPerEvent)
		origins = make(map[uuid.UUID]origin)
	)
	for i := range messages {
		m := &messages[i]
		from, ok := origins[m.Ledger]
		if !ok {
			from = e.originOf(m.Ledger)
			origins[m.Ledger] = from
		}
		kind, ok := e.types[m.Type]
		if !ok {
			kind = typeHeader(m.Type)
		}
		first := len(refs)
		add := func(key []byte, from int) {
			slab = append(slab, sarama.RecordHeader{Key: key, Value: text[from:len(text):len(text)]})
			refs = append(refs, &slab[len(slab)-1])
		}
		refs = append(refs, e.specVersion, from.source, kind, e.contentType)
		at := len(text)
		text = appendUUID(text, m.ID)
		add(e.id, at)
		at = len(text)
		text = appendUUID(text, m.StreamID)
		add(e.subject, at)
		at = len(text)
		text = m.At.UTC().AppendFormat(text, timeLayout)
		add(e.time, at)
		at = len(text)
		text = strconv.AppendInt(text, m.Seq, 10)
		add(e.sequence, at)
		if m.TraceParent != "" {
			slab = append(slab, sarama.RecordHeader{Key: e.traceParent, Value: []byte(m.TraceParent)})
			refs = append(refs, &slab[len(slab)-1])
		}
		r := Record{Topic: events.TopicAudit, Key: from.key, Value: m.Body, Headers: refs[first:len(refs):len(refs)], At: m.At}
		records = append(records, r)
		if r.Topic = events.TopicOf(m.Type); r.Topic != "" {
			records = append(records, r)
		}
	}
	return records
}

func (e *encoder) originOf(ledger uuid.UUID) origin {
	key := appendUUID(nil, ledger)
	return origin{key: key, source: &sarama.RecordHeader{Key: e.source, Value: append([]byte(sourcePrefix), key...)}}
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	text, _ := id.MarshalText() // never fails
	return append(b, text...)
}
