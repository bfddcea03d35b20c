package events

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// timeLayout is RFC 3339 in UTC with exactly six fractional digits, so that a
// time has one spelling.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Envelope is the message format of requirements §6.2 with the ledger's own
// fields. Its members are declared in canonical order. It describes what [Encode]
// writes and [Decode] reads.
type Envelope struct {
	// CommandID is the command that the event came of; all events of one command have the same.
	CommandID uuid.UUID `json:"command_id"`
	// Data is what happened.
	Data jsontext.Value `json:"data"`
	// EventID is the event's own id, a UUID of version 7.
	EventID uuid.UUID `json:"event_id"`
	// EventType is the event's name.
	EventType Type `json:"event_type" jsonschema:"pattern=^[a-z_]+[.][a-z_]+$"`
	// Origin is where the request came from: network address and client software of user_id, encrypted under that
	// person's key, or one of the day if nobody knows who that is; absent if the platform acted itself, and in events
	// from before it was recorded.
	Origin *Sealed `json:"origin,omitempty"`
	// RequestID is the request that the event came of; empty if there was none.
	RequestID string `json:"request_id"`
	// SchemaVersion is the version of the event's data; a published version never changes its meaning.
	SchemaVersion int `json:"schema_version" jsonschema:"minimum=1"`
	// Seq is the event's position in its ledger: 1, 2, 3 … without gaps.
	Seq int64 `json:"seq" jsonschema:"minimum=1"`
	// StreamID is the thing that the event is about.
	StreamID uuid.UUID `json:"stream_id"`
	// StreamKind says what kind of thing that is.
	StreamKind Kind `json:"stream_kind" jsonschema:"pattern=^[a-z_]+$"`
	// StreamVersion is the event's position in that thing's history: 1, 2, 3 … without gaps.
	StreamVersion int64 `json:"stream_version" jsonschema:"minimum=1"`
	// TenantID is the event's ledger: its tenant, or 00000000-0000-8000-8000-000000000001 for the platform's own.
	TenantID uuid.UUID `json:"tenant_id"`
	// Timestamp is when the event was recorded, RFC 3339 in UTC with microseconds; within a ledger it never goes back.
	Timestamp string `json:"timestamp" jsonschema:"format=date-time,pattern=[.][0-9]{6}Z$"`
	// TraceParent is the trace that the request belonged to (W3C Trace Context); empty if there was none.
	TraceParent string `json:"traceparent" jsonschema:"pattern=^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?$"`
	// UserID is who caused the event; null for the platform itself.
	UserID *uuid.UUID `json:"user_id" jsonschema:"nullable"`
}

// EncodeData returns the canonical bytes of an event's own data.
func EncodeData(e Event) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.EventType(), err)
	}
	value := jsontext.Value(data)
	if err := value.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.EventType(), err)
	}
	return value, nil
}

// Encode returns r's canonical bytes (RFC 8785). It reads every field of r but
// Event and Body; r.Data comes from [EncodeData].
func Encode(r Recorded) []byte {
	b := make([]byte, 0, len(r.Data)+640)
	b = append(b, `{"command_id":"`...)
	b = appendUUID(b, r.CommandID)
	b = append(b, `","data":`...)
	b = append(b, r.Data...)
	b = append(b, `,"event_id":"`...)
	b = appendUUID(b, r.ID)
	b = append(b, `","event_type":"`...)
	b = append(b, r.Type...)
	b = append(b, '"')
	if r.Origin != nil {
		b = append(b, `,"origin":`...)
		b = r.Origin.AppendJSON(b)
	}
	b = append(b, `,"request_id":`...)
	b = appendString(b, r.RequestID)
	b = append(b, `,"schema_version":`...)
	b = strconv.AppendInt(b, int64(r.SchemaVersion), 10)
	b = append(b, `,"seq":`...)
	b = strconv.AppendInt(b, r.Seq, 10)
	b = append(b, `,"stream_id":"`...)
	b = appendUUID(b, r.Stream.ID)
	b = append(b, `","stream_kind":"`...)
	b = append(b, r.Stream.Kind...)
	b = append(b, `","stream_version":`...)
	b = strconv.AppendInt(b, r.StreamVersion, 10)
	b = append(b, `,"tenant_id":"`...)
	b = appendUUID(b, r.Ledger)
	b = append(b, `","timestamp":"`...)
	b = r.At.UTC().AppendFormat(b, timeLayout)
	b = append(b, `","traceparent":`...)
	b = appendString(b, r.TraceParent)
	b = append(b, `,"user_id":`...)
	if r.Actor == uuid.Nil {
		b = append(b, `null}`...)
	} else {
		b = append(b, '"')
		b = appendUUID(b, r.Actor)
		b = append(b, `"}`...)
	}
	return b
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	n := len(b)
	b = append(b, "00000000-0000-0000-0000-000000000000"...)
	text, _ := id.MarshalText() // never fails
	copy(b[n:], text)
	return b
}

// appendString appends s as JSON; what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the only error is invalid UTF-8, which it replaces
	return b
}

// Decode reads the canonical bytes of one event, which it keeps as Body. Data and
// SchemaVersion are as they were written; Event is of the newest version. An event
// that this build does not know is an [*UnknownError].
func Decode(body []byte) (Recorded, error) { return registry.Decode(body) }

// Decode is [Decode] for the events of r.
func (r Registry) Decode(body []byte) (Recorded, error) {
	var env Envelope
	if err := json.Unmarshal(body, &env, json.RejectUnknownMembers(true)); err != nil {
		return Recorded{}, fmt.Errorf("decode event: %w", err)
	}
	at, err := time.Parse(timeLayout, env.Timestamp)
	if err != nil {
		return Recorded{}, fmt.Errorf("decode event %s: timestamp: %w", env.EventID, err)
	}
	e, err := r.decodeData(env.EventType, env.SchemaVersion, env.Data)
	if err != nil {
		return Recorded{}, fmt.Errorf("decode event %s: %w", env.EventID, err)
	}
	recorded := Recorded{
		ID: env.EventID, Ledger: env.TenantID, Seq: env.Seq,
		Stream: Stream{Kind: env.StreamKind, ID: env.StreamID}, StreamVersion: env.StreamVersion,
		SchemaVersion: env.SchemaVersion, CommandID: env.CommandID,
		RequestID: env.RequestID, TraceParent: env.TraceParent, Origin: env.Origin,
		At: at, Type: env.EventType, Data: env.Data, Event: e, Body: body,
	}
	if env.UserID != nil {
		recorded.Actor = *env.UserID
	}
	return recorded, nil
}
