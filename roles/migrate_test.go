package roles_test

import (
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/migrations"
	"github.com/cartulary/cartulary/roles"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The trail tells when an operator changed a database, the tenant's own or the main one,
// and not when there was nothing to change.
func TestMigrationsAreInTheTrail(t *testing.T) {
	url := pgtest.Platform(t)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	tenant := uuid.New()
	name := events.DatabaseName(tenant)
	databases := tenantdb.NewProvisioner(pool)
	t.Cleanup(func() { _ = databases.Drop(context.WithoutCancel(t.Context()), tenant) })
	if err := databases.Provision(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	_, err = pool.Exec(t.Context(), `insert into ledger.heads (ledger_id, seq, at, range) values ($1, 0, now(), '')`, tenant)
	if err != nil {
		t.Fatal(err)
	}
	own := pool.Config().ConnConfig.Copy()
	own.Database = name
	setBack(t, own, migrations.Tenant, "tenant")
	main, err := pgx.ParseConfig(pgtest.Owner(t, url))
	if err != nil {
		t.Fatal(err)
	}
	setBack(t, main, migrations.Platform, "platform")
	cfg := config.Config{Database: config.Database{URL: url, MigrateURL: pgtest.Owner(t, url), PoolSize: 4}}
	for range 2 {
		if err := roles.Migrate(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil))); err != nil {
			t.Fatal(err)
		}
	}
	for ledger, what := range map[uuid.UUID]string{tenant: "of the tenant's database", events.PlatformLedger: "of the main database"} {
		rows, err := pool.Query(t.Context(), `select convert_from(body, 'UTF8') from ledger.events where ledger_id = $1`, ledger)
		if err != nil {
			t.Fatal(err)
		}
		bodies, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(bodies) != 1 || !strings.Contains(bodies[0], `"action":"migrate"`) || !strings.Contains(bodies[0], what+" from version") ||
			!strings.Contains(bodies[0], `"origin":{`) {
			t.Errorf("the trail tells %q, want one migration %s, and who did it", bodies, what)
		}
	}
}

// setBack undoes the newest migration of a database.
func setBack(t *testing.T, settings *pgx.ConnConfig, all fs.FS, dir string) {
	t.Helper()
	db := stdlib.OpenDB(*settings)
	defer func() { _ = db.Close() }()
	files, err := fs.Sub(all, dir)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
}
