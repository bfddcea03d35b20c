package tenantdb_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// rebuild rebuilds a tenant's own database from its ledger.
func (w *world) rebuild(tenant uuid.UUID, change ...func(*tenantdb.RebuildConfig)) tenantdb.Rebuilt {
	w.Helper()
	var got []tenantdb.Rebuilt
	err := tenantdb.NewRebuild(w.rebuildConfig(change...)).Tenants(w.Context(), []uuid.UUID{tenant},
		func(r tenantdb.Rebuilt) { got = append(got, r) })
	if err != nil || len(got) != 1 {
		w.Fatalf("%v, %v", got, err)
	}
	return got[0]
}

func (w *world) rebuildPlatform(change ...func(*tenantdb.RebuildConfig)) tenantdb.Rebuilt {
	w.Helper()
	var got tenantdb.Rebuilt
	err := tenantdb.NewRebuild(w.rebuildConfig(change...)).Platform(w.Context(), func(r tenantdb.Rebuilt) { got = r })
	if err != nil {
		w.Fatal(err)
	}
	return got
}

func (w *world) rebuildConfig(change ...func(*tenantdb.RebuildConfig)) tenantdb.RebuildConfig {
	cfg := tenantdb.RebuildConfig{
		Platform: w.db, Keys: w, Logger: slog.New(slog.DiscardHandler), Patience: 10 * time.Second,
		Source: func(context.Context) (tenantdb.Source, error) { return tenantdb.NewLedgerSource(w, w.listHeads), nil },
	}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

func swapping(c *tenantdb.RebuildConfig) { c.Swap = true }
func forcing(c *tenantdb.RebuildConfig)  { c.Swap, c.Force = true, true }

// furnished returns a tenant with n documents, and its user, all projected.
func (w *world) furnished(p *tenantdb.Projector, n int) (tenant, user uuid.UUID) {
	w.Helper()
	user, registered := w.register()
	tenant, list := w.found(user)
	for range n {
		document := uuid.New()
		list = append(list, w.record(tenant, user, append(upload(document, "draft"), rename(document, "final"))...)...)
	}
	w.apply(p, registered, list)
	w.awaitAll(tenant)
	w.awaitAll(events.PlatformLedger)
	return tenant, user
}

// tables tells the definitions of all tables of the search path: columns, indexes,
// constraints, parameters.
const tables = `
	select string_agg(d, E'\n' order by d) from (
		select pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = indrelid
			where relnamespace = current_schema()::regnamespace
		union all select conrelid::regclass || conname || pg_get_constraintdef(oid) from pg_constraint
			where connamespace = current_schema()::regnamespace and contype <> 'n'
		union all select relname || reloptions::text from pg_class
			where relnamespace = current_schema()::regnamespace and reloptions is not null
		union all select format('%s.%s %s %s %s', attrelid::regclass, attnum, attname, atttypid::regtype, attnotnull)
			|| coalesce(pg_get_expr(adbin, adrelid), '')
			from pg_attribute join pg_class c on c.oid = attrelid left join pg_attrdef on adrelid = c.oid and adnum = attnum
			where relnamespace = current_schema()::regnamespace and attnum > 0
	) x (d)`

func (w *world) definitions(tenant uuid.UUID) (text string) {
	w.Helper()
	conn, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	if err := conn.QueryRow(w.Context(), tables).Scan(&text); err != nil {
		w.Fatal(err)
	}
	return text
}

func TestRebuiltIsLive(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	tenant, _ := w.furnished(p, 200)
	want, made := w.dump(tenant)+w.dump(events.PlatformLedger), w.definitions(tenant)
	for _, atOnce := range []int{0, 300, 7} { // again is once; rows move within batches and across them
		inBatches := func(c *tenantdb.RebuildConfig) { c.MaxBatch = atOnce }
		for _, r := range []tenantdb.Rebuilt{w.rebuild(tenant, swapping, inBatches), w.rebuildPlatform(swapping, inBatches)} {
			if !r.Equal() || !r.Swapped {
				t.Fatalf("got %+v, %v", r, r.Err)
			}
		}
	}
	if diff := cmp.Diff(want, w.dump(tenant)+w.dump(events.PlatformLedger)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(made, w.definitions(tenant)); diff != "" {
		t.Errorf("definitions of tables (-before +after):\n%s", diff)
	}
}

// What events say is written again where the live rows are wrong, lost or made up.
func TestRebuildRefusesToSwapWhatDiffersUnlessForced(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	tenant, user := w.furnished(p, 6)
	want := w.dump(tenant)
	var document string
	conn, release, err := w.pools.Tenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), `select min(id::text) from documents`).Scan(&document); err != nil {
		t.Fatal(err)
	}
	release()
	w.tenantExec(tenant, `update documents set filename = 'forged', version = 99 where id = '`+document+`'`)
	w.tenantExec(tenant, `insert into members values (gen_random_uuid(), 'admin', now())`)
	w.tenantExec(tenant, `delete from trail where seq = 2`)
	w.exec(`update user_tenant_associations set role = 'viewer' where tenant_id = $1`, tenant)

	refused := w.rebuild(tenant, swapping)
	if refused.Err != nil || refused.Swapped || refused.Equal() {
		t.Fatalf("got %+v, %v", refused, refused.Err)
	}
	found := make(map[string]tenantdb.RowDifference)
	for _, d := range refused.Differences {
		found[d.Table] = d
	}
	d := found["documents"]
	if diff := cmp.Diff([]string{"filename", "version"}, d.Columns); diff != "" || d.Key != document || d.Problem != tenantdb.RowDiffers ||
		d.Event == nil || d.Event.Type != string(events.TypeDocumentRenamed) {
		t.Errorf("got %+v, %+v", d, d.Event)
	}
	if d := found["members"]; d.Problem != tenantdb.RowExtra || d.Event != nil {
		t.Errorf("got %+v", d)
	}
	if d := found["trail"]; d.Problem != tenantdb.RowMissing || d.Event == nil || d.Event.Seq != 2 || d.Event.Type != string(events.TypeMemberAdded) {
		t.Errorf("got %+v, %+v", d, d.Event)
	}
	main := w.rebuildPlatform(swapping)
	if len(main.Differences) != 1 || main.Swapped || main.Differences[0].Key != user.String()+"/"+tenant.String() ||
		main.Differences[0].Event == nil || main.Differences[0].Event.Seq != 2 {
		t.Errorf("got %+v", main)
	}

	for _, r := range []tenantdb.Rebuilt{w.rebuild(tenant, forcing), w.rebuildPlatform(forcing)} {
		if r.Err != nil || !r.Swapped {
			t.Fatalf("got %+v, %v", r, r.Err)
		}
	}
	if diff := cmp.Diff(want, w.dump(tenant)); diff != "" {
		t.Error(diff)
	}
}

// Two numbers that count as equal are not the same bytes.
func TestRebuildFindsWhatOnlyItsTextTellsApart(t *testing.T) {
	w := newWorld(t)
	tenant, _ := w.furnished(w.projector(), 1)
	w.tenantExec(tenant, `update trail set data = jsonb_set(data, '{size}', '7.0')
		where event_type = 'file.received' and (data ->> 'size') = '7'`)
	r := w.rebuild(tenant)
	if r.Err != nil || r.Differing["trail"] != 1 || len(r.Differing) != 1 {
		t.Errorf("got %+v, %v", r, r.Err)
	}
}

// What the database refuses, in rows that are copied or in others, leaves the live
// tables as they are.
func TestRebuildThatTheDatabaseRefusesLeavesWhatIsThere(t *testing.T) {
	w := newWorld(t)
	tenant, _ := w.furnished(w.projector(), 150) // enough for rows to be copied
	want := w.dump(tenant)
	for _, table := range []string{"trail", "file_versions"} {
		w.tenantExec(tenant, `alter table `+table+` add constraint refused check (false) not valid`)
		r := w.rebuild(tenant, forcing)
		if r.Err == nil || !strings.Contains(r.Err.Error(), "refused") || r.Swapped {
			t.Errorf("%s: got %+v, %v", table, r, r.Err)
		}
		w.tenantExec(tenant, `alter table `+table+` drop constraint refused`)
	}
	if diff := cmp.Diff(want, w.dump(tenant)); diff != "" {
		t.Error(diff)
	}
	if r := w.rebuild(tenant, swapping); !r.Equal() || !r.Swapped {
		t.Errorf("got %+v, %v", r, r.Err)
	}
}

func TestRebuildThatWasCutOffBeginsAnew(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	tenant, _ := w.furnished(p, 50)
	want := w.dump(tenant)
	ctx, cut := context.WithCancel(t.Context())
	cfg := w.rebuildConfig(swapping, func(c *tenantdb.RebuildConfig) {
		c.MaxBatch = 10
		c.Source = func(context.Context) (tenantdb.Source, error) {
			return tenantdb.NewLedgerSource(cutting{w, cut}, w.listHeads), nil
		}
	})
	err := tenantdb.NewRebuild(cfg).Tenants(ctx, []uuid.UUID{tenant}, func(r tenantdb.Rebuilt) {
		if r.Swapped {
			t.Error("swapped")
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(want, w.dump(tenant)); diff != "" {
		t.Error(diff)
	}
	var r tenantdb.Rebuilt
	w.until("the server notices that the other is gone", func() bool {
		r = w.rebuild(tenant, swapping)
		return !errors.Is(r.Err, tenantdb.ErrRebuilding)
	})
	if !r.Equal() || !r.Swapped {
		t.Errorf("got %+v, %v", r, r.Err)
	}
	if diff := cmp.Diff(want, w.dump(tenant)); diff != "" {
		t.Error(diff)
	}
}

// cutting is a ledger whose reader is cut off once it has read.
type cutting struct {
	*world
	cut func()
}

func (c cutting) Read(ctx context.Context, ledger uuid.UUID, after int64, limit int) ([]events.Message, error) {
	list, err := c.world.Read(ctx, ledger, after, limit)
	c.cut()
	return list, err
}

func TestOnlyOneRebuildsADatabase(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	tenant, _ := w.furnished(p, 1)
	var inner tenantdb.Rebuilt
	meanwhile := sync.OnceFunc(func() { inner = w.rebuild(tenant) })
	outer := w.rebuild(tenant, swapping, func(c *tenantdb.RebuildConfig) {
		c.Source = func(context.Context) (tenantdb.Source, error) {
			return tenantdb.NewLedgerSource(cutting{w, meanwhile}, w.listHeads), nil
		}
	})
	if !outer.Equal() || !outer.Swapped {
		t.Errorf("got %+v, %v", outer, outer.Err)
	}
	if !errors.Is(inner.Err, tenantdb.ErrRebuilding) {
		t.Errorf("got %+v, %v", inner, inner.Err)
	}
}

// Who vacuums a table that has just been filled would keep it from being swapped.
func TestWhatIsBuiltIsNotVacuumedMeanwhile(t *testing.T) {
	w := newWorld(t)
	tenant, _ := w.furnished(w.projector(), 1)
	if r := w.rebuild(tenant, func(c *tenantdb.RebuildConfig) { c.Keep = true }); !r.Equal() {
		t.Fatalf("got %+v, %v", r, r.Err)
	}
	const vacuumed = `select count(*) from pg_class where relkind = 'r' and relnamespace = 'cartulary_shadow'::regnamespace
		and not coalesce(reloptions, '{}') @> '{autovacuum_enabled=off}'`
	if n := w.count(tenant, vacuumed); n > 0 {
		t.Errorf("%d tables are vacuumed", n)
	}
}

func TestRebuildMakesNoDatabase(t *testing.T) {
	w := newWorld(t)
	tenant := uuid.New()
	if r := w.rebuild(tenant, swapping); !errors.Is(r.Err, tenantdb.ErrNotProvisioned) {
		t.Errorf("got %+v, %v", r, r.Err)
	}
	var made bool
	err := w.db.QueryRow(t.Context(), `select exists (select from pg_database where datname = $1)`,
		events.DatabaseName(tenant)).Scan(&made)
	if err != nil || made {
		t.Errorf("made %t, %v", made, err)
	}
}

// Every table that is no projection's is known to be none.
func TestEveryTableOfAReadModelIsRebuilt(t *testing.T) {
	w := newWorld(t)
	user, _ := w.register()
	tenant, _ := w.found(user)
	conn, release, err := w.pools.Tenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	const query = `select table_name::text from information_schema.tables
		where table_schema = current_schema() and not table_name = any($1) order by 1`
	aside := []string{"checkpoints", "goose_db_version"}
	for name, list := range map[string]func() (pgx.Rows, error){
		"a tenant's": func() (pgx.Rows, error) {
			return conn.Query(t.Context(), query, append(aside, projections.TenantTables()...))
		},
		"main database": func() (pgx.Rows, error) {
			return w.db.Query(t.Context(), query, append(aside, projections.PlatformTables()...))
		},
	} {
		rows, err := list()
		if err != nil {
			t.Fatal(err)
		}
		if more, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(more) > 0 {
			t.Errorf("%s: no projection's: %s, %v", name, strings.Join(more, ", "), err)
		}
	}
}
