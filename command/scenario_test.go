package command_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Persons and things of the scenarios.
var (
	ada, bob, eve = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}
	tenant        = uuid.UUID{15: 4}
	document      = uuid.UUID{15: 5}
	other         = uuid.UUID{15: 6}

	digest = command.Digest{MD5: "d41d8cd98f00b204e9800998ecf8427e", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
	fileID = command.FileID(tenant, digest)
	staged = command.StagingPath(tenant, document)
)

// given is one event of a scenario's past.
type given struct {
	kind  events.Kind
	id    uuid.UUID
	actor uuid.UUID
	event events.Event
}

func tenantPast(actor uuid.UUID, past ...events.Event) []given {
	return pastOf(events.KindTenant, tenant, actor, past...)
}

func pastOf(kind events.Kind, id, actor uuid.UUID, past ...events.Event) []given {
	list := make([]given, len(past))
	for i, e := range past {
		list[i] = given{kind, id, actor, e}
	}
	return list
}

// scenario is Given past events, When a command, Then these events or that error.
type scenario struct {
	given []given
	when  func(context.Context, *command.App) error
	then  []events.Event
	err   error
}

// keyring is a ring of keys in memory.
type keyring struct {
	mu   sync.Mutex
	keys events.Keys
}

func newKeyring() *keyring { return &keyring{keys: events.Keys{}} }

func (k *keyring) Create(_ context.Context, person uuid.UUID) (events.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.keys[person]; !ok {
		k.keys[person] = events.NewKey()
	}
	return k.keys[person], nil
}

func (k *keyring) Keys(context.Context, ...uuid.UUID) (events.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.keys), nil
}

func meta(actor uuid.UUID) command.Meta { return command.Meta{ID: uuid.New(), Actor: actor} }

func runScenarios(t *testing.T, scenarios map[string]scenario) {
	t.Helper()
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := memory.NewLedger()
			versions := map[uuid.UUID]int64{}
			for _, g := range s.given {
				_, err := ledger.Append(t.Context(), command.Append{
					Ledger: tenant, Meta: meta(g.actor),
					Changes: []command.Change{{
						Stream: events.Stream{Kind: g.kind, ID: g.id}, Expected: versions[g.id], Events: []events.Event{g.event},
					}},
				})
				if err != nil {
					t.Fatal(err)
				}
				versions[g.id]++
			}
			err := s.when(t.Context(), command.NewApp(ledger, newKeyring(), []byte("key")))
			if s.err != nil && !errors.Is(err, s.err) || s.err == nil && err != nil {
				t.Fatalf("got error %v, want %v", err, s.err)
			}
			if diff := gocmp.Diff(s.then, since(t, ledger, len(s.given))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// since returns the events of the tenant's ledger after the first n.
func since(t *testing.T, ledger *memory.Ledger, n int) []events.Event {
	t.Helper()
	streams, err := ledger.Load(t.Context(), tenant, tenant, document, other, fileID)
	if err != nil {
		t.Fatal(err)
	}
	recorded := slices.Concat(slices.Collect(maps.Values(streams))...)
	slices.SortFunc(recorded, func(a, b events.Recorded) int { return cmp.Compare(a.Seq, b.Seq) })
	var list []events.Event
	for _, r := range recorded[n:] {
		list = append(list, r.Event)
	}
	return list
}

// errOf drops what a use case returns besides its error.
func errOf[T any](_ T, err error) error { return err }
