package events

import (
	"encoding/hex"

	"github.com/google/uuid"
)

// TenantEvent is a fact about one tenant and its members.
//
//sumtype:decl
type TenantEvent interface {
	Event
	tenantEvent()
}

// Names of tenant events.
const (
	TypeTenantCreated     Type = "tenant.created"
	TypeTenantProvisioned Type = "tenant.provisioned"
	TypeTenantChanged     Type = "tenant.changed"
	TypeTenantDeleted     Type = "tenant.deleted"
	TypeTenantPurged      Type = "tenant.purged"
	TypeMemberAdded       Type = "tenant.member_added"
	TypeMemberRoleChanged Type = "tenant.member_role_changed"
	TypeMemberRemoved     Type = "tenant.member_removed"
)

// Role is what a member may do in a tenant.
type Role string

// The roles of requirements §3.3, and that of auditors.
const (
	RoleAdmin  Role = "admin"  // everything, members included
	RoleUser   Role = "user"   // reads; uploads, edits and deletes own documents
	RoleViewer Role = "viewer" // reads

	RoleAuditor Role = "auditor" // reads, the trail included; changes nothing
)

// DatabaseName returns the name of a tenant's own database, which derives from
// the tenant's id and nothing else.
func DatabaseName(tenant uuid.UUID) string { return "tenant_" + hex.EncodeToString(tenant[:]) }

// TenantCreated records a new tenant.
type TenantCreated struct {
	DatabaseName string `json:"database_name" jsonschema:"pattern=^tenant_[0-9a-f]{32}$"` // derived from the tenant's id
	Name         string `json:"name"`
}

// TenantProvisioned records that the tenant's database exists and is migrated.
type TenantProvisioned struct{}

// TenantChanged records a tenant's new name.
type TenantChanged struct {
	Name     string `json:"name"`
	Previous string `json:"previous"`
}

// TenantDeleted records that the tenant was closed by one of its admins.
type TenantDeleted struct{}

// TenantPurged records that the closed tenant's database and objects are gone for
// good. Its trail stays.
type TenantPurged struct{}

// MemberAdded records that a user joined the tenant.
type MemberAdded struct {
	Role   Role      `json:"role"`
	UserID uuid.UUID `json:"user_id"`
}

// MemberRoleChanged records a member's new role.
type MemberRoleChanged struct {
	Previous Role      `json:"previous"`
	Role     Role      `json:"role"`
	UserID   uuid.UUID `json:"user_id"`
}

// MemberRemoved records that a user left the tenant.
type MemberRemoved struct {
	Role   Role      `json:"role"` // the role that was lost
	UserID uuid.UUID `json:"user_id"`
}

// EventType implements [Event].
func (TenantCreated) EventType() Type { return TypeTenantCreated }

// EventType implements [Event].
func (TenantProvisioned) EventType() Type { return TypeTenantProvisioned }

// EventType implements [Event].
func (TenantChanged) EventType() Type { return TypeTenantChanged }

// EventType implements [Event].
func (TenantDeleted) EventType() Type { return TypeTenantDeleted }

// EventType implements [Event].
func (TenantPurged) EventType() Type { return TypeTenantPurged }

// EventType implements [Event].
func (MemberAdded) EventType() Type { return TypeMemberAdded }

// EventType implements [Event].
func (MemberRoleChanged) EventType() Type { return TypeMemberRoleChanged }

// EventType implements [Event].
func (MemberRemoved) EventType() Type { return TypeMemberRemoved }

func (TenantCreated) tenantEvent()     {}
func (TenantProvisioned) tenantEvent() {}
func (TenantChanged) tenantEvent()     {}
func (TenantDeleted) tenantEvent()     {}
func (TenantPurged) tenantEvent()      {}
func (MemberAdded) tenantEvent()       {}
func (MemberRoleChanged) tenantEvent() {}
func (MemberRemoved) tenantEvent()     {}
