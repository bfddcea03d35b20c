package command

import (
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

const maxTenantNameRunes = 255 // tenants.name

// Tenant is a tenant and its members, as far as commands decide on them.
type Tenant struct {
	Created     bool
	Provisioned bool
	Deleted     bool
	DeletedAt   time.Time
	Purged      bool
	Name        string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	CreatedBy   uuid.UUID
	Version     int64
	Members     map[uuid.UUID]Member
}

// Member is a user's place in a tenant.
type Member struct {
	Role     events.Role
	JoinedAt time.Time
}

// tenantStream names the stream of a tenant, which is also its ledger's id.
func tenantStream(id uuid.UUID) events.Stream {
	return events.Stream{Kind: events.KindTenant, ID: id}
}

// evolveTenant applies one event of a tenant's stream.
func evolveTenant(t Tenant, r events.Recorded) Tenant {
	t.Version = r.StreamVersion
	event, _ := r.Event.(events.TenantEvent)
	switch e := event.(type) {
	case events.TenantCreated:
		t.Created, t.Name, t.CreatedAt, t.CreatedBy, t.UpdatedAt = true, e.Name, r.At, r.Actor, r.At
	case events.TenantProvisioned:
		t.Provisioned, t.UpdatedAt = true, r.At
	case events.TenantChanged:
		t.Name, t.UpdatedAt = e.Name, r.At
	case events.TenantDeleted:
		t.Deleted, t.DeletedAt, t.UpdatedAt = true, r.At, r.At
	case events.TenantPurged:
		t.Purged = true
	case events.MemberAdded:
		t.Members = with(t.Members, e.UserID, Member{Role: e.Role, JoinedAt: r.At})
	case events.MemberRoleChanged:
		t.Members = with(t.Members, e.UserID, Member{Role: e.Role, JoinedAt: t.Members[e.UserID].JoinedAt})
	case events.MemberRemoved:
		t.Members = maps.Clone(t.Members)
		delete(t.Members, e.UserID)
	}
	return t
}

func with(members map[uuid.UUID]Member, user uuid.UUID, member Member) map[uuid.UUID]Member {
	next := maps.Clone(members)
	if next == nil {
		next = make(map[uuid.UUID]Member, 1)
	}
	next[user] = member
	return next
}

func (t Tenant) exists() bool { return t.Created && !t.Deleted }

func (t Tenant) admins() int {
	n := 0
	for _, member := range t.Members {
		if member.Role == events.RoleAdmin {
			n++
		}
	}
	return n
}

// administered checks that actor may change the tenant.
func (t Tenant) administered(actor uuid.UUID) error {
	member, ok := t.Members[actor]
	switch {
	case !t.exists(), !ok:
		return ErrNotFound
	case member.Role != events.RoleAdmin:
		return ErrForbidden
	default:
		return nil
	}
}

// details describes the tenant as it is.
func (t Tenant) details(id uuid.UUID) TenantDetails {
	return TenantDetails{
		ID: id, Name: t.Name, DatabaseName: events.DatabaseName(id), IsActive: t.exists(),
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, CreatedBy: t.CreatedBy, Version: t.Version,
	}
}

// TenantDetails describes a tenant to its members.
type TenantDetails struct {
	ID           uuid.UUID `json:"id"`
	Name         string    `json:"name"`
	DatabaseName string    `json:"database_name"`
	IsActive     bool      `json:"is_active"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	CreatedBy    uuid.UUID `json:"created_by"`
	Version      int64     `json:"version"`
}
