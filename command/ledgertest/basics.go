package ledgertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

func startsAtOne(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	if r := mustAppend(t, l, commandOf(ledger, change(s, 0, 3))); r.Seq != 3 || r.Ledger != ledger || r.Replayed {
		t.Errorf("receipt %+v, want number 3 of %s", r, ledger)
	}
	if got := len(wantWhole(t, l, ledger, s.ID)); got != 3 {
		t.Errorf("%d events, want 3", got)
	}
}

func ledgersCountApart(t *testing.T, l command.Ledger) {
	a, b, s := newID(), newID(), document()
	mustAppend(t, l, commandOf(a, change(s, 0, 2)))
	if r := mustAppend(t, l, commandOf(b, change(s, 0, 1))); r.Seq != 1 {
		t.Errorf("first event of another ledger has number %d", r.Seq)
	}
	wantWhole(t, l, a, s.ID)
	wantWhole(t, l, b, s.ID)
}

func streamsCountApart(t *testing.T, l command.Ledger) {
	ledger, a, b := newID(), document(), document()
	mustAppend(t, l, commandOf(ledger, change(a, 0, 2), change(b, 0, 1)))
	if r := mustAppend(t, l, commandOf(ledger, change(b, 1, 2), change(a, 2, 1))); r.Seq != 6 {
		t.Errorf("last number %d, want 6", r.Seq)
	}
	wantWhole(t, l, ledger, a.ID, b.ID)
}

func readsAsWritten(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	a := commandOf(ledger, change(s, 0, 2))
	before := time.Now().UTC().Truncate(time.Microsecond)
	receipt := mustAppend(t, l, a)
	for i, got := range mustLoad(t, l, ledger, s.ID)[s.ID] {
		want := events.Recorded{
			ID: got.ID, Ledger: ledger, Seq: int64(i) + 1, Stream: s, StreamVersion: int64(i) + 1,
			Type: events.TypeDocumentRenamed, SchemaVersion: 1,
			Actor: a.Meta.Actor, CommandID: a.Meta.ID, RequestID: a.Meta.RequestID, TraceParent: a.Meta.TraceParent,
			Origin: a.Origin, At: receipt.At, Event: a.Changes[0].Events[i], Data: got.Data, Body: got.Body,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event %d (-want +got):\n%s", i+1, diff)
		}
		if got.ID == uuid.Nil || got.At.Before(before) || got.At.After(time.Now()) {
			t.Errorf("event %d: id %s, time %s", i+1, got.ID, got.At)
		}
	}
}

func canonicalBytes(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	mustAppend(t, l, commandOf(ledger, change(s, 0, 1)))
	got := mustLoad(t, l, ledger, s.ID)[s.ID][0]
	if diff := cmp.Diff(string(events.Encode(got)), string(got.Body)); diff != "" {
		t.Errorf("encoded again, the bytes differ:\n%s", diff)
	}
	again, err := events.Decode(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("decoded again, the event differs:\n%s", diff)
	}
}

func loadsNothing(t *testing.T, l command.Ledger) {
	if got := mustLoad(t, l, newID(), newID()); len(got) != 0 {
		t.Errorf("a ledger that is not there holds %v", got)
	}
	ledger, s := newID(), document()
	mustAppend(t, l, commandOf(ledger, change(s, 0, 1)))
	if got := mustLoad(t, l, ledger); len(got) != 0 {
		t.Errorf("no streams asked for, got %v", got)
	}
	if got := mustLoad(t, l, ledger, newID()); len(got) != 0 {
		t.Errorf("a stream that is not there holds %v", got)
	}
}

func loadsInOrder(t *testing.T, l command.Ledger) {
	ledger, a, b := newID(), document(), document()
	for i := range int64(20) {
		mustAppend(t, l, commandOf(ledger, change(a, i, 1), change(b, i, 1)))
	}
	if got := len(wantWhole(t, l, ledger, a.ID, b.ID)); got != 40 {
		t.Errorf("%d events, want 40", got)
	}
	if got := mustLoad(t, l, ledger, b.ID); len(got) != 1 || len(got[b.ID]) != 20 {
		t.Errorf("one stream asked for, got %d with %d events", len(got), len(got[b.ID]))
	}
}

func timesNeverGoBack(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	var last time.Time
	for i := range int64(50) {
		r := mustAppend(t, l, commandOf(ledger, change(s, i, 1)))
		if r.At.Before(last) || r.At.Location() != time.UTC || r.At.Nanosecond()%1000 != 0 {
			t.Fatalf("append %d is of %s, after one of %s", i+1, r.At, last)
		}
		last = r.At
	}
	wantWhole(t, l, ledger, s.ID)
}

func foreignKind(t *testing.T, l command.Ledger) {
	ledger, s := newID(), events.Stream{Kind: events.KindFile, ID: newID()}
	if _, err := l.Append(t.Context(), commandOf(ledger, change(s, 0, 1))); err == nil {
		t.Error("a document's event was taken onto a file's stream")
	}
	if got := mustLoad(t, l, ledger, s.ID); len(got) != 0 {
		t.Errorf("it left %v", got)
	}
}

func cancelledCaller(t *testing.T, l command.Ledger) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := document()
	_, err := l.Append(ctx, commandOf(newID(), change(s, 0, 1)))
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if _, err := l.Load(ctx, newID(), s.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v, want %v", err, context.Canceled)
	}
}

func largeCommand(t *testing.T, l command.Ledger) {
	ledger, a, b := newID(), document(), document()
	if r := mustAppend(t, l, commandOf(ledger, change(a, 0, 3000), change(b, 0, 2000))); r.Seq != 5000 {
		t.Errorf("last number %d, want 5000", r.Seq)
	}
	for i, r := range wantWhole(t, l, ledger, a.ID, b.ID) {
		if want := a.ID; i < 3000 && r.Stream.ID != want {
			t.Fatalf("event %d is not of the first change", r.Seq)
		}
	}
}

func readsOwnWrites(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	for i := range int64(30) {
		mustAppend(t, l, commandOf(ledger, change(s, i, 1)))
		if got := len(mustLoad(t, l, ledger, s.ID)[s.ID]); int64(got) != i+1 {
			t.Fatalf("after append %d the stream has %d events", i+1, got)
		}
	}
}

func receiptMatches(t *testing.T, l command.Ledger) {
	ledger, s := newID(), document()
	mustAppend(t, l, commandOf(ledger, change(document(), 0, 4)))
	r := mustAppend(t, l, commandOf(ledger, change(s, 0, 3)))
	list := mustLoad(t, l, ledger, s.ID)[s.ID]
	if last := list[len(list)-1]; last.Seq != r.Seq || !last.At.Equal(r.At) {
		t.Errorf("last event %d of %s, receipt %d of %s", last.Seq, last.At, r.Seq, r.At)
	}
}
