package query

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Access is what a user's membership in a tenant amounts to.
type Access struct {
	Role         string `db:"role"      json:"role"`      // admin, user, viewer or auditor
	TenantActive bool   `db:"is_active" json:"is_active"` // false once the tenant was closed
	TenantReady  bool   `db:"is_ready"  json:"is_ready"`  // the tenant's own database is there
}

func (*Access) toUTC() {}

// Membership returns a user's access to a tenant; [ErrNotFound] if the user is
// not a member, or the tenant does not exist.
func Membership(ctx context.Context, db DB, user, tenant uuid.UUID) (Access, error) {
	return one[Access](ctx, db, "membership", `
		select a.role, t.is_active, t.is_ready
		from user_tenant_associations a
		join tenants t on t.id = a.tenant_id
		where a.user_id = $1 and a.tenant_id = $2`, user, tenant)
}

// Member is a user's place in a tenant, with who that is.
type Member struct {
	UserID    uuid.UUID `db:"user_id"    json:"user_id"`
	Role      string    `db:"role"       json:"role"` // admin, user, viewer or auditor
	JoinedAt  time.Time `db:"joined_at"  json:"joined_at"`
	FirstName string    `db:"first_name" json:"first_name"`
	LastName  string    `db:"last_name"  json:"last_name"`
	Email     string    `db:"email"      json:"email"`
}

func (m *Member) toUTC() { m.JoinedAt = m.JoinedAt.UTC() }

// MemberOfTenant returns a member; [ErrNotFound] if the user is none. It asks the
// main database.
func MemberOfTenant(ctx context.Context, db DB, tenant, user uuid.UUID) (Member, error) {
	return one[Member](ctx, db, "member of a tenant", `
		select a.user_id, a.role, a.joined_at, u.first_name, u.last_name, u.email
		from user_tenant_associations a
		join users u on u.id = a.user_id
		where a.tenant_id = $1 and a.user_id = $2`, tenant, user)
}

// MembersOfTenant returns a page of a tenant's members, the last joined first.
// It asks the main database.
func MembersOfTenant(ctx context.Context, db DB, tenant uuid.UUID, p Page) (Listed[Member], error) {
	l := list[Member]{
		name: "members of a tenant", columns: "a.user_id, a.role, a.joined_at, u.first_name, u.last_name, u.email",
		from:  "user_tenant_associations a join users u on u.id = a.user_id",
		order: newest("a.joined_at", "a.user_id", func(m *Member) (any, uuid.UUID) { return m.JoinedAt, m.UserID }),
	}
	l.where.add("a.tenant_id = ?", tenant)
	return pageOf[Member](ctx, db, p, l)
}
