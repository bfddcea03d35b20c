package projections

import (
	"github.com/cartulary/cartulary/events"
)

// Members writes the members of a tenant, into the tenant's own database.
func Members() Projection {
	return Projection{Name: "members", Kinds: []events.Kind{events.KindTenant}, Apply: applyMembers}
}

func applyMembers(w *Writes, b Batch) error {
	members := foldMembers(b.Events)
	c := columnsOf(&members)
	if len(c.removed) > 0 {
		w.queue(`delete from members where user_id = any($1)`, uuids(c.removed))
	}
	if len(c.added) > 0 {
		w.queue(`
			insert into members (user_id, role, joined_at)
			select * from unnest($1::uuid[], $2::text[], $3::timestamptz[])
			on conflict (user_id) do update set role = excluded.role, joined_at = excluded.joined_at`,
			uuids(c.added), c.addedRoles, c.joinedAt)
	}
	if len(c.changed) > 0 {
		w.queue(`
			update members m set role = v.role
			from unnest($1::uuid[], $2::text[]) as v (user_id, role)
			where m.user_id = v.user_id`,
			uuids(c.changed), c.changedRoles)
	}
	return nil
}
