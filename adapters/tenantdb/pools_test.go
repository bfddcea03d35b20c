package tenantdb_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

// tenants makes the databases of new tenants.
func tenants(t testing.TB, p *tenantdb.Provisioner, n int) []uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
		if err := p.Provision(t.Context(), ids[i]); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func TestPoolsNeverHoldMoreThanTheyMay(t *testing.T) {
	const maxConns = 3
	db := platform(t)
	ids := tenants(t, tenantdb.NewProvisioner(db), 6)
	pools := tenantdb.New(tenantdb.Config{Platform: db, MaxConns: maxConns, MaxPerTenant: 2, WaitTimeout: time.Minute})
	defer pools.Close()
	var held, tooMany atomic.Int32
	var group errgroup.Group
	for i := range 24 {
		group.Go(func() error {
			for j := range 20 {
				conn, release, err := pools.Tenant(t.Context(), ids[(i+j)%len(ids)])
				if err != nil {
					return err
				}
				n := held.Add(1)
				if n > maxConns {
					tooMany.Store(n)
				}
				var name string
				err = conn.QueryRow(t.Context(), `select current_database()`).Scan(&name)
				held.Add(-1)
				release()
				if err != nil {
					return err
				}
				if name != events.DatabaseName(ids[(i+j)%len(ids)]) {
					return errors.New("a connection to another tenant's database: " + name)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := tooMany.Load(); n > 0 {
		t.Errorf("%d connections at once, want at most %d", n, maxConns)
	}
}

func TestTenantIsBusyWhileItsConnectionsAreTaken(t *testing.T) {
	db := platform(t)
	ids := tenants(t, tenantdb.NewProvisioner(db), 2)
	pools := tenantdb.New(tenantdb.Config{Platform: db, MaxConns: 2, MaxPerTenant: 1, WaitTimeout: 20 * time.Millisecond})
	defer pools.Close()
	_, release, err := pools.Tenant(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := pools.Tenant(t.Context(), ids[0]); !errors.Is(err, tenantdb.ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	_, releaseOther, err := pools.Tenant(t.Context(), ids[1]) // which suffers nothing
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := pools.Tenant(ctx, ids[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	release()
	release() // once is enough
	releaseOther()
	_, release, err = pools.Tenant(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestConnectionLeftInATransactionIsNotHandedOn(t *testing.T) {
	db := platform(t)
	id := tenants(t, tenantdb.NewProvisioner(db), 1)[0]
	pools := tenantdb.New(tenantdb.Config{Platform: db, MaxConns: 1})
	defer pools.Close()
	first, release, err := pools.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Exec(t.Context(), `begin`); err != nil {
		t.Fatal(err)
	}
	release()
	second, release, err := pools.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if second == first || second.PgConn().TxStatus() != 'I' {
		t.Error("handed on")
	}
}

func TestConnectionThatDiedIsReplaced(t *testing.T) {
	db := platform(t)
	id := tenants(t, tenantdb.NewProvisioner(db), 1)[0]
	pools := tenantdb.New(tenantdb.Config{Platform: db})
	defer pools.Close()
	conn, release, err := pools.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	pid := conn.PgConn().PID()
	release()
	if _, err := db.Exec(t.Context(), `select pg_terminate_backend($1, 5000)`, int32(pid)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // for as long a connection is trusted
	conn, release, err = pools.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := conn.Ping(t.Context()); err != nil || conn.PgConn().PID() == pid {
		t.Errorf("connection %d, %v", conn.PgConn().PID(), err)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	db := platform(t)
	id := tenants(t, tenantdb.NewProvisioner(db), 1)[0]
	pools := tenantdb.New(tenantdb.Config{Platform: db, IdleTimeout: 20 * time.Millisecond})
	defer pools.Close()
	conn, release, err := pools.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	release()
	select {
	case <-conn.PgConn().CleanupDone():
	case <-time.After(20 * time.Second):
		t.Error("still open")
	}
}

func TestClosedPoolsGiveNothing(t *testing.T) {
	db := platform(t)
	id := tenants(t, tenantdb.NewProvisioner(db), 1)[0]
	pools := tenantdb.New(tenantdb.Config{Platform: db, MaxConns: 1, WaitTimeout: time.Minute})
	conn, release, err := pools.Tenant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, _, err := pools.Tenant(t.Context(), id); !errors.Is(err, tenantdb.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	})
	pools.Close()
	waiting.Wait()
	release()
	if !conn.IsClosed() {
		t.Error("the connection was kept")
	}
}

func BenchmarkWarmTenant(b *testing.B) {
	db := platform(b)
	id := tenants(b, tenantdb.NewProvisioner(db), 1)[0]
	pools := tenantdb.New(tenantdb.Config{Platform: db})
	defer pools.Close()
	for b.Loop() {
		_, release, err := pools.Tenant(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
