package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// familiar appends until l knows that nobody else writes to a ledger. It returns a
// stream, at version 4, and the head is at 4, too.
func familiar(t *testing.T, l *postgres.Ledger, ledger uuid.UUID) events.Stream {
	t.Helper()
	s := document()
	for i := range int64(4) {
		mustAppend(t, l, rename(ledger, s, i, 1))
	}
	return s
}

// counted counts how often the outcome of a is rendered: once for each time that
// it was decided.
func counted(a command.Append) (command.Append, *int) {
	calls := 0
	a.Outcome = func(command.Receipt) []byte {
		calls++
		return []byte("the outcome")
	}
	return a, &calls
}

func TestFamiliarLedgerThatOthersWroteTo(t *testing.T) {
	t.Parallel()
	here, pool := setup(t, postgres.Options{})
	there := openLedger(t, pool, postgres.Options{})
	ledger := newID()
	s := familiar(t, here, ledger)
	other := familiar(t, there, ledger) // at 8
	a, calls := counted(rename(ledger, s, 4, 2))
	if r := mustAppend(t, here, a); r.Seq != 10 || *calls != 2 {
		t.Errorf("event %d, decided %d times; want event 10, decided twice", r.Seq, *calls)
	}
	// The one who lost trusts nothing until it has found the head as it left it.
	for version := range int64(3) {
		a, calls := counted(rename(ledger, s, 6+version, 1))
		if r := mustAppend(t, here, a); r.Seq != 11+version || *calls != 1 {
			t.Errorf("event %d, decided %d times; want event %d, decided once", r.Seq, *calls, 11+version)
		}
	}
	mustAppend(t, there, rename(ledger, other, 4, 1))
	mustAppend(t, here, rename(ledger, other, 5, 1))
	wantSound(t, pool, ledger, 15)
}

func TestFamiliarLedgerWithStreamsElsewhere(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger := newID()
	s := familiar(t, l, ledger)
	for name, a := range map[string]command.Append{
		"behind":    rename(ledger, s, 3, 1),
		"ahead":     rename(ledger, s, 5, 1),
		"there":     rename(ledger, s, 0, 1),
		"not there": rename(ledger, document(), 1, 1),
	} {
		if _, err := l.Append(t.Context(), a); !errors.Is(err, command.ErrConflict) {
			t.Errorf("%s: %v, want %v", name, err, command.ErrConflict)
		}
	}
	check := rename(ledger, s, 4, 0)
	if r := mustAppend(t, l, check); r.Seq != 4 {
		t.Errorf("a check alone is at %d, want 4", r.Seq)
	}
	both := rename(ledger, s, 4, 1)
	both.Changes = append(both.Changes, rename(ledger, document(), 0, 3).Changes...)
	if r := mustAppend(t, l, both); r.Seq != 8 {
		t.Errorf("two streams end at %d, want 8", r.Seq)
	}
	wantSound(t, pool, ledger, 8)
}

func TestFamiliarLedgerWithConflictsAmongMany(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{Writers: 1})
	ledger, other := newID(), newID()
	familiar(t, l, ledger)
	familiar(t, l, other)
	var group sync.WaitGroup
	for n := range 16 {
		group.Go(func() {
			s := document()
			for version := range int64(20) {
				mustAppend(t, l, rename(ledger, s, version, 1))
				mustAppend(t, l, rename(other, s, version, 1))
				if _, err := l.Append(t.Context(), rename(ledger, s, version+int64(n%2)*2, 1)); !errors.Is(err, command.ErrConflict) {
					t.Errorf("append: %v, want %v", err, command.ErrConflict)
				}
			}
		})
	}
	group.Wait()
	wantSound(t, pool, ledger, 4+16*20)
	wantSound(t, pool, other, 4+16*20)
}

func TestFamiliarLedgerWithKeys(t *testing.T) {
	t.Parallel()
	here, pool := setup(t, postgres.Options{})
	there := openLedger(t, pool, postgres.Options{})
	ledger := newID()
	s := familiar(t, here, ledger)
	some, _ := counted(rename(ledger, s, 4, 1))
	nothing, _ := counted(command.Append{Ledger: ledger, Meta: command.Meta{ID: newID()}})
	for _, a := range []command.Append{some, nothing} {
		a.Meta.Keyed = true
		first := mustAppend(t, here, a)
		for _, l := range []*postgres.Ledger{here, there, here} {
			r := mustAppend(t, l, a)
			if !r.Replayed || r.Seq != 5 || !r.At.Equal(first.At) || string(r.Outcome) != "the outcome" {
				t.Errorf("replayed %+v, want %+v", r, first)
			}
		}
		a.Meta.Fingerprint[0]++
		if _, err := here.Append(t.Context(), a); !errors.Is(err, command.ErrCommandReused) {
			t.Errorf("another payload: %v, want %v", err, command.ErrCommandReused)
		}
	}
	// A key that was spent without events, on a command that would append some.
	spent := rename(ledger, document(), 0, 1)
	spent.Meta.ID, spent.Meta.Keyed = nothing.Meta.ID, true
	if r := mustAppend(t, here, spent); !r.Replayed {
		t.Errorf("a spent key was used again: %+v", r)
	}
	wantSound(t, pool, ledger, 5)
}

// TestFamiliarLedgersOfTwoProcesses has two processes take what they know for
// granted, wrongly, again and again.
func TestFamiliarLedgersOfTwoProcesses(t *testing.T) {
	t.Parallel()
	first, pool := setup(t, postgres.Options{})
	ledgers := []uuid.UUID{newID(), newID(), newID()}
	const writers, each = 6, 60
	var group sync.WaitGroup
	for _, l := range []*postgres.Ledger{first, openLedger(t, pool, postgres.Options{})} {
		for range writers {
			group.Go(func() {
				s := document()
				for version := range int64(each) {
					for _, ledger := range ledgers {
						mustAppend(t, l, rename(ledger, s, version, 1))
					}
				}
			})
		}
	}
	group.Wait()
	for _, ledger := range ledgers {
		wantSound(t, pool, ledger, 2*writers*each)
	}
}

func TestFamiliarLedgerWhoseReplyIsLost(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"committed": true, "never arrived": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, through := newCable(t, pgtest.Platform(t))
			pool := openPool(t, through)
			l := openLedger(t, pool, postgres.Options{Writers: 1})
			ledger := newID()
			s := familiar(t, l, ledger)
			if down {
				c.cut(&c.down, string(ledger[:])) // names it as one that was appended to
			} else {
				c.cut(&c.up, "1.pdf")
			}
			a, calls := counted(rename(ledger, s, 4, 2))
			want := 2 // decided again, on a new connection
			if down {
				want = 1
			}
			if r := mustAppend(t, l, a); r.Seq != 6 || *calls != want {
				t.Errorf("event %d, decided %d times; want event 6, decided %d times", r.Seq, *calls, want)
			}
			mustAppend(t, l, rename(ledger, s, 6, 1))
			wantSound(t, pool, ledger, 7)
		})
	}
}

// TestFamiliarLedgerWhoseStatementIsLate loses the connection before the statement
// is with the server, and has it arrive all the same, afterwards.
func TestFamiliarLedgerWhoseStatementIsLate(t *testing.T) {
	t.Parallel()
	c, through := newCable(t, pgtest.Platform(t))
	pool := openPool(t, through)
	l := openLedger(t, pool, postgres.Options{Writers: 1})
	ledger := newID()
	s := familiar(t, l, ledger)
	late := c.delay("1.pdf")
	a := rename(ledger, s, 4, 2)
	if r := mustAppend(t, l, a); r.Seq != 6 {
		t.Errorf("event %d, want 6", r.Seq)
	}
	close(late.deliver)
	<-late.answered
	mustAppend(t, l, rename(ledger, s, 6, 1))
	wantSound(t, pool, ledger, 7)
}

func TestFamiliarLedgerThatCannotBeSettled(t *testing.T) {
	t.Parallel()
	c, through := newCable(t, pgtest.Platform(t))
	pool := openPool(t, through)
	l := openLedger(t, pool, postgres.Options{Writers: 1, Timeout: time.Second})
	ledger := newID()
	s := familiar(t, l, ledger)
	c.dead.Store(true)
	c.cut(&c.down, string(ledger[:]))
	if _, err := l.Append(t.Context(), rename(ledger, s, 4, 1)); !errors.Is(err, command.ErrUncertain) {
		t.Errorf("append: %v, want %v", err, command.ErrUncertain)
	}
	c.dead.Store(false)
	if _, err := l.Append(t.Context(), rename(ledger, s, 4, 1)); !errors.Is(err, command.ErrConflict) {
		t.Errorf("append: %v, want %v: the lost one was committed", err, command.ErrConflict)
	}
	wantSound(t, pool, ledger, 5)
}

// wantSound checks that a ledger holds n events, without gaps, that its streams
// have none either, that times never go back, and that the outbox holds them all.
func wantSound(t *testing.T, pool *pgxpool.Pool, ledger uuid.UUID, n int64) {
	t.Helper()
	for what, sql := range map[string]string{
		"events":  `select count(*) from ledger.events where ledger_id = $1`,
		"last":    `select max(seq) from ledger.events where ledger_id = $1`,
		"head":    `select seq from ledger.heads where ledger_id = $1`,
		"pending": `select sum(last_seq - first_seq + 1) from ledger.outbox where ledger_id = $1`,
		"in streams without gaps": `select sum(last) from (
			select max(stream_version) as last from ledger.events where ledger_id = $1 group by stream_id) as streams`,
		"in order of time": `select count(*) from (
			select at >= lag(at, 1, '-infinity') over (order by seq) as ordered
			from ledger.events where ledger_id = $1) as times where ordered`,
		"in order in the outbox": `select sum(last_seq - first_seq + 1) from (
			select *, first_seq - 1 = lag(last_seq, 1, 0::bigint) over (order by id) as ordered
			from ledger.outbox where ledger_id = $1) as ranges where ordered`,
	} {
		if got := scan[int64](t, pool, sql, ledger); got != n {
			t.Errorf("%s: %d, want %d", what, got, n)
		}
	}
	rows := scan[[][]byte](t, pool, `select array_agg(body order by seq) from ledger.events where ledger_id = $1`, ledger)
	hashes := scan[[]byte](t, pool, `select range from ledger.heads where ledger_id = $1`, ledger)
	if string(rootOfRange(hashes)) != string(naiveRoot(rows)) {
		t.Error("the head's range is not that of the events")
	}
}
