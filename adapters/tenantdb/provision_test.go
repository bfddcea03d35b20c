package tenantdb_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
)

func TestMigratePlatformCreatesTheDatabase(t *testing.T) {
	url := pgtest.Cluster(t).URL("made_by_migrate")
	for range 2 {
		if _, _, err := tenantdb.MigratePlatform(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProvisionByManyAtOnce(t *testing.T) {
	pool := platform(t)
	tenant := uuid.New()
	var group errgroup.Group
	for range 8 {
		group.Go(func() error { return tenantdb.NewProvisioner(pool).Provision(t.Context(), tenant) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	pools := tenantdb.New(tenantdb.Config{Platform: pool})
	defer pools.Close()
	conn, release, err := pools.Tenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var n int
	if err := conn.QueryRow(t.Context(), `select count(*) from documents`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("documents: %d, %v", n, err)
	}
}

func TestTenantThatIsNotProvisioned(t *testing.T) {
	pools := tenantdb.New(tenantdb.Config{Platform: platform(t)})
	defer pools.Close()
	if _, _, err := pools.Tenant(t.Context(), uuid.New()); !errors.Is(err, tenantdb.ErrNotProvisioned) {
		t.Fatalf("error %v, want ErrNotProvisioned", err)
	}
}

func TestMigrateTenantsGoesOnWithThoseThatLag(t *testing.T) {
	pool := platform(t)
	p := tenantdb.NewProvisioner(pool)
	whole, lagging := uuid.New(), uuid.New()
	if err := p.Provision(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	// Given a database of which nothing but the name was made, and a tenant without one.
	if _, err := pool.Exec(t.Context(), `create database `+events.DatabaseName(lagging)); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []uuid.UUID{whole, lagging, uuid.New()} {
		if _, err := pool.Exec(t.Context(), `insert into ledger.heads values ($1, 1, now(), '')`, tenant); err != nil {
			t.Fatal(err)
		}
	}
	from := int64(0)
	for range 2 {
		got := map[uuid.UUID]tenantdb.Status{}
		if err := p.MigrateTenants(t.Context(), 4, func(s tenantdb.Status) { got[s.Tenant] = s }); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[lagging].From != from || got[lagging].To != got[whole].To || got[lagging].To == 0 {
			t.Fatalf("statuses %+v", got)
		}
		from = got[lagging].To
	}
}
