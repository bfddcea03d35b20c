package command_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// countedLedger counts how often streams are loaded.
type countedLedger struct {
	*memory.Ledger
	loads atomic.Int64
}

func (l *countedLedger) Load(ctx context.Context, ledger uuid.UUID, streams ...uuid.UUID) (map[uuid.UUID][]events.Recorded, error) {
	l.loads.Add(1)
	return l.Ledger.Load(ctx, ledger, streams...)
}

func rename(t *testing.T, app *command.App, name string) (command.Changed, error) {
	t.Helper()
	result, err := app.ChangeDocument(t.Context(), meta(ada), command.ChangeDocument{
		TenantID: tenant, DocumentID: document, Filename: &name, By: by(ada, events.RoleUser),
	})
	return result.Value, err
}

func TestWhatAProcessWroteItNeedNotLoad(t *testing.T) {
	t.Parallel()
	ledger := &countedLedger{Ledger: memory.NewLedger()}
	app := command.NewApp(ledger, newKeyring(), []byte("key"))
	if _, err := app.UploadDocument(t.Context(), meta(ada), upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil); err != nil {
		t.Fatal(err)
	}
	before := ledger.loads.Load()
	for i, name := range []string{"b.pdf", "c.pdf", "d.pdf"} {
		if got, err := rename(t, app, name); err != nil || got.Filename != name || got.Version != int64(i)+2 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if n := ledger.loads.Load() - before; n != 0 {
		t.Errorf("%d loads of a stream that only this process writes", n)
	}
}

// Another process writes behind our back.
func TestWhatIsRememberedIsNeverTrusted(t *testing.T) {
	t.Parallel()
	ledger := memory.NewLedger()
	ours := command.NewApp(ledger, newKeyring(), []byte("key"))
	theirs := command.NewApp(ledger, newKeyring(), []byte("key"))
	if _, err := ours.UploadDocument(t.Context(), meta(ada), upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := rename(t, theirs, "b.pdf"); err != nil {
		t.Fatal(err)
	}
	if got, err := rename(t, ours, "a.pdf"); err != nil || got.Version != 3 {
		t.Errorf("back to the name we remember: got %+v, %v", got, err)
	}
	if got, err := rename(t, theirs, "c.pdf"); err != nil || got.Version != 4 {
		t.Errorf("over a version we remember: got %+v, %v", got, err)
	}
	deletion := command.DeleteDocument{TenantID: tenant, DocumentID: document, By: by(ada, events.RoleUser)}
	if _, err := theirs.DeleteDocument(t.Context(), meta(ada), deletion); err != nil {
		t.Fatal(err)
	}
	if _, err := rename(t, ours, "d.pdf"); !errors.Is(err, command.ErrNotFound) {
		t.Errorf("a document that is gone: got %v", err)
	}
	second, err := ours.UploadDocument(t.Context(), meta(ada), upload(other, by(ada, events.RoleUser), "e.pdf", "application/pdf"), nil)
	if err != nil || !second.Value.Deduplicated {
		t.Errorf("over a file that others dereferenced: got %+v, %v", second.Value, err)
	}
}
