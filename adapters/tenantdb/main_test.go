package tenantdb_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// platform returns a pool on a main database of the test's own.
func platform(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.Platform(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
