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
	Name        string
	CreatedAt   time.Time
	CreatedBy   uuid.UUID
	Version     int64
	Members     map[uuid.UUID]events.Role
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
		t.Created, t.Name, t.CreatedAt, t.CreatedBy = true, e.Name, r.At, r.Actor
	case events.TenantProvisioned:
		t.Provisioned = true
	case events.TenantChanged:
		t.Name = e.Name
	case events.TenantDeleted:
		t.Deleted = true
	case events.MemberAdded:
		t.Members = with(t.Members, e.UserID, e.Role)
	case events.MemberRoleChanged:
		t.Members = with(t.Members, e.UserID, e.Role)
	case events.MemberRemoved:
		t.Members = maps.Clone(t.Members)
		delete(t.Members, e.UserID)
	}
	return t
}

func with(members map[uuid.UUID]events.Role, user uuid.UUID, role events.Role) map[uuid.UUID]events.Role {
	next := maps.Clone(members)
	if next == nil {
		next = make(map[uuid.UUID]events.Role, 1)
	}
	next[user] = role
	return next
}

func (t Tenant) exists() bool { return t.Created && !t.Deleted }

func (t Tenant) admins() int {
	n := 0
	for _, role := range t.Members {
		if role == events.RoleAdmin {
			n++
		}
	}
	return n
}

// administered checks that actor may change the tenant.
func (t Tenant) administered(actor uuid.UUID) error {
	role, member := t.Members[actor]
	switch {
	case !t.exists(), !member:
		return ErrNotFound
	case role != events.RoleAdmin:
		return ErrForbidden
	default:
		return nil
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
