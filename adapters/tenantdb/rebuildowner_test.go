package tenantdb_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// rights tells who owns the tables of the search path, and who may do what with them.
const rights = `
	select string_agg(d, E'\n' order by d) from (
		select format('%s %s %s', relname, relowner::regrole, relacl) from pg_class
			where relnamespace = current_schema()::regnamespace
		union all select format('%s.%s %s', attrelid::regclass, attname, attacl)
			from pg_attribute join pg_class c on c.oid = attrelid
			where relnamespace = current_schema()::regnamespace and attacl is not null
	) x (d)`

func (w *world) rights(tenant uuid.UUID) string {
	w.Helper()
	conn, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	var main, own string
	if err := w.db.QueryRow(w.Context(), rights).Scan(&main); err != nil {
		w.Fatal(err)
	}
	if err := conn.QueryRow(w.Context(), rights).Scan(&own); err != nil {
		w.Fatal(err)
	}
	return main + "\n" + own
}

// Whoever rebuilds, the product can migrate and rebuild what is there afterwards, and
// who could read it still can.
func TestWhatASuperuserRebuiltIsTheProductsOwn(t *testing.T) {
	w := newWorld(t)
	tenant, _ := w.furnished(w.projector(), 2)
	w.exec(`grant select on users to pg_monitor`)
	w.tenantExec(tenant, `grant select, update on documents to pg_monitor with grant option;
		grant select (id) on files to public`)
	want := w.rights(tenant)
	superuser, err := pgxpool.New(t.Context(), pgtest.Owner(t, w.db.Config().ConnString()))
	if err != nil {
		t.Fatal(err)
	}
	defer superuser.Close()
	asSuperuser := func(c *tenantdb.RebuildConfig) { c.Platform = superuser }
	left := func(c *tenantdb.RebuildConfig) { c.Keep = true }
	for _, change := range [][]func(*tenantdb.RebuildConfig){
		{asSuperuser, swapping}, {asSuperuser, left}, {swapping},
	} {
		for _, r := range []tenantdb.Rebuilt{w.rebuild(tenant, change...), w.rebuildPlatform(change...)} {
			if !r.Equal() || r.Err != nil {
				t.Fatalf("got %+v, %v", r, r.Err)
			}
		}
		if diff := cmp.Diff(want, w.rights(tenant)); diff != "" {
			t.Fatalf("owners and grants (-before +after):\n%s", diff)
		}
	}
	w.exec(`alter table users add column later text`)
	w.tenantExec(tenant, `alter table documents add column later text`)
}
