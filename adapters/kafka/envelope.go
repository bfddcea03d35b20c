package kafka

import (
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// origin is what all events of one ledger share.
type origin struct{ key, source string }

// envelopes returns the messages of events, in their order: each for the audit
// topic, which comes first, and, if its type has one, for the topic of its own.
func envelopes(page []events.Message) []Parcel {
	parcels := []Parcel{{Topic: events.TopicAudit, Messages: make([]*message.Message, len(page))}}
	origins := make(map[uuid.UUID]origin)
	for i := range page {
		e := &page[i]
		from, ok := origins[e.Ledger]
		if !ok {
			key := e.Ledger.String()
			from = origin{key: key, source: sourcePrefix + key}
			origins[e.Ledger] = from
		}
		m := envelope(e, from)
		parcels[0].Messages[i] = m
		if topic := events.TopicOf(e.Type); topic != "" {
			parcels = file(parcels, topic, m)
		}
	}
	return parcels
}

// file adds m to the parcel for topic.
func file(parcels []Parcel, topic string, m *message.Message) []Parcel {
	for i := range parcels[1:] {
		if p := &parcels[1+i]; p.Topic == topic {
			p.Messages = append(p.Messages, m)
			return parcels
		}
	}
	return append(parcels, Parcel{Topic: topic, Messages: []*message.Message{m}})
}

// envelope returns the message of e. The publisher adds what all messages share;
// maps of up to eight entries are much cheaper than larger ones.
func envelope(e *events.Message, from origin) *message.Message {
	m := message.NewMessage(e.ID.String(), e.Body)
	m.Metadata[MetadataKey] = from.key
	m.Metadata[headerSource] = from.source
	m.Metadata[headerType] = string(e.Type)
	m.Metadata[headerSubject] = e.StreamID.String()
	m.Metadata[headerTime] = e.At.UTC().Format(timeLayout)
	m.Metadata[headerSequence] = strconv.FormatInt(e.Seq, 10)
	if e.TraceParent != "" {
		m.Metadata[headerTraceParent] = e.TraceParent
	}
	return m
}
