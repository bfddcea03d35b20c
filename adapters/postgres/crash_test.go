package postgres_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// journal is what the writers of a test were told.
type journal struct {
	mu           sync.Mutex
	acknowledged map[uuid.UUID]int64 // command → number of its last event
	uncertain    map[uuid.UUID]bool
	failed       map[uuid.UUID]bool
}

func newJournal() *journal {
	return &journal{
		acknowledged: make(map[uuid.UUID]int64),
		uncertain:    make(map[uuid.UUID]bool), failed: make(map[uuid.UUID]bool),
	}
}

func (j *journal) write(id uuid.UUID, r command.Receipt, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil:
		j.acknowledged[id] = r.Seq
	case errors.Is(err, command.ErrUncertain):
		j.uncertain[id] = true
	default:
		j.failed[id] = true
	}
}

// TestServerCrashUnderLoad does not run in parallel: it restarts everyone's server.
func TestServerCrashUnderLoad(t *testing.T) { //nolint:paralleltest // see above
	l, pool := setup(t, postgres.Options{})
	ledger := newID()
	j := newJournal()
	var (
		writers sync.WaitGroup
		stop    atomic.Bool
		acked   = make(chan struct{}, 1)
	)
	for range 16 {
		writers.Go(func() { crashWriter(t, l, ledger, j, &stop, acked) })
	}
	server := pgtest.Cluster(t)
	for range 3 {
		awaitMany(t, acked, 200)
		if err := server.Crash(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	awaitMany(t, acked, 200)
	stop.Store(true)
	writers.Wait()
	checkJournal(t, pool, ledger, j)
}

// crashWriter appends to a stream of its own, and starts another after each
// failure.
func crashWriter(
	t *testing.T, l *postgres.Ledger, ledger uuid.UUID, j *journal, stop *atomic.Bool, acked chan<- struct{},
) {
	t.Helper()
	s, version := document(), int64(0)
	for !stop.Load() {
		a := rename(ledger, s, version, 2)
		r, err := l.Append(t.Context(), a)
		j.write(a.Meta.ID, r, err)
		if err != nil {
			s, version = document(), 0
			continue
		}
		version += 2
		select {
		case acked <- struct{}{}:
		default:
		}
	}
}

func awaitMany(t *testing.T, acked <-chan struct{}, n int) {
	t.Helper()
	patience := time.After(time.Minute)
	for range n {
		select {
		case <-acked:
		case <-patience:
			t.Fatal("writes did not come back within a minute")
		}
	}
}

// checkJournal holds the journal against the ledger.
func checkJournal(t *testing.T, pool *pgxpool.Pool, ledger uuid.UUID, j *journal) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
select (convert_from(body, 'UTF8')::jsonb ->> 'command_id')::uuid, seq
from ledger.events where ledger_id = $1 order by seq`, ledger)
	if err != nil {
		t.Fatal(err)
	}
	var (
		id       uuid.UUID
		seq      int64
		previous int64
		stored   = make(map[uuid.UUID][]int64)
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &seq}, func() error {
		if seq != previous+1 {
			t.Fatalf("event %d follows event %d", seq, previous)
		}
		previous = seq
		stored[id] = append(stored[id], seq)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, last := range j.acknowledged {
		if got := stored[id]; len(got) != 2 || got[1] != last {
			t.Errorf("command %s was acknowledged up to %d and stands at %v", id, last, got)
		}
	}
	for id, got := range stored {
		if len(got) != 2 {
			t.Errorf("command %s stands in part: %v", id, got)
		}
		if j.failed[id] {
			t.Errorf("command %s failed and stands at %v", id, got)
		}
	}
	if n := scan[int64](t, pool, `select sum(last_seq - first_seq + 1) from ledger.outbox`); n != previous {
		t.Errorf("the outbox holds %d of %d events", n, previous)
	}
	t.Logf("%d acknowledged, %d failed, %d uncertain", len(j.acknowledged), len(j.failed), len(j.uncertain))
}
