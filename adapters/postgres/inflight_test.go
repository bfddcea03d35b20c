package postgres_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/internal/pgtest"
)

func newInFlight(t *testing.T, pool *pgxpool.Pool) *postgres.InFlight {
	t.Helper()
	f := postgres.NewInFlight(pool)
	t.Cleanup(f.Close)
	return f
}

// begun begins a request that must be free to.
func begun(t *testing.T, f *postgres.InFlight, id uuid.UUID) func() {
	t.Helper()
	end, free := f.Begin(t.Context(), id)
	if !free {
		t.Fatal("it is said to be under way")
	}
	return end
}

// eventually begins a request as soon as it is free to.
func eventually(t *testing.T, f *postgres.InFlight, id uuid.UUID) func() {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if end, free := f.Begin(t.Context(), id); free {
			return end
		}
		if time.Now().After(deadline) {
			t.Fatal("it is under way for good")
		}
	}
}

func TestARequestIsUnderWayInAllProcesses(t *testing.T) {
	pool := openPool(t, pgtest.Platform(t))
	one, other := newInFlight(t, pool), newInFlight(t, pool)
	id := newID()
	end := begun(t, one, id)
	for _, f := range []*postgres.InFlight{one, other, one} {
		if _, free := f.Begin(t.Context(), id); free {
			t.Fatal("it began twice")
		}
	}
	begun(t, other, uuid.New())()
	end()
	end = begun(t, one, id) // at once, where it ended
	end()
	end = eventually(t, other, id)
	if _, free := one.Begin(t.Context(), id); free {
		t.Error("it began twice")
	}
	end()
}

func TestTheRequestsOfADeadProcessAreNotUnderWay(t *testing.T) {
	pool := openPool(t, pgtest.Platform(t))
	dead, alive := postgres.NewInFlight(pool), newInFlight(t, pool)
	id := newID()
	_ = begun(t, dead, id) // never ended
	if _, free := alive.Begin(t.Context(), id); free {
		t.Fatal("it began twice")
	}
	dead.Close()
	eventually(t, alive, id)()
}

func TestOfManyRequestsAtOnceOneBegins(t *testing.T) {
	pool := openPool(t, pgtest.Platform(t))
	processes := []*postgres.InFlight{newInFlight(t, pool), newInFlight(t, pool), newInFlight(t, pool)}
	for range 20 {
		id := uuid.New()
		var free atomic.Int32
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				if _, ok := processes[i%len(processes)].Begin(t.Context(), id); ok {
					free.Add(1)
				}
			})
		}
		wg.Wait()
		if free.Load() != 1 {
			t.Fatalf("%d began", free.Load())
		}
	}
}

// A connection that was cut takes its locks with it; requests go on, on a new one.
func TestInFlightOutlivesItsConnection(t *testing.T) {
	pool := openPool(t, pgtest.Platform(t))
	one, other := newInFlight(t, pool), newInFlight(t, pool)
	lost := newID()
	end := begun(t, one, lost)
	if _, err := pool.Exec(t.Context(), `
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'cartulary requests under way' and datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	eventually(t, other, lost)()
	end()
	id := newID()
	end = begun(t, one, id)
	defer end()
	if _, free := other.Begin(t.Context(), id); free {
		t.Error("it began twice")
	}
}

// Without a database, and after Close, a process knows its own requests.
func TestInFlightWithoutADatabase(t *testing.T) {
	config, err := pgxpool.ParseConfig("postgres://nobody@127.0.0.1:1/nothing")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	f := newInFlight(t, pool)
	for range 2 {
		id := uuid.New()
		end := begun(t, f, id)
		if _, free := f.Begin(t.Context(), id); free {
			t.Error("it began twice")
		}
		end()
		begun(t, f, id)()
		f.Close()
	}
}
