package projections

import (
	"github.com/cartulary/cartulary/events"
)

// Tenants writes the tenants of the platform, into the main database. Closed ones
// stay, as inactive.
func Tenants() Projection {
	return Projection{Name: "tenants", Kinds: []events.Kind{events.KindTenant}, Apply: applyTenants}
}

func applyTenants(w *Writes, b Batch) error {
	c := foldTenant(b.Events)
	switch {
	case c.version == 0:
	case c.created:
		w.queue(`
			insert into tenants (id, name, database_name, is_active, is_ready, created_at, updated_at, created_by, version)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			b.Ledger, c.name, c.database, !c.closed, c.ready, c.createdAt, c.updatedAt, c.createdBy, c.version)
	default:
		w.queue(`
			update tenants
			set name = coalesce($2, name), is_active = is_active and not $3, is_ready = is_ready or $4,
				updated_at = coalesce($5, updated_at), version = $6
			where id = $1`,
			b.Ledger, c.name, c.closed, c.ready, c.updatedAt, c.version)
	}
	return nil
}
