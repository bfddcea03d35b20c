package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDatabasesAreMigratedAndApart(t *testing.T) {
	t.Parallel()
	const insert = `insert into ledger.heads (ledger_id, seq, at, range) values (gen_random_uuid(), 0, now(), '')`
	for range 3 {
		conn := connect(t, pgtest.Platform(t))
		if _, err := conn.Exec(t.Context(), insert); err != nil {
			t.Fatal(err)
		}
		if got := count(t, conn, `select count(*) from ledger.heads`); got != 1 {
			t.Errorf("%d heads, want 1", got)
		}
	}
}

func TestTenantDatabase(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.Tenant(t))
	if got := count(t, conn, `select count(*) from documents`); got != 0 {
		t.Errorf("%d documents, want 0", got)
	}
}

func TestEmptyDatabase(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.Database(t, nil))
	const tables = `select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`
	if got := count(t, conn, tables); got != 0 {
		t.Errorf("%d tables, want 0", got)
	}
}

func TestDatabaseIsDroppedWhileInUse(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("user", func(t *testing.T) {
		url = pgtest.Database(t, nil)
		if _, err := pgx.Connect(t.Context(), url); err != nil { // and never closes it
			t.Fatal(err)
		}
	})
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func count(t *testing.T, conn *pgx.Conn, query string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
