package ledgertest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// newID returns a fresh id.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// document returns a fresh document stream.
func document() events.Stream { return events.Stream{Kind: events.KindDocument, ID: newID()} }

// renames returns n events for a document stream.
func renames(n int) []events.Event {
	list := make([]events.Event, n)
	for i := range list {
		list[i] = events.DocumentRenamed{
			Filename: fmt.Sprintf("Été – رسالة \"%d\".pdf", i), Previous: "\x00\u2028<&>",
		}
	}
	return list
}

// change returns a change that adds n events to a stream.
func change(s events.Stream, expected int64, n int) command.Change {
	return command.Change{Stream: s, Expected: expected, Events: renames(n)}
}

// commandOf returns an unkeyed command.
func commandOf(ledger uuid.UUID, changes ...command.Change) command.Append {
	actor := newID()
	origin := &events.Sealed{Subject: actor, Ciphertext: []byte("where the command came from")}
	return command.Append{Ledger: ledger, Changes: changes, Origin: origin, Meta: command.Meta{
		ID: newID(), Actor: actor, RequestID: "request \"1\"",
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}}
}

// keyed turns a into a keyed command with the given payload.
func keyed(a command.Append, payload string) command.Append {
	a.Meta.Keyed = true
	a.Meta.Fingerprint = sha256.Sum256([]byte(payload))
	a.Outcome = func(r command.Receipt) []byte { return fmt.Appendf(nil, "%s at %d", payload, r.Seq) }
	return a
}

func mustAppend(t *testing.T, l command.Ledger, a command.Append) command.Receipt {
	t.Helper()
	r, err := l.Append(t.Context(), a)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return r
}

func mustLoad(
	t *testing.T, l command.Ledger, ledger uuid.UUID, streams ...uuid.UUID,
) map[uuid.UUID][]events.Recorded {
	t.Helper()
	loaded, err := l.Load(t.Context(), ledger, streams...)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return loaded
}

// wantWhole checks that the given streams are all there is in a ledger: numbers 1
// to n, versions 1 to their stream's length, times that never go back. It returns
// the events in ledger order.
func wantWhole(t *testing.T, l command.Ledger, ledger uuid.UUID, streams ...uuid.UUID) []events.Recorded {
	t.Helper()
	var all []events.Recorded
	for id, list := range mustLoad(t, l, ledger, streams...) {
		for i, r := range list {
			if r.Stream.ID != id || r.StreamVersion != int64(i)+1 {
				t.Errorf("stream %s: event %d is version %d of %s", id, i+1, r.StreamVersion, r.Stream.ID)
			}
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b events.Recorded) int { return int(a.Seq - b.Seq) })
	for i, r := range all {
		if r.Seq != int64(i)+1 {
			t.Fatalf("event %d of the ledger has number %d", i+1, r.Seq)
		}
		if i > 0 && r.At.Before(all[i-1].At) {
			t.Errorf("event %d is of %s, before its predecessor's %s", r.Seq, r.At, all[i-1].At)
		}
	}
	return all
}
