package command_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Where a command came from stands in all its events, readable with the key of who
// sent it and with no other.
func TestEventsCarryTheirOriginSealed(t *testing.T) {
	t.Parallel()
	ledger, keys := memory.NewLedger(), newKeyring()
	app := command.NewApp(ledger, keys, []byte("key"))
	key, err := keys.Create(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	origin := events.Origin{Address: "192.0.2.7", UserAgent: "a browser"}
	from := command.Meta{ID: uuid.New(), Actor: ada, Origin: origin}
	if _, err := app.CreateTenant(t.Context(), from, command.CreateTenant{TenantID: tenant, Name: "Engines", Actor: ada}); err != nil {
		t.Fatal(err)
	}
	for _, r := range recordedOf(t, ledger, tenant) {
		var got events.Origin
		switch {
		case r.Origin == nil || r.Origin.Subject != ada:
			t.Errorf("%s: origin %v, want one of %s", r.Type, r.Origin, ada)
		case r.Origin.Open(key, &got) != nil || got != origin:
			t.Errorf("%s: origin %+v, want %+v", r.Type, got, origin)
		case r.Origin.Open(events.NewKey(), &got) == nil:
			t.Errorf("%s: the origin opens with any key", r.Type)
		}
	}
}

func TestThePlatformAndTheErasedHaveNoOrigin(t *testing.T) {
	t.Parallel()
	ledger := memory.NewLedger()
	app := command.NewApp(ledger, newKeyring(), []byte("key"))
	origin := events.Origin{Address: "192.0.2.7", UserAgent: "a browser"}
	keyless := command.Meta{ID: uuid.New(), Actor: ada, Origin: origin}
	if _, err := app.CreateTenant(t.Context(), keyless, command.CreateTenant{TenantID: tenant, Name: "Engines", Actor: ada}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.MarkProvisioned(t.Context(), command.Meta{ID: uuid.New(), Origin: origin}, tenant); err != nil {
		t.Fatal(err)
	}
	list := recordedOf(t, ledger, tenant)
	if len(list) != 3 {
		t.Fatalf("%d events, want 3", len(list))
	}
	for _, r := range list {
		if r.Origin != nil {
			t.Errorf("%s has an origin: %v", r.Type, r.Origin)
		}
	}
}

func recordedOf(t *testing.T, ledger *memory.Ledger, stream uuid.UUID) []events.Recorded {
	t.Helper()
	streams, err := ledger.Load(t.Context(), tenant, stream)
	if err != nil {
		t.Fatal(err)
	}
	return streams[stream]
}
