package ledgertest

import (
	"errors"
	"testing"

	"github.com/cartulary/cartulary/command"
)

func wantConflict(t *testing.T, l command.Ledger, a command.Append) {
	t.Helper()
	if _, err := l.Append(t.Context(), a); !errors.Is(err, command.ErrConflict) {
		t.Errorf("append: %v, want %v", err, command.ErrConflict)
	}
}

func wrongVersionConflicts(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	wantConflict(t, l, commandOf(ledger, change(s, 1, 1)))
	mustAppend(t, l, commandOf(ledger, change(s, 0, 2)))
	for _, expected := range []int64{-1, 0, 1, 3} {
		wantConflict(t, l, commandOf(ledger, change(s, expected, 1)))
	}
	if got := len(wantWhole(t, l, ledger, s.ID)); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
}

func conflictIsAtomic(t *testing.T, l command.Ledger) {
	ledger, a, b, c := newID(), document(), document(), document()
	mustAppend(t, l, commandOf(ledger, change(b, 0, 1)))
	wantConflict(t, l, commandOf(ledger, change(a, 0, 2), change(b, 0, 1), change(c, 0, 1)))
	if got := len(wantWhole(t, l, ledger, a.ID, b.ID, c.ID)); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
	mustAppend(t, l, commandOf(ledger, change(a, 0, 1), change(b, 1, 1), change(c, 0, 1)))
	wantWhole(t, l, ledger, a.ID, b.ID, c.ID)
}

func sameStreamTwice(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	wantConflict(t, l, commandOf(ledger, change(s, 0, 2), change(s, 0, 1)))
	if r := mustAppend(t, l, commandOf(ledger, change(s, 0, 2), change(s, 2, 1))); r.Seq != 3 {
		t.Errorf("last number %d, want 3", r.Seq)
	}
	wantWhole(t, l, ledger, s.ID)
}

func checksOnly(t *testing.T, l command.Ledger) {
	ledger, a, b := newID(), document(), document()
	mustAppend(t, l, commandOf(ledger, change(a, 0, 1)))
	wantConflict(t, l, commandOf(ledger, change(a, 0, 0), change(b, 0, 1)))
	if r := mustAppend(t, l, commandOf(ledger, change(a, 1, 0), change(b, 0, 1))); r.Seq != 2 {
		t.Errorf("last number %d, want 2", r.Seq)
	}
	wantWhole(t, l, ledger, a.ID, b.ID)
}

// The store may treat a ledger it wrote to last in another way than one it comes to
// anew: the ledger is written to again and again.
func checksNothing(t *testing.T, l command.Ledger) {
	ledger, a, b := newID(), document(), document()
	for version := range int64(4) {
		mustAppend(t, l, commandOf(ledger, change(b, 0, 0), change(a, version, 1)))
	}
	mustAppend(t, l, commandOf(ledger, change(b, 0, 1)))
	wantConflict(t, l, commandOf(ledger, change(a, 4, 1), change(b, 0, 0)))
	wantConflict(t, l, commandOf(ledger, change(b, 0, 0), change(a, 4, 1)))
	mustAppend(t, l, commandOf(ledger, change(b, 1, 0), change(a, 4, 1)))
	if got := len(wantWhole(t, l, ledger, a.ID, b.ID)); got != 6 {
		t.Errorf("%d events, want 6", got)
	}
}

func emptyUnkeyed(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	if r := mustAppend(t, l, commandOf(ledger)); r.Seq != 0 || r.At.IsZero() {
		t.Errorf("receipt %+v, want number 0 and a time", r)
	}
	mustAppend(t, l, commandOf(ledger, change(s, 0, 2)))
	if r := mustAppend(t, l, commandOf(ledger)); r.Seq != 2 {
		t.Errorf("receipt of number %d, want the head's, 2", r.Seq)
	}
	wantWhole(t, l, ledger, s.ID)
}
