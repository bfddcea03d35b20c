package ledgertest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// writers is how many goroutines race.
const writers = 64

// race runs f in every writer at once and waits for all.
func race(f func(writer int)) {
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

func documents(n int) (streams []events.Stream, ids []uuid.UUID) {
	for range n {
		s := document()
		streams, ids = append(streams, s), append(ids, s.ID)
	}
	return streams, ids
}

func writersApart(t *testing.T, l command.Ledger) {
	const each = 10
	ledger := newID()
	streams, ids := documents(writers)
	var numbers sync.Map
	race(func(i int) {
		for version := range int64(each) {
			r, err := l.Append(t.Context(), commandOf(ledger, change(streams[i], version, 1)))
			if err != nil {
				t.Errorf("append: %v", err)
				return
			}
			if _, taken := numbers.LoadOrStore(r.Seq, true); taken {
				t.Errorf("number %d was given twice", r.Seq)
			}
		}
	})
	if got := len(wantWhole(t, l, ledger, ids...)); got != writers*each {
		t.Errorf("%d events, want %d", got, writers*each)
	}
}

func writersOneStream(t *testing.T, l command.Ledger) {
	const versions = 10
	ledger, s := newID(), document()
	var won [versions]atomic.Int64
	race(func(int) {
		for version := range int64(versions) {
			_, err := l.Append(t.Context(), commandOf(ledger, change(s, version, 1)))
			switch {
			case err == nil:
				won[version].Add(1)
			case !errors.Is(err, command.ErrConflict):
				t.Errorf("append: %v", err)
			}
		}
	})
	for version := range won {
		if got := won[version].Load(); got != 1 {
			t.Errorf("version %d was written %d times", version+1, got)
		}
	}
	wantWhole(t, l, ledger, s.ID)
}

func writersOverPairs(t *testing.T, l command.Ledger) {
	const each = 2
	ledger := newID()
	streams, ids := documents(8)
	var appended atomic.Int64
	race(func(i int) {
		a, b := streams[i%8], streams[(i+1+i/8%7)%8]
		for done := 0; done < each; {
			loaded, err := l.Load(t.Context(), ledger, a.ID, b.ID)
			if err != nil {
				t.Errorf("load: %v", err)
				return
			}
			_, err = l.Append(t.Context(), commandOf(ledger,
				change(a, int64(len(loaded[a.ID])), 1), change(b, int64(len(loaded[b.ID])), 2)))
			switch {
			case err == nil:
				appended.Add(3)
				done++
			case !errors.Is(err, command.ErrConflict):
				t.Errorf("append: %v", err)
				return
			}
		}
	})
	all := wantWhole(t, l, ledger, ids...)
	if int64(len(all)) != appended.Load() {
		t.Errorf("%d events, %d acknowledged", len(all), appended.Load())
	}
	for i := 0; i+2 < len(all); i += 3 {
		if all[i].CommandID != all[i+1].CommandID || all[i].CommandID != all[i+2].CommandID {
			t.Fatalf("events %d to %d are not of one command", i+1, i+3)
		}
	}
}

// Each writes to a stream of its own and expects all the others to be empty: whoever
// comes first leaves nothing to the rest.
func writersUnlessOthers(t *testing.T, l command.Ledger) {
	const rounds = 10
	for range rounds {
		ledger := newID()
		streams, ids := documents(8)
		var won atomic.Int64
		race(func(i int) {
			changes := make([]command.Change, len(streams))
			for n, s := range streams {
				changes[n] = change(s, 0, 0)
			}
			changes[i%len(streams)] = change(streams[i%len(streams)], 0, 1)
			_, err := l.Append(t.Context(), commandOf(ledger, changes...))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, command.ErrConflict):
				t.Errorf("append: %v", err)
			}
		})
		if got := won.Load(); got != 1 {
			t.Errorf("%d writers won, want 1", got)
		}
		if got := len(wantWhole(t, l, ledger, ids...)); got != 1 {
			t.Errorf("%d events, want 1", got)
		}
	}
}

func writersOverLedgers(t *testing.T, l command.Ledger) {
	const each = 10
	ledgers := make([]uuid.UUID, 8)
	for i := range ledgers {
		ledgers[i] = newID()
	}
	streams, ids := documents(writers)
	race(func(i int) {
		for n := range each {
			ledger := ledgers[(i+n)%len(ledgers)]
			if _, err := l.Append(t.Context(), commandOf(ledger, change(streams[i], int64(n/len(ledgers)), 1))); err != nil {
				t.Errorf("append: %v", err)
			}
		}
	})
	total := 0
	for _, ledger := range ledgers {
		total += len(wantWhole(t, l, ledger, ids...))
	}
	if total != writers*each {
		t.Errorf("%d events, want %d", total, writers*each)
	}
}

func conflictsAmongMany(t *testing.T, l command.Ledger) {
	const each = 10
	ledger := newID()
	streams, ids := documents(writers)
	race(func(i int) {
		for version := range int64(each) {
			if i%2 == 1 {
				if _, err := l.Append(t.Context(), commandOf(ledger, change(streams[i], 5, 1))); !errors.Is(err, command.ErrConflict) {
					t.Errorf("append: %v, want %v", err, command.ErrConflict)
				}
				continue
			}
			if _, err := l.Append(t.Context(), commandOf(ledger, change(streams[i], version, 1))); err != nil {
				t.Errorf("append: %v", err)
			}
		}
	})
	if got := len(wantWhole(t, l, ledger, ids...)); got != writers/2*each {
		t.Errorf("%d events, want %d", got, writers/2*each)
	}
}

func oneClaim(t *testing.T, l command.Ledger) {
	ledger, claim := newID(), events.Stream{Kind: events.KindEmail, ID: newID()}
	var won atomic.Int64
	ids := make([]uuid.UUID, writers)
	race(func(i int) {
		user := events.Stream{Kind: events.KindUser, ID: newID()}
		ids[i] = user.ID
		_, err := l.Append(t.Context(), commandOf(ledger,
			command.Change{Stream: user, Events: []events.Event{events.UserLoggedOut{SessionID: newID()}}},
			command.Change{Stream: claim, Events: []events.Event{events.EmailClaimed{UserID: user.ID}}}))
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, command.ErrConflict):
			t.Errorf("append: %v", err)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d hold the claim, want 1", won.Load())
	}
	if got := len(wantWhole(t, l, ledger, slices.Concat(ids, []uuid.UUID{claim.ID})...)); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
}
