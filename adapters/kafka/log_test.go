package kafka

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

func TestLogIsReadFromItsBeginningAndOnFromThere(t *testing.T) {
	b := setup(t)
	history := given(3, 400)
	b.publish(t, history[:900])
	b.publish(t, history[600:900]) // again
	log, err := OpenLog(b.ctx, b.broker.Addrs(), Security{}, b.logger)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	skipped := history[2].Ledger
	follow := func() map[uuid.UUID][]events.Message {
		got := make(map[uuid.UUID][]events.Message)
		err := log.Follow(b.ctx, func(ledger uuid.UUID) bool { return ledger != skipped }, func(list []events.Message) error {
			for _, m := range list {
				got[m.Ledger] = append(got[m.Ledger], m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	of := func(ledger uuid.UUID, list []events.Message) []events.Message {
		return slices.DeleteFunc(slices.Clone(list), func(m events.Message) bool { return m.Ledger != ledger })
	}
	first := follow()
	for _, ledger := range []uuid.UUID{history[0].Ledger, history[1].Ledger} {
		want := append(of(ledger, history[:900]), of(ledger, history[600:900])...)
		if diff := cmp.Diff(want, first[ledger]); diff != "" {
			t.Errorf("first: %s", diff)
		}
	}
	if len(first[skipped]) > 0 {
		t.Error("a ledger that nobody wants was handed over")
	}
	if again := follow(); len(again) > 0 {
		t.Errorf("handed over again: %d ledgers", len(again))
	}
	b.publish(t, history[900:])
	next := follow()
	for _, ledger := range []uuid.UUID{history[0].Ledger, history[1].Ledger} {
		if diff := cmp.Diff(of(ledger, history[900:]), next[ledger]); diff != "" {
			t.Errorf("next: %s", diff)
		}
	}
}
