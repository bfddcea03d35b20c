package projections

import (
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// tenantChange is what a batch does to the record of its tenant.
type tenantChange struct {
	created   bool // it is new, and all fields count
	database  string
	createdAt time.Time
	createdBy uuid.UUID

	name      *string // nil: as it was
	ready     bool    // it became so
	closed    bool    // it became so
	purgedAt  *time.Time
	updatedAt *time.Time
	version   int64 // 0: the batch says nothing of the tenant
}

func foldTenant(list []events.Recorded) (c tenantChange) {
	for i := range list {
		r := &list[i]
		event, ok := r.Event.(events.TenantEvent)
		if !ok {
			continue
		}
		c.version = r.StreamVersion
		switch e := event.(type) {
		case events.TenantCreated:
			c.created, c.database = true, e.DatabaseName
			c.createdAt, c.createdBy = r.At, r.Actor
			c.name, c.updatedAt = &e.Name, &r.At
		case events.TenantProvisioned:
			c.ready, c.updatedAt = true, &r.At
		case events.TenantChanged:
			c.name, c.updatedAt = &e.Name, &r.At
		case events.TenantDeleted:
			c.closed, c.updatedAt = true, &r.At
		case events.TenantPurged:
			c.purgedAt = &r.At
		case events.MemberAdded, events.MemberRoleChanged, events.MemberRemoved: // not of the record itself
		}
	}
	return c
}

// memberChange is what a batch does to a member.
type memberChange struct {
	removed  bool
	role     events.Role
	joinedAt *time.Time // nil: as it was
}

func foldMembers(list []events.Recorded) (members fold[memberChange]) {
	for i := range list {
		r := &list[i]
		event, ok := r.Event.(events.TenantEvent)
		if !ok {
			continue
		}
		switch e := event.(type) {
		case events.MemberAdded:
			*members.of(e.UserID) = memberChange{role: e.Role, joinedAt: &r.At}
		case events.MemberRoleChanged:
			members.of(e.UserID).role = e.Role
		case events.MemberRemoved:
			*members.of(e.UserID) = memberChange{removed: true}
		case events.TenantCreated, events.TenantProvisioned, events.TenantChanged, events.TenantDeleted,
			events.TenantPurged: // not of members
		}
	}
	return members
}

// memberColumns holds the changes of members, column by column.
type memberColumns struct {
	removed []uuid.UUID

	added      []uuid.UUID
	addedRoles []string
	joinedAt   []time.Time

	changed      []uuid.UUID
	changedRoles []string
}

func columnsOf(members *fold[memberChange]) (c memberColumns) {
	for _, id := range members.sorted() {
		m := members.of(id)
		switch {
		case m.removed:
			c.removed = append(c.removed, id)
		case m.joinedAt != nil:
			c.added = append(c.added, id)
			c.addedRoles = append(c.addedRoles, string(m.role))
			c.joinedAt = append(c.joinedAt, *m.joinedAt)
		default:
			c.changed = append(c.changed, id)
			c.changedRoles = append(c.changedRoles, string(m.role))
		}
	}
	return c
}
