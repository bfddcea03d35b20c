package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
)

func TestOnAppendTellsHowFarALedgerHasCome(t *testing.T) {
	t.Parallel()
	var told sync.Map
	l, _ := setup(t, postgres.Options{OnAppend: func(ledger uuid.UUID, seq int64) {
		before, _ := told.Swap(ledger, seq)
		if before, ok := before.(int64); ok && before >= seq {
			t.Errorf("told %d after %d", seq, before)
		}
	}})
	ledger, s := newID(), document()
	for i := range int64(5) {
		r := mustAppend(t, l, rename(ledger, s, i, 1))
		if got, _ := told.Load(ledger); got != r.Seq {
			t.Errorf("told %v before the reply, want %d", got, r.Seq)
		}
	}
	_, err := l.Append(t.Context(), rename(ledger, s, 0, 1))
	if got, _ := told.Load(ledger); got != int64(5) || !errors.Is(err, command.ErrConflict) {
		t.Errorf("told %v after a conflict (%v)", got, err)
	}
}

func TestReplayAfterRestart(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	a := rename(newID(), document(), 0, 2)
	a.Meta.Keyed = true
	a.Outcome = func(command.Receipt) []byte { return []byte("done") }
	first := mustAppend(t, l, a)
	l.Close()
	again := mustAppend(t, openLedger(t, pool, postgres.Options{}), a)
	if !again.Replayed || again.Seq != first.Seq || string(again.Outcome) != "done" || !again.At.Equal(first.At) {
		t.Errorf("replayed %+v, want %+v", again, first)
	}
}

func TestPoisonFailsAlone(t *testing.T) {
	t.Parallel()
	l, _ := setup(t, postgres.Options{})
	ledger := newID()
	nul := rename(ledger, document(), 0, 1)
	nul.Meta.TraceParent = "00-\x00"
	notText := rename(ledger, document(), 0, 1)
	notText.Meta.TraceParent = "\xff"
	panics := rename(ledger, document(), 0, 1)
	panics.Outcome = func(command.Receipt) []byte { panic("no outcome") }
	s := document()
	var group sync.WaitGroup
	for _, poison := range []command.Append{nul, notText, panics} {
		group.Go(func() {
			if _, err := l.Append(t.Context(), poison); err == nil {
				t.Error("poison was taken")
			}
		})
	}
	group.Go(func() {
		for i := range int64(20) {
			mustAppend(t, l, rename(ledger, s, i, 1))
		}
	})
	group.Wait()
	if head, err := l.Head(t.Context(), ledger); head != 20 || err != nil {
		t.Errorf("%d events (%v), want 20", head, err)
	}
}

func TestCloseFinishesWhatWaits(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger := newID()
	var (
		group        sync.WaitGroup
		acknowledged atomic.Int64
		underWay     = make(chan struct{}, 64)
	)
	for range 64 {
		group.Go(func() {
			s := document()
			for i := int64(0); ; i++ {
				_, err := l.Append(t.Context(), rename(ledger, s, i, 1))
				if errors.Is(err, postgres.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				if i == 0 {
					underWay <- struct{}{}
				}
				acknowledged.Add(1)
			}
		})
	}
	for range 64 {
		<-underWay
	}
	l.Close()
	l.Close() // again is no harm
	group.Wait()
	if n := scan[int64](t, pool, `select count(*) from ledger.events`); n != acknowledged.Load() {
		t.Errorf("%d events, %d acknowledged", n, acknowledged.Load())
	}
}

func TestCallerWhoLeaves(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger, s := newID(), document()
	mustAppend(t, l, rename(ledger, s, 0, 1))

	// Someone else holds the head, so that appends wait.
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `select from ledger.heads where ledger_id = $1 for update`, ledger); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := l.Append(ctx, rename(ledger, s, 1, 1))
		failed <- err
	}()
	leave()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want %v", err, context.Canceled)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Whether or not it was appended, it was appended whole, and the ledger goes on.
	other := document()
	mustAppend(t, l, rename(ledger, other, 0, 1))
}

func TestBrokenConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{Writers: 1})
	ledger, s := newID(), document()
	for i := range int64(5) {
		mustAppend(t, l, rename(ledger, s, i, 1))
		n := scan[int](t, pool, `
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()`)
		if n == 0 {
			t.Error("the writer has no connection")
		}
	}
}

func TestServerThatCannotBeReached(t *testing.T) {
	t.Parallel()
	l := postgres.New(openPool(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable"), postgres.Options{})
	defer l.Close()
	_, err := l.Append(t.Context(), rename(newID(), document(), 0, 1))
	if err == nil || errors.Is(err, command.ErrUncertain) || !strings.Contains(err.Error(), "connect") {
		t.Errorf("append: %v, want that the connection failed", err)
	}
}
