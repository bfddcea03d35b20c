package projections

import (
	"github.com/cartulary/cartulary/events"
)

// TenantRecord writes the one row that a tenant's own database holds of its
// tenant.
func TenantRecord() Projection {
	return Projection{Name: "tenant", Kinds: []events.Kind{events.KindTenant}, Apply: applyTenantRecord}
}

func applyTenantRecord(w *Writes, b Batch) error {
	c := foldTenant(b.Events)
	switch {
	case c.version == 0:
	case c.created:
		w.queue(`
			insert into tenant (id, name, database_name, is_active, created_at, updated_at, created_by, version)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			b.Ledger, c.name, c.database, !c.closed, c.createdAt, c.updatedAt, c.createdBy, c.version)
	default:
		w.queue(`
			update tenant
			set name = coalesce($2, name), is_active = is_active and not $3,
				updated_at = coalesce($4, updated_at), version = $5
			where id = $1`,
			b.Ledger, c.name, c.closed, c.updatedAt, c.version)
	}
	return nil
}
