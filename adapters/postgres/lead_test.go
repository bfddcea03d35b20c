package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// candidates campaign for one leadership and check that they never overlap, unless
// leaders may hear of their end late.
type candidates struct {
	pool    *pgxpool.Pool
	late    bool
	leading atomic.Int64
	terms   chan int // who began to lead
	group   sync.WaitGroup
}

func newCandidates(t *testing.T) *candidates {
	t.Helper()
	return &candidates{pool: openPool(t, pgtest.Platform(t)), terms: make(chan int, 16)}
}

// campaign starts a candidate who leads until its context ends; the returned
// function retires it.
func (c *candidates) campaign(t *testing.T, who int) (retire func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	c.group.Go(func() {
		defer close(done)
		err := postgres.Lead(ctx, c.pool, "relay", slog.New(slog.DiscardHandler),
			func(ctx context.Context, l *postgres.Leadership) error {
				if c.leading.Add(1) != 1 && !c.late {
					t.Error("two lead at once")
				}
				if !l.Valid() {
					t.Error("a new leader does not trust itself")
				}
				c.terms <- who
				<-ctx.Done()
				c.leading.Add(-1)
				return nil
			})
		if err != nil {
			t.Errorf("lead: %v", err)
		}
	})
	return func() {
		cancel()
		<-done
	}
}

func TestOneLeads(t *testing.T) {
	t.Parallel()
	c := newCandidates(t)
	retire := map[int]func(){}
	for who := range 3 {
		retire[who] = c.campaign(t, who)
	}
	for range 3 { // each retires from the lead, and another takes over
		who := <-c.terms
		retire[who]()
	}
	c.group.Wait()
	if len(c.terms) != 0 {
		t.Error("someone leads after all retired")
	}
}

// The server frees the lock of a session that it ends, whether or not the leader has
// heard of it yet: another may lead before. But the leader hears of it and stops.
func TestLeaderWhoseConnectionDies(t *testing.T) {
	t.Parallel()
	c := newCandidates(t)
	c.late = true
	defer c.campaign(t, 1)()
	defer c.campaign(t, 2)()
	for range 2 {
		<-c.terms
		c.awaitOne(t)
		if n := scan[int](t, c.pool, `
select count(pg_terminate_backend(pid, 5000)) from pg_locks
where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())`); n != 1 {
			t.Errorf("%d hold the lock, want 1", n)
		}
	}
	<-c.terms
	c.awaitOne(t)
}

// awaitOne waits until one leads, and no other any more.
func (c *candidates) awaitOne(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for c.leading.Load() != 1 {
		select {
		case <-ctx.Done():
			t.Fatalf("%d lead", c.leading.Load())
		case <-time.After(time.Millisecond):
		}
	}
}

func TestLeaderWhoFails(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.Platform(t))
	cause := errors.New("no use")
	var kept *postgres.Leadership
	err := postgres.Lead(t.Context(), pool, "relay", slog.New(slog.DiscardHandler),
		func(_ context.Context, l *postgres.Leadership) error {
			kept = l
			return cause
		})
	if !errors.Is(err, cause) {
		t.Errorf("lead: %v, want %v", err, cause)
	}
	if kept.Valid() {
		t.Error("a leadership that is over is still valid")
	}
	// The server ends a session some time after its client has left.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for scan[int](t, pool, `select count(*) from pg_locks where locktype = 'advisory'
		and database = (select oid from pg_database where datname = current_database())`) != 0 {
		if ctx.Err() != nil {
			t.Fatal("the lock is still held")
		}
	}
}
