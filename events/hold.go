package events

import "github.com/google/uuid"

// HoldEvent is a fact about what must not be deleted in a tenant. All holds of a
// tenant stand on one stream.
//
//sumtype:decl
type HoldEvent interface {
	Event
	holdEvent()
}

// Names of hold events.
const (
	TypeDocumentHoldPlaced   Type = "document.hold_placed"
	TypeDocumentHoldReleased Type = "document.hold_released"
	TypeTenantHoldPlaced     Type = "tenant.hold_placed"
	TypeTenantHoldReleased   Type = "tenant.hold_released"
)

// DocumentHoldPlaced records that a document must not be deleted from here on.
type DocumentHoldPlaced struct {
	DocumentID uuid.UUID `json:"document_id"`
	Previous   string    `json:"previous"` // the reason until now; empty if there was no hold
	Reason     string    `json:"reason"`
}

// DocumentHoldReleased records that the document may be deleted again.
type DocumentHoldReleased struct {
	DocumentID uuid.UUID `json:"document_id"`
	Previous   string    `json:"previous"` // the reason until now
}

// TenantHoldPlaced records that nothing of the tenant must be deleted from here on,
// nor the tenant itself.
type TenantHoldPlaced struct {
	Previous string `json:"previous"` // the reason until now; empty if there was no hold
	Reason   string `json:"reason"`
}

// TenantHoldReleased records that the tenant and what it holds may be deleted again.
type TenantHoldReleased struct {
	Previous string `json:"previous"` // the reason until now
}

// EventType implements [Event].
func (DocumentHoldPlaced) EventType() Type { return TypeDocumentHoldPlaced }

// EventType implements [Event].
func (DocumentHoldReleased) EventType() Type { return TypeDocumentHoldReleased }

// EventType implements [Event].
func (TenantHoldPlaced) EventType() Type { return TypeTenantHoldPlaced }

// EventType implements [Event].
func (TenantHoldReleased) EventType() Type { return TypeTenantHoldReleased }

func (DocumentHoldPlaced) holdEvent()   {}
func (DocumentHoldReleased) holdEvent() {}
func (TenantHoldPlaced) holdEvent()     {}
func (TenantHoldReleased) holdEvent()   {}
