package projections

import (
	"github.com/cartulary/cartulary/events"
)

// Memberships writes who belongs to which tenant, into the main database.
//
// Users come from another ledger than their memberships. A membership of a user
// who has not come yet violates a foreign key (SQLSTATE 23503); the batch is then
// to be applied again a little later.
func Memberships() Projection {
	return Projection{Name: "memberships", Kinds: []events.Kind{events.KindTenant}, Apply: applyMemberships}
}

func applyMemberships(w *Writes, b Batch) error {
	members := foldMembers(b.Events)
	c := columnsOf(&members)
	if len(c.removed) > 0 {
		w.queue(`delete from user_tenant_associations where tenant_id = $1 and user_id = any($2)`,
			b.Ledger, uuids(c.removed))
	}
	if len(c.added) > 0 {
		w.queue(`
			insert into user_tenant_associations (tenant_id, user_id, role, joined_at)
			select $1, v.* from unnest($2::uuid[], $3::text[], $4::timestamptz[]) as v
			on conflict (user_id, tenant_id) do update set role = excluded.role, joined_at = excluded.joined_at`,
			b.Ledger, uuids(c.added), c.addedRoles, c.joinedAt)
	}
	if len(c.changed) > 0 {
		w.queue(`
			update user_tenant_associations a set role = v.role
			from unnest($2::uuid[], $3::text[]) as v (user_id, role)
			where a.tenant_id = $1 and a.user_id = v.user_id`,
			b.Ledger, uuids(c.changed), c.changedRoles)
	}
	return nil
}
