package ledgertest

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/command"
)

func wantReplay(t *testing.T, l command.Ledger, a command.Append, first command.Receipt) {
	t.Helper()
	first.Replayed = true
	if diff := cmp.Diff(first, mustAppend(t, l, a)); diff != "" {
		t.Errorf("replay (-want +got):\n%s", diff)
	}
}

func keyedIsReplayed(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	a := keyed(commandOf(ledger, change(s, 0, 2)), "create")
	first := mustAppend(t, l, a)
	if string(first.Outcome) != "create at 2" || first.Replayed {
		t.Errorf("first receipt %+v", first)
	}
	wantReplay(t, l, a, first)
	mustAppend(t, l, commandOf(ledger, change(s, 2, 1)))
	wantReplay(t, l, a, first) // though its stream has moved on
	a.Changes = nil
	wantReplay(t, l, a, first) // the fingerprint decides, not what it would do now
	if got := len(wantWhole(t, l, ledger, s.ID)); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
}

func keyedWithoutEvents(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	a := keyed(commandOf(ledger), "nothing to do")
	first := mustAppend(t, l, a)
	mustAppend(t, l, commandOf(ledger, change(s, 0, 1)))
	wantReplay(t, l, a, first)
}

func keyReused(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	a := keyed(commandOf(ledger, change(s, 0, 1)), "one thing")
	first := mustAppend(t, l, a)
	other := keyed(a, "another")
	other.Changes = []command.Change{change(s, 1, 1)}
	if _, err := l.Append(t.Context(), other); !errors.Is(err, command.ErrCommandReused) {
		t.Errorf("append: %v, want %v", err, command.ErrCommandReused)
	}
	if _, _, err := l.Find(t.Context(), ledger, a.Meta.ID, other.Meta.Fingerprint); !errors.Is(err, command.ErrCommandReused) {
		t.Errorf("find: %v, want %v", err, command.ErrCommandReused)
	}
	wantReplay(t, l, a, first)
	wantWhole(t, l, ledger, s.ID)
}

func failedKeyIsFree(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	a := keyed(commandOf(ledger, change(s, 7, 1)), "rename")
	wantConflict(t, l, a)
	a.Changes = []command.Change{change(s, 0, 1)}
	if r := mustAppend(t, l, a); r.Replayed {
		t.Error("a command that failed was remembered")
	}
}

func keyIsPerLedger(t *testing.T, l command.Ledger) {
	s := document()
	a := keyed(commandOf(newID(), change(s, 0, 1)), "create")
	mustAppend(t, l, a)
	a.Ledger = newID()
	if r := mustAppend(t, l, a); r.Replayed {
		t.Error("a command of one ledger was replayed from another")
	}
}

func keyRace(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	const racers = 64
	a := keyed(commandOf(ledger, change(s, 0, 2)), "create")
	receipts := make([]command.Receipt, racers)
	var (
		group sync.WaitGroup
		won   atomic.Int64
	)
	for i := range racers {
		group.Go(func() {
			r, err := l.Append(t.Context(), a)
			if err != nil {
				t.Errorf("append: %v", err)
			}
			if !r.Replayed {
				won.Add(1)
			}
			r.Replayed = false
			receipts[i] = r
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won, want 1", won.Load())
	}
	for _, r := range receipts {
		if diff := cmp.Diff(receipts[0], r); diff != "" {
			t.Fatalf("receipts differ:\n%s", diff)
		}
	}
	wantWhole(t, l, ledger, s.ID)
}

func outcomeRendered(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	var (
		calls int
		seen  command.Receipt
	)
	a := commandOf(ledger, change(s, 0, 2))
	a.Outcome = func(r command.Receipt) []byte {
		calls++
		seen = r
		return []byte("done")
	}
	got := mustAppend(t, l, a)
	if calls != 1 || string(got.Outcome) != "done" {
		t.Errorf("rendered %d times, outcome %q", calls, got.Outcome)
	}
	seen.Outcome = got.Outcome
	if diff := cmp.Diff(got, seen); diff != "" {
		t.Errorf("rendered from another receipt (-got +seen):\n%s", diff)
	}
}

func unkeyedNotRemembered(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	a := commandOf(ledger, change(s, 0, 1))
	mustAppend(t, l, a)
	wantConflict(t, l, a)
}

func findsKeyed(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	free := commandOf(ledger, change(document(), 0, 1))
	mustAppend(t, l, free)
	if _, ok, err := l.Find(t.Context(), ledger, free.Meta.ID, [32]byte{}); ok || err != nil {
		t.Errorf("an unkeyed command was found (%v)", err)
	}
	a := keyed(commandOf(ledger, change(s, 0, 1)), "create")
	if _, ok, err := l.Find(t.Context(), ledger, a.Meta.ID, a.Meta.Fingerprint); ok || err != nil {
		t.Errorf("a command was found before it was appended (%v)", err)
	}
	want := mustAppend(t, l, a)
	want.Replayed = true
	got, ok, err := l.Find(t.Context(), ledger, a.Meta.ID, sha256.Sum256([]byte("create")))
	if !ok || err != nil {
		t.Fatalf("not found (%v)", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}
