package command_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// noting is a ledger that remembers what it was to append.
type noting struct {
	*memory.Ledger
	appended []command.Append
}

func (n *noting) Append(ctx context.Context, a command.Append) (command.Receipt, error) {
	n.appended = append(n.appended, a)
	return n.Ledger.Append(ctx, a)
}

// The trail tells who did it and where: by an id that tells nobody, and by names that are
// gone with their key.
func TestOperatorsAreInTheTrail(t *testing.T) {
	t.Parallel()
	ledger, keys := &noting{Ledger: memory.NewLedger()}, newKeyring()
	app := command.NewApp(ledger, keys, []byte("key"))
	alice, bob := command.Operator{Account: "alice", Host: "db1"}, command.Operator{Account: "bob", Host: "db1"}
	for _, by := range []command.Operator{{}, alice, alice, bob} {
		act := command.RecordOperation{Ledger: tenant, By: by, Action: "replay", Detail: "the read models"}
		if _, err := app.RecordOperation(t.Context(), act); err != nil {
			t.Fatal(err)
		}
	}
	var actors []uuid.UUID
	var origins []events.Origin
	for _, a := range ledger.appended {
		actors = append(actors, a.Meta.Actor)
		var origin events.Origin
		if a.Origin != nil {
			if err := keys.keys.Open(*a.Origin, &origin); err != nil {
				t.Fatal(err)
			}
		}
		origins = append(origins, origin)
	}
	byAlice, byBob := events.Origin{Address: "db1", UserAgent: "cartulary replay, as alice"}, events.Origin{Address: "db1", UserAgent: "cartulary replay, as bob"}
	if diff := cmp.Diff([]events.Origin{{}, byAlice, byAlice, byBob}, origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uuid.UUID{uuid.Nil, alice.ID(), alice.ID(), bob.ID()}, actors); diff != "" || alice.ID() == bob.ID() {
		t.Errorf("actors (-want +got):\n%s", diff)
	}
}
