package check

import (
	"encoding/json"

	"github.com/google/uuid"
)

// envelope is the message format.
type envelope struct {
	CommandID     uuid.UUID       `json:"command_id"`
	Data          json.RawMessage `json:"data"`
	EventID       uuid.UUID       `json:"event_id"`
	EventType     string          `json:"event_type"`
	Origin        json.RawMessage `json:"origin"`
	RequestID     string          `json:"request_id"`
	SchemaVersion int             `json:"schema_version"`
	Seq           int64           `json:"seq"`
	StreamID      uuid.UUID       `json:"stream_id"`
	StreamKind    string          `json:"stream_kind"`
	StreamVersion int64           `json:"stream_version"`
	TenantID      uuid.UUID       `json:"tenant_id"`
	Timestamp     string          `json:"timestamp"`
	TraceParent   string          `json:"traceparent"`
	UserID        *uuid.UUID      `json:"user_id"`
}

// actor returns who caused the event, as text of a column.
func (e envelope) actor() string {
	if e.UserID == nil {
		return Null
	}
	return e.UserID.String()
}

// origin returns where the event came from, sealed, as text of a column.
func (e envelope) origin() string {
	if e.Origin == nil {
		return Null
	}
	return CanonicalJSON(e.Origin)
}

// decode reads the bodies of events; the result has as many elements as all.
func (f *findings) decode(all []Event) []envelope {
	decoded := make([]envelope, len(all))
	for i, e := range all {
		if err := json.Unmarshal(e.Body, &decoded[i]); err != nil {
			f.add("I3", Wrong, "ledger %s, event %d: body: %v", e.Ledger, e.Seq, err)
		}
	}
	return decoded
}

// ledgers checks I3: numbers without gaps, heads where the events end, and bodies
// that say what their columns say.
func (f *findings) ledgers(s Snapshot, decoded []envelope) {
	seqs := map[uuid.UUID]int64{}
	type stream struct{ ledger, id uuid.UUID }
	versions := map[stream]int64{}
	ids := map[uuid.UUID]bool{}
	times := map[uuid.UUID]string{}
	for i, e := range s.Events {
		if want := seqs[e.Ledger] + 1; e.Seq != want {
			f.add("I3", kindOfGap(e.Seq, want), "ledger %s: event %d where %d should be", e.Ledger, e.Seq, want)
		}
		seqs[e.Ledger] = e.Seq
		of := stream{e.Ledger, e.Stream}
		if want := versions[of] + 1; e.StreamVersion != want {
			f.add("I3", kindOfGap(e.StreamVersion, want), "ledger %s, stream %s: version %d where %d should be",
				e.Ledger, e.Stream, e.StreamVersion, want)
		}
		versions[of] = e.StreamVersion
		if ids[e.ID] {
			f.add("I3", Duplicated, "ledger %s: event id %s is there twice", e.Ledger, e.ID)
		}
		ids[e.ID] = true
		d := decoded[i]
		said := Event{Ledger: d.TenantID, Seq: d.Seq, Stream: d.StreamID, StreamVersion: d.StreamVersion, ID: d.EventID, Type: d.EventType}
		if e.Ledger != said.Ledger || e.Seq != said.Seq || e.Stream != said.Stream ||
			e.StreamVersion != said.StreamVersion || e.ID != said.ID || e.Type != said.Type {
			f.add("I3", Wrong, "ledger %s, event %d: columns and body differ", e.Ledger, e.Seq)
		}
		if d.Timestamp < times[e.Ledger] {
			f.add("I3", Wrong, "ledger %s, event %d: time goes back", e.Ledger, e.Seq)
		}
		times[e.Ledger] = d.Timestamp
	}
	for ledger, head := range s.Heads {
		if head.Seq != seqs[ledger] {
			f.add("I3", Wrong, "ledger %s ends at %d, its head says %d", ledger, seqs[ledger], head.Seq)
		}
	}
	for ledger := range seqs {
		if _, ok := s.Heads[ledger]; !ok {
			f.add("I3", Wrong, "ledger %s has no head", ledger)
		}
	}
}

func kindOfGap(got, want int64) Kind {
	if got < want {
		return Duplicated
	}
	return Lost
}
