package command_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

var (
	theHolds   = uuid.NewSHA1(tenant, []byte("holds"))
	heldTenant = []given{{events.KindHold, theHolds, ada, events.TenantHoldPlaced{Reason: "Case 1"}}}
)

func heldDocument(id uuid.UUID) []given {
	return []given{{events.KindHold, theHolds, ada, events.DocumentHoldPlaced{DocumentID: id, Reason: "Case 2"}}}
}

// What is held is not deleted, whoever asks; what is not, is.
func TestHoldsKeepThingsFromBeingDeleted(t *testing.T) {
	t.Parallel()
	made := []given{
		{events.KindTenant, tenant, ada, events.TenantCreated{Name: "Engines"}},
		{events.KindTenant, tenant, ada, events.MemberAdded{UserID: ada, Role: events.RoleAdmin}},
		{events.KindFile, fileID, ada, received},
		{events.KindFile, fileID, ada, events.FileReferenced{DocumentID: document}},
		{events.KindDocument, document, ada, uploaded},
	}
	released := []given{{events.KindHold, theHolds, ada, events.TenantHoldReleased{Previous: "Case 1"}}}
	freed := []given{{events.KindHold, theHolds, ada, events.DocumentHoldReleased{DocumentID: document, Previous: "Case 2"}}}
	deleteDocument := func(ctx context.Context, a *command.App) error {
		return errOf(a.DeleteDocument(ctx, meta(ada), command.DeleteDocument{
			TenantID: tenant, DocumentID: document, By: by(ada, events.RoleAdmin),
		}))
	}
	deleteTenant := func(ctx context.Context, a *command.App) error {
		return errOf(a.DeleteTenant(ctx, meta(ada), command.DeleteTenant{TenantID: tenant, Actor: ada}))
	}
	for name, c := range map[string]struct {
		past   [][]given
		when   func(context.Context, *command.App) error
		reason string // "": it is deleted
	}{
		"a document of a held tenant":      {[][]given{made, heldTenant}, deleteDocument, "Case 1"},
		"a held document":                  {[][]given{made, heldDocument(document)}, deleteDocument, "Case 2"},
		"a document beside a held one":     {[][]given{made, heldDocument(other)}, deleteDocument, ""},
		"a document that was held":         {[][]given{made, heldDocument(document), freed}, deleteDocument, ""},
		"a document of a tenant that was":  {[][]given{made, heldTenant, released}, deleteDocument, ""},
		"a held tenant":                    {[][]given{made, heldTenant}, deleteTenant, "Case 1"},
		"a tenant with a held document":    {[][]given{made, heldDocument(document)}, deleteTenant, "Case 2"},
		"a tenant that was held":           {[][]given{made, heldTenant, released}, deleteTenant, ""},
		"a tenant whose document was held": {[][]given{made, heldDocument(document), freed}, deleteTenant, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := memory.NewLedger()
			versions := map[uuid.UUID]int64{}
			for _, past := range c.past {
				for _, g := range past {
					_, err := ledger.Append(t.Context(), command.Append{
						Ledger: tenant, Meta: meta(g.actor), Changes: []command.Change{{
							Stream: events.Stream{Kind: g.kind, ID: g.id}, Expected: versions[g.id], Events: []events.Event{g.event},
						}},
					})
					if err != nil {
						t.Fatal(err)
					}
					versions[g.id]++
				}
			}
			err := c.when(t.Context(), command.NewApp(ledger, newKeyring(), []byte("key")))
			held, ok := errors.AsType[*command.HeldError](err)
			switch {
			case c.reason == "" && err != nil:
				t.Errorf("got %v", err)
			case c.reason != "" && (!ok || held.Hold.Reason != c.reason || held.Hold.By != ada || held.Hold.Since.IsZero()):
				t.Errorf("got %v, want a hold for %s", err, c.reason)
			}
		})
	}
}

func TestPlaceHoldDecides(t *testing.T) {
	t.Parallel()
	mine := command.Tenant{Created: true, Members: map[uuid.UUID]command.Member{
		ada: {Role: events.RoleAdmin}, bob: {Role: events.RoleUser},
	}}
	there := command.Document{Exists: true}
	standing := command.Holds{
		Tenant: &command.Hold{Reason: "old"}, Documents: map[uuid.UUID]command.Hold{document: {Reason: "old"}},
	}
	for name, c := range map[string]struct {
		place command.PlaceHold
		d     command.Document
		h     command.Holds
		want  events.HoldEvent
		err   error
	}{
		"on a document": {
			command.PlaceHold{DocumentID: document, Reason: "Case 1", Actor: ada},
			there,
			command.Holds{},
			events.DocumentHoldPlaced{DocumentID: document, Reason: "Case 1"},
			nil,
		},
		"on a tenant":         {command.PlaceHold{Reason: "Case 1", Actor: ada}, there, command.Holds{}, events.TenantHoldPlaced{Reason: "Case 1"}, nil},
		"for another reason":  {command.PlaceHold{Reason: "new", Actor: ada}, there, standing, events.TenantHoldPlaced{Reason: "new", Previous: "old"}, nil},
		"for the same reason": {command.PlaceHold{DocumentID: document, Reason: "old", Actor: ada}, there, standing, nil, nil},
		"by a user":           {command.PlaceHold{Reason: "x", Actor: bob}, there, command.Holds{}, nil, command.ErrForbidden},
		"by a stranger":       {command.PlaceHold{Reason: "x", Actor: eve}, there, command.Holds{}, nil, command.ErrNotFound},
		"without a reason":    {command.PlaceHold{Reason: " ", Actor: ada}, there, command.Holds{}, nil, &command.InvalidError{}},
		"on nothing that is":  {command.PlaceHold{DocumentID: document, Reason: "x", Actor: ada}, command.Document{}, command.Holds{}, nil, command.ErrNotFound},
	} {
		got, err := c.place.Decide(mine, c.d, c.h)
		if c.err != nil && !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: error %v, want %v", name, err, c.err)
		}
		if c.want == nil && len(got) > 0 || c.want != nil && (len(got) != 1 || got[0] != c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
