package command_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

func TestGrantDownloadDecides(t *testing.T) {
	t.Parallel()
	grant := command.GrantDownload{TenantID: tenant, DocumentID: document}
	for name, c := range map[string]struct {
		document command.Document
		want     events.AccessEvent
	}{
		"of a document":           {command.Document{Exists: true, FileID: fileID}, events.DownloadGranted{DocumentID: document, FileID: fileID}},
		"of one that was deleted": {command.Document{FileID: fileID}, nil},
		"of none":                 {command.Document{}, nil},
	} {
		got, err := grant.Decide(c.document)
		if (c.want == nil) != (err != nil) || c.want != nil && (len(got) != 1 || got[0] != c.want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

// Looking at a document leaves its version, on which writers rely, as it is.
func TestAccessStaysOffTheDocumentsStream(t *testing.T) {
	t.Parallel()
	ledger := memory.NewLedger()
	app := command.NewApp(ledger, newKeyring(), []byte("key"))
	_, err := app.UploadDocument(t.Context(), meta(ada), upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := len(recordedOf(t, ledger, document))
	for _, act := range []func(context.Context) (command.Receipt, error){
		func(ctx context.Context) (command.Receipt, error) {
			return app.GrantDownload(ctx, meta(bob), command.GrantDownload{TenantID: tenant, DocumentID: document})
		},
		func(ctx context.Context) (command.Receipt, error) {
			return app.RecordRefusal(ctx, meta(bob), command.RecordRefusal{TenantID: tenant, Reason: "role", Status: 403, Count: 1})
		},
		func(ctx context.Context) (command.Receipt, error) {
			return app.RecordOperation(ctx, command.RecordOperation{Ledger: tenant, Action: "replay", Detail: "the read models"})
		},
	} {
		first, err := act(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, err := act(t.Context())
		if err != nil || second.Seq != first.Seq+1 {
			t.Errorf("recorded as %d and %d (%v), want one event each", first.Seq, second.Seq, err)
		}
	}
	if after := len(recordedOf(t, ledger, document)); after != before {
		t.Errorf("the document's stream has %d events, had %d", after, before)
	}
	_, err = app.GrantDownload(t.Context(), meta(bob), command.GrantDownload{TenantID: tenant, DocumentID: uuid.New()})
	if err == nil {
		t.Error("a document that is not there was granted")
	}
}
