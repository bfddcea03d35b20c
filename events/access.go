package events

import "github.com/google/uuid"

// AccessEvent is a fact about one approach to what a tenant holds: who got at
// something without changing it, and who did not. Each stands on a stream of its
// own, so that looking at a thing never changes the thing's version.
//
//sumtype:decl
type AccessEvent interface {
	Event
	accessEvent()
}

// Names of access events.
const (
	TypeAccessRefused   Type = "access.refused"
	TypeDownloadGranted Type = "document.download_granted"
	TypeTrailExported   Type = "trail.exported"
)

// Refusal says why somebody was kept from something.
type Refusal string

// Why access is refused.
const (
	RefusalStranger Refusal = "not_a_member"
	RefusalRole     Refusal = "role"
	RefusalThing    Refusal = "not_allowed" // the thing is another's
	RefusalMissing  Refusal = "missing"     // there is no such thing in the tenant; since version 2
)

// AccessRefused records that a user was kept from doing something in the tenant.
type AccessRefused struct {
	Count  int     `json:"count" jsonschema:"minimum=1"`         // of equal refusals that it stands for
	Method string  `json:"method" jsonschema:"pattern=^[A-Z]+$"` // of HTTP
	Reason Refusal `json:"reason"`
	Route  string  `json:"route"`                                       // as the contract has it, without ids
	Status int     `json:"status" jsonschema:"minimum=400,maximum=599"` // of the answer
}

// sameAccessRefused makes version 2 of version 1, which knew one reason less.
func sameAccessRefused(old AccessRefused) AccessRefused { return old }

// DownloadGranted records that a user was about to be handed a link to a
// document's bytes.
type DownloadGranted struct {
	DocumentID uuid.UUID `json:"document_id"`
	FileID     uuid.UUID `json:"file_id"`
}

// TrailExported records that a user was about to be handed the tenant's trail, or what
// of it fits a filter, as one file.
type TrailExported struct {
	Filter string `json:"filter"` // the parameters of the request that choose events, as in a URL; empty for all
	Format string `json:"format"` // ndjson or csv
}

// EventType implements [Event].
func (TrailExported) EventType() Type { return TypeTrailExported }

// EventType implements [Event].
func (AccessRefused) EventType() Type { return TypeAccessRefused }

// EventType implements [Event].
func (DownloadGranted) EventType() Type { return TypeDownloadGranted }

func (AccessRefused) accessEvent()   {}
func (DownloadGranted) accessEvent() {}
func (TrailExported) accessEvent()   {}

// OperationEvent is a fact about one act of the platform's operators.
//
//sumtype:decl
type OperationEvent interface {
	Event
	operationEvent()
}

// TypeOperationPerformed names the one operation event.
const TypeOperationPerformed Type = "operation.performed"

// OperationPerformed records what an operator did to the ledger's things by a
// command of the program. It stands in the ledger concerned: the tenant's, or the
// platform's.
type OperationPerformed struct {
	Action string `json:"action"` // the program's command, such as migrate
	Detail string `json:"detail"` // what changed, in words; never personal data
}

// EventType implements [Event].
func (OperationPerformed) EventType() Type { return TypeOperationPerformed }

func (OperationPerformed) operationEvent() {}
