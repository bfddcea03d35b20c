package events

import (
	"time"

	"github.com/google/uuid"
)

// Type is the published name of a kind of event, such as "document.uploaded".
type Type string

// Event is a fact about one stream. The sealed interfaces [UserEvent],
// [EmailEvent], [TenantEvent], [DocumentEvent], [FileEvent], [HoldEvent], [AccessEvent]
// and [OperationEvent] say which.
type Event interface {
	// EventType returns the event's published name.
	EventType() Type
}

// Kind says what a stream tells the story of.
type Kind string

// The kinds of streams.
const (
	KindUser     Kind = "user"
	KindEmail    Kind = "email" // the claim on one normalised e-mail address
	KindTenant   Kind = "tenant"
	KindDocument Kind = "document"
	KindFile     Kind = "file"

	KindHold      Kind = "hold"      // what must not be deleted in one tenant
	KindAccess    Kind = "access"    // one approach to what a tenant holds
	KindOperation Kind = "operation" // one act of an operator
)

// Stream names the history of one thing inside a ledger. IDs are unique over
// all kinds.
type Stream struct {
	Kind Kind
	ID   uuid.UUID
}

// PlatformLedger is the ledger of what belongs to no tenant: users and their
// claims on e-mail addresses. Every other ledger has the id of its tenant.
var PlatformLedger = uuid.MustParse("00000000-0000-8000-8000-000000000001")

// Recorded is an event as it stands in its ledger.
type Recorded struct {
	ID            uuid.UUID
	Ledger        uuid.UUID // the tenant's id, or PlatformLedger
	Seq           int64     // position in the ledger, from 1, without gaps
	Stream        Stream
	StreamVersion int64 // position in the stream, from 1, without gaps
	Type          Type
	SchemaVersion int       // in which it was written
	Actor         uuid.UUID // the user who caused it; uuid.Nil for the platform itself
	CommandID     uuid.UUID
	RequestID     string
	TraceParent   string    // W3C trace context; empty if there was none
	Origin        *Sealed   // of an [Origin], the actor's or a stranger's; nil for the platform itself, and in older events
	At            time.Time // UTC, microseconds, never before its predecessor's
	Event         Event     // of the newest version
	Data          []byte    // the canonical bytes of the event's data, of version SchemaVersion
	Body          []byte    // the canonical bytes of all of the above
}
