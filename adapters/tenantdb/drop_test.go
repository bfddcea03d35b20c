package tenantdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// The platform's user may not end an autovacuum worker, and need not wait until it
// has finished.
func TestDropSendsAutovacuumAndSessionsAway(t *testing.T) {
	pool := platform(t)
	tenant := uuid.New()
	made := tenantdb.NewProvisioner(pool)
	if err := made.Provision(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	cfg := pool.Config().ConnConfig.Copy()
	cfg.Database = events.DatabaseName(tenant)
	session, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close(t.Context()) }()
	superuser, err := pgxpool.New(t.Context(), pgtest.Owner(t, pool.Config().ConnString()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(superuser.Close)
	// Given a table that keeps a worker busy for minutes
	execute(t, superuser.Exec, `alter system set autovacuum_naptime = 1`, `select pg_reload_conf()`)
	t.Cleanup(func() { execute(t, superuser.Exec, `alter system reset autovacuum_naptime`, `select pg_reload_conf()`) })
	execute(t, session.Exec,
		`create table slow (n int) with (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
			autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)`,
		`insert into slow select generate_series(1, 100000)`,
		`delete from slow`)
	for busy := false; !busy; time.Sleep(50 * time.Millisecond) {
		err := superuser.QueryRow(t.Context(), `
			select exists (select from pg_stat_activity where datname = $1 and backend_type = 'autovacuum worker' and query like '%slow%')`,
			cfg.Database).Scan(&busy)
		if err != nil {
			t.Fatal(err)
		}
	}

	if err := made.Drop(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}

	var there bool
	err = superuser.QueryRow(t.Context(), `select exists (select from pg_database where datname = $1)`, cfg.Database).Scan(&there)
	if err != nil || there {
		t.Errorf("the database is there: %t, %v", there, err)
	}
	if err := session.Ping(t.Context()); err == nil {
		t.Error("the session goes on")
	}
}

func execute(t *testing.T, exec func(context.Context, string, ...any) (pgconn.CommandTag, error), statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := exec(context.WithoutCancel(t.Context()), s); err != nil {
			t.Fatal(err)
		}
	}
}
