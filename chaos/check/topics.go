package check

import (
	"bytes"
	"encoding/json"

	"github.com/google/uuid"
)

// AuditTopic carries every event.
const AuditTopic = "audit.log"

// TopicOf returns the further topic of an event type; "" if there is none.
func TopicOf(eventType string) string {
	switch eventType {
	case "tenant.created", "tenant.deleted", "document.uploaded", "document.deleted", "file.deleted":
		return eventType
	case "file.received":
		return "file.process"
	default:
		return ""
	}
}

// Topics lists all topics.
func Topics() []string {
	return []string{AuditTopic, "tenant.created", "tenant.deleted", "document.uploaded", "document.deleted", "file.process", "file.deleted"}
}

// topics checks I4: audit.log holds exactly the ledgers' events, byte for byte,
// first occurrences in ledger order; other topics hold theirs.
func (f *findings) topics(s Snapshot, decoded []envelope) {
	type place struct {
		ledger uuid.UUID
		seq    int64
	}
	bodies := map[place][]byte{}
	for i, e := range s.Events {
		bodies[place{e.Ledger, e.Seq}] = s.Events[i].Body
	}
	if s.Outbox > 0 {
		f.add("I4", Skipped, "%d rows of the outbox are not published", s.Outbox)
	}
	for _, topic := range Topics() {
		seen := map[place]bool{}
		reached := map[uuid.UUID]int64{}
		partitions := map[uuid.UUID]int32{}
		for _, m := range s.Topics[topic] {
			var e envelope
			if err := json.Unmarshal(m.Value, &e); err != nil {
				f.add("I4", Wrong, "%s/%d@%d: %v", topic, m.Partition, m.Offset, err)
				continue
			}
			at := place{e.TenantID, e.Seq}
			body, ok := bodies[at]
			switch {
			case !ok:
				f.add("I4", Wrong, "%s/%d@%d: event %d of ledger %s is not in the ledger", topic, m.Partition, m.Offset, e.Seq, e.TenantID)
			case !bytes.Equal(body, m.Value):
				f.add("I4", Wrong, "%s/%d@%d: event %d of ledger %s has other bytes than the ledger", topic, m.Partition, m.Offset, e.Seq, e.TenantID)
			case topic != AuditTopic && TopicOf(e.EventType) != topic:
				f.add("I4", Wrong, "%s/%d@%d: a %s does not belong here", topic, m.Partition, m.Offset, e.EventType)
			}
			if m.Key != e.TenantID.String() {
				f.add("I4", Wrong, "%s/%d@%d: key %q is not the ledger's id", topic, m.Partition, m.Offset, m.Key)
			}
			if p, ok := partitions[e.TenantID]; ok && p != m.Partition {
				f.add("I4", Wrong, "%s: ledger %s is in partitions %d and %d", topic, e.TenantID, p, m.Partition)
			}
			partitions[e.TenantID] = m.Partition
			if seen[at] {
				continue // delivered again: allowed
			}
			seen[at] = true
			if e.Seq < reached[e.TenantID] {
				f.add("I4", Wrong, "%s/%d@%d: ledger %s: event %d comes after %d", topic, m.Partition, m.Offset, e.TenantID, e.Seq, reached[e.TenantID])
			}
			reached[e.TenantID] = e.Seq
		}
		for _, e := range decoded {
			if (topic == AuditTopic || TopicOf(e.EventType) == topic) && !seen[place{e.TenantID, e.Seq}] {
				f.add("I4", Skipped, "%s lacks event %d (%s) of ledger %s", topic, e.Seq, e.EventType, e.TenantID)
			}
		}
	}
}

// Redelivered returns how many messages of audit.log repeat an earlier one.
func Redelivered(s Snapshot) int { return len(s.Topics[AuditTopic]) - len(s.Events) }
