package projections

import (
	"github.com/cartulary/cartulary/events"
)

// Tenants writes the tenants of the platform, into the main database. Closed ones
// stay, as inactive, and so do those whose data is gone, as not ready.
func Tenants() Projection {
	return Projection{Name: "tenants", Kinds: []events.Kind{events.KindTenant}, Apply: applyTenants}
}

func applyTenants(w *Writes, b Batch) error {
	c := foldTenant(b.Events)
	switch {
	case c.version == 0:
	case c.created:
		w.queue(`
			insert into tenants
				(id, name, database_name, is_active, is_ready, created_at, updated_at, created_by, version, purged_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			b.Ledger, c.name, c.database, !c.closed, c.ready && c.purgedAt == nil, c.createdAt, c.updatedAt, c.createdBy,
			c.version, c.purgedAt)
	default:
		w.queue(`
			update tenants
			set name = coalesce($2, name), is_active = is_active and not $3, is_ready = (is_ready or $4) and $7::timestamptz is null,
				updated_at = coalesce($5, updated_at), version = $6, purged_at = coalesce($7, purged_at)
			where id = $1`,
			b.Ledger, c.name, c.closed, c.ready, c.updatedAt, c.version, c.purgedAt)
	}
	return nil
}
