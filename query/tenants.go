package query

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Tenant is a row of tenants, in the main database.
type Tenant struct {
	ID           uuid.UUID `db:"id"            json:"id"`
	Name         string    `db:"name"          json:"name"`
	DatabaseName string    `db:"database_name" json:"database_name"`
	IsActive     bool      `db:"is_active"     json:"is_active"` // false once it was closed
	IsReady      bool      `db:"is_ready"      json:"is_ready"`  // its own database is there
	CreatedAt    time.Time `db:"created_at"    json:"created_at"`
	UpdatedAt    time.Time `db:"updated_at"    json:"updated_at"`
	CreatedBy    uuid.UUID `db:"created_by"    json:"created_by"`
	Version      int64     `db:"version"       json:"version"`
}

func (t *Tenant) toUTC() {
	t.CreatedAt = t.CreatedAt.UTC()
	t.UpdatedAt = t.UpdatedAt.UTC()
}

const tenantColumns = `t.id, t.name, t.database_name, t.is_active, t.is_ready,
	t.created_at, t.updated_at, t.created_by, t.version`

// TenantByID returns a tenant, closed or not; [ErrNotFound] if there is none.
func TenantByID(ctx context.Context, db DB, id uuid.UUID) (Tenant, error) {
	return one[Tenant](ctx, db, "tenant by id", `select `+tenantColumns+` from tenants t where t.id = $1`, id)
}

// ClosedTenants returns up to limit tenants that were closed before a time and
// whose data is still there, the longest closed first.
func ClosedTenants(ctx context.Context, db DB, before time.Time, limit int) ([]Tenant, error) {
	return many[Tenant](ctx, db, "closed tenants", `
		select `+tenantColumns+` from tenants t
		where not t.is_active and t.purged_at is null and t.updated_at < $1
		order by t.updated_at, t.id limit $2`, before, limit)
}

// TenantOfUser is a tenant with one user's place in it.
type TenantOfUser struct {
	Tenant

	Role     string    `db:"role"      json:"role"` // admin, user, viewer or auditor
	JoinedAt time.Time `db:"joined_at" json:"joined_at"`
}

func (t *TenantOfUser) toUTC() {
	t.Tenant.toUTC()
	t.JoinedAt = t.JoinedAt.UTC()
}

// TenantsOfUser returns a page of the tenants that a user belongs to and that
// were not closed, the last joined first.
func TenantsOfUser(ctx context.Context, db DB, user uuid.UUID, p Page) (Listed[TenantOfUser], error) {
	l := list[TenantOfUser]{
		name: "tenants of a user", columns: tenantColumns + ", a.role, a.joined_at",
		from:  "user_tenant_associations a join tenants t on t.id = a.tenant_id",
		order: newest("a.joined_at", "a.tenant_id", func(t *TenantOfUser) (any, uuid.UUID) { return t.JoinedAt, t.ID }),
	}
	l.where.add("a.user_id = ? and t.is_active", user)
	return pageOf[TenantOfUser](ctx, db, p, l)
}

// TenantOfUserByID returns a tenant, closed or not, as one of its members sees
// it; [ErrNotFound] if the user is not a member, or the tenant does not exist.
func TenantOfUserByID(ctx context.Context, db DB, user, tenant uuid.UUID) (TenantOfUser, error) {
	return one[TenantOfUser](ctx, db, "tenant of a user by id", `
		select `+tenantColumns+`, a.role, a.joined_at
		from user_tenant_associations a
		join tenants t on t.id = a.tenant_id
		where a.user_id = $1 and a.tenant_id = $2`, user, tenant)
}
