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

// overtakenLedger lets somebody else act between what a command read and what it
// appends, once.
type overtakenLedger struct {
	*memory.Ledger
	meanwhile func()
}

func (l *overtakenLedger) Append(ctx context.Context, a command.Append) (command.Receipt, error) {
	if f := l.meanwhile; f != nil {
		l.meanwhile = nil
		f()
	}
	return l.Ledger.Append(ctx, a)
}

// furnished returns a ledger with a tenant, a document over a file and a second file
// on which nothing stands; and what another process does there.
func furnished(t *testing.T) (*overtakenLedger, *command.App) {
	t.Helper()
	ledger := &overtakenLedger{Ledger: memory.NewLedger()}
	versions := map[uuid.UUID]int64{}
	for _, g := range []given{
		{events.KindTenant, tenant, ada, events.TenantCreated{Name: "Engines"}},
		{events.KindTenant, tenant, ada, events.MemberAdded{UserID: ada, Role: events.RoleAdmin}},
		{events.KindTenant, tenant, ada, events.MemberAdded{UserID: bob, Role: events.RoleAdmin}},
		{events.KindFile, fileID, ada, received},
		{events.KindFile, fileID, ada, events.FileReferenced{DocumentID: document}},
		{events.KindDocument, document, ada, uploaded},
		{events.KindFile, other, ada, received},
		{events.KindFile, other, ada, events.FileStored{S3Path: "kept"}},
	} {
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
	return ledger, command.NewApp(ledger.Ledger, newKeyring(), []byte("key"))
}

// Whatever a command read is as it was when the command is recorded, also what it
// leaves as it is.
func TestWhatACommandOnlyReadsStillHolds(t *testing.T) {
	t.Parallel()
	type act = func(context.Context, *command.App) error
	placeHold := func(on uuid.UUID) act {
		return func(ctx context.Context, a *command.App) error {
			return errOf(a.PlaceHold(ctx, meta(ada), command.PlaceHold{TenantID: tenant, DocumentID: on, Reason: "Case 1", Actor: ada}))
		}
	}
	deleteDocument := func(ctx context.Context, a *command.App) error {
		return errOf(a.DeleteDocument(ctx, meta(ada), command.DeleteDocument{
			TenantID: tenant, DocumentID: document, By: by(ada, events.RoleAdmin),
		}))
	}
	deleteFile := func(ctx context.Context, a *command.App) error {
		return errOf(a.DeleteFile(ctx, meta(ada), command.DeleteFile{TenantID: tenant, FileID: other}))
	}
	deleteTenant := func(ctx context.Context, a *command.App) error {
		return errOf(a.DeleteTenant(ctx, meta(ada), command.DeleteTenant{TenantID: tenant, Actor: ada}))
	}
	dismiss := func(ctx context.Context, a *command.App) error {
		return errOf(a.RemoveMember(ctx, meta(bob), command.RemoveMember{TenantID: tenant, UserID: ada, Actor: bob}))
	}
	releaseHold := func(ctx context.Context, a *command.App) error {
		return errOf(a.ReleaseHold(ctx, meta(ada), command.ReleaseHold{TenantID: tenant, Actor: ada}))
	}
	download := func(ctx context.Context, a *command.App) error {
		return errOf(a.GrantDownload(ctx, meta(bob), command.GrantDownload{TenantID: tenant, DocumentID: document}))
	}
	held := &command.HeldError{}
	for name, c := range map[string]struct {
		before, when, meanwhile act
		want                    error // an example of its kind
	}{
		"a document is held while it is deleted":          {nil, deleteDocument, placeHold(document), held},
		"a tenant is held while its document is deleted":  {nil, deleteDocument, placeHold(uuid.Nil), held},
		"a tenant is held while its file is deleted":      {nil, deleteFile, placeHold(uuid.Nil), held},
		"a tenant is held while it is deleted":            {nil, deleteTenant, placeHold(uuid.Nil), held},
		"a document is held while its tenant is deleted":  {nil, deleteTenant, placeHold(document), held},
		"a document is deleted while it is held":          {nil, placeHold(document), deleteDocument, command.ErrNotFound},
		"a tenant is deleted while it is held":            {nil, placeHold(uuid.Nil), deleteTenant, command.ErrNotFound},
		"who places a hold is dismissed":                  {nil, placeHold(document), dismiss, command.ErrNotFound},
		"who releases a hold is dismissed":                {placeHold(uuid.Nil), releaseHold, dismiss, command.ErrNotFound},
		"a document is deleted while it is downloaded":    {nil, download, deleteDocument, command.ErrNotFound},
		"a document is held while another hold is placed": {nil, placeHold(uuid.Nil), placeHold(document), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger, theirs := furnished(t)
			if c.before != nil {
				if err := c.before(t.Context(), theirs); err != nil {
					t.Fatal(err)
				}
			}
			ledger.meanwhile = func() {
				if err := c.meanwhile(t.Context(), theirs); err != nil {
					t.Errorf("meanwhile: %v", err)
				}
			}
			err := c.when(t.Context(), command.NewApp(ledger, newKeyring(), []byte("key")))
			if _, want := errors.AsType[*command.HeldError](c.want); want {
				if _, ok := errors.AsType[*command.HeldError](err); !ok {
					t.Errorf("got %v, want that it is held", err)
				}
			} else if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// What a process remembers of a stream that it only reads is checked like the rest: it
// neither loads it again and again nor trusts it.
func TestHoldsAreRememberedButNotTrusted(t *testing.T) {
	t.Parallel()
	ledger := &countedLedger{Ledger: memory.NewLedger()}
	ours := command.NewApp(ledger, newKeyring(), []byte("key"))
	theirs := command.NewApp(ledger.Ledger, newKeyring(), []byte("key"))
	mustDo(t, errOf(ours.CreateTenant(t.Context(), meta(ada), command.CreateTenant{TenantID: tenant, Name: "Engines", Actor: ada})))
	mustDo(t, errOf(ours.UploadDocument(t.Context(), meta(ada), upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)))
	download := command.GrantDownload{TenantID: tenant, DocumentID: document}
	before := ledger.loads.Load()
	for range 3 {
		mustDo(t, errOf(ours.GrantDownload(t.Context(), meta(ada), download)))
	}
	if n := ledger.loads.Load() - before; n != 0 {
		t.Errorf("%d loads of a document that only this process writes", n)
	}
	mustDo(t, errOf(theirs.PlaceHold(t.Context(), meta(ada), command.PlaceHold{
		TenantID: tenant, DocumentID: document, Reason: "Case 1", Actor: ada,
	})))
	err := errOf(ours.DeleteDocument(t.Context(), meta(ada), command.DeleteDocument{
		TenantID: tenant, DocumentID: document, By: by(ada, events.RoleAdmin),
	}))
	if _, held := errors.AsType[*command.HeldError](err); !held {
		t.Errorf("got %v, want that it is held", err)
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
