package postgres_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/events"
)

func TestOutboxPages(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	o := postgres.NewOutbox(pool)
	wantPage(t, o, 0, 10, nil) // nothing pending
	a, b := newID(), newID()
	s := document()
	mustAppend(t, l, rename(a, s, 0, 3))
	mustAppend(t, l, rename(b, document(), 0, 1))
	mustAppend(t, l, rename(a, s, 3, 2))
	mustAppend(t, l, rename(a, s, 5, 20))

	wantPage(t, o, 0, 1, []run{{a, 1, 3}})                       // at least one row
	wantPage(t, o, 0, 5, []run{{a, 1, 3}, {b, 1, 1}})            // whole rows only
	wantPage(t, o, 0, 6, []run{{a, 1, 5}, {b, 1, 1}})            // rows of a ledger are joined
	all := wantPage(t, o, 0, 1000, []run{{a, 1, 25}, {b, 1, 1}}) // everything
	if len(all) != 4 || !slices.IsSorted(all) {
		t.Fatalf("ids %v, want four in order", all)
	}
	wantPage(t, o, all[0], 1000, []run{{b, 1, 1}, {a, 4, 25}})
	wantPage(t, o, all[3], 1000, nil)

	if err := o.Done(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again is no harm
		if err := o.Done(t.Context(), all[1:3]); err != nil {
			t.Fatal(err)
		}
	}
	wantPage(t, o, 0, 1000, []run{{a, 1, 3}, {a, 6, 25}})
}

// run is consecutive events of one ledger.
type run struct {
	ledger      uuid.UUID
	first, last int64
}

func wantPage(t *testing.T, o *postgres.Outbox, after int64, limit int, want []run) []int64 {
	t.Helper()
	batch, ids, err := o.Pending(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range want {
		for seq := r.first; seq <= r.last; seq++ {
			if len(batch) == 0 {
				t.Fatalf("the page ends before event %d of %s", seq, r.ledger)
			}
			wantMessage(t, batch[0], r.ledger, seq)
			batch = batch[1:]
		}
	}
	if len(batch) > 0 {
		t.Errorf("%d events too many", len(batch))
	}
	return ids
}

// TestOutboxUnderLoad reads as the relay does: on, and from the start again after
// each short page, while several processes append.
func TestOutboxUnderLoad(t *testing.T) {
	t.Parallel()
	first, pool := setup(t, postgres.Options{})
	p := &processes{ledgers: []*postgres.Ledger{first, openLedger(t, pool, postgres.Options{})}}
	const writers, each = 16, 40
	ledgers := []uuid.UUID{newID(), newID(), newID()}
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			streams := []events.Stream{document(), document(), document()}
			for n := range each {
				mustAppend(t, p, rename(ledgers[n%3], streams[n%3], int64(n/3), 1))
			}
		})
	}
	drained := drain(t, pool, ledgers, writers*each)
	group.Wait()
	if n := scan[int](t, pool, `select count(*) from ledger.outbox`); n != 0 || drained != writers*each {
		t.Errorf("%d events drained of %d, %d rows left", drained, writers*each, n)
	}
}

func drain(t *testing.T, pool *pgxpool.Pool, ledgers []uuid.UUID, total int) int {
	t.Helper()
	o := postgres.NewOutbox(pool)
	next := make(map[uuid.UUID]int64)
	for _, id := range ledgers {
		next[id] = 1
	}
	drained := 0
	var after int64
	for drained < total && t.Context().Err() == nil {
		batch, ids, err := o.Pending(t.Context(), after, 50)
		if err != nil {
			t.Error(err)
			return drained
		}
		for _, m := range batch {
			if m.Seq != next[m.Ledger] {
				t.Errorf("event %d of %s came when %d was due", m.Seq, m.Ledger, next[m.Ledger])
				return drained
			}
			next[m.Ledger]++
			drained++
		}
		if err := o.Done(t.Context(), ids); err != nil {
			t.Error(err)
			return drained
		}
		after = 0
		if len(batch) >= 25 {
			after = ids[len(ids)-1]
		}
	}
	return drained
}
