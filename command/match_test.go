package command_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// library is a tenant's document over a ledger in memory.
type library struct {
	t      *testing.T
	app    *command.App
	upload command.UploadDocument
}

func newLibrary(t *testing.T) library {
	t.Helper()
	l := library{t: t, app: command.NewApp(memory.NewLedger(), nil, []byte("key"))}
	l.upload = command.UploadDocument{
		TenantID: uuid.New(), DocumentID: uuid.New(), Filename: "a.pdf", MimeType: "application/pdf",
		Digest: command.Digest{MD5: "m", SHA256: "s", Size: 1}, S3Path: "k",
		By: command.Access{UserID: uuid.New(), Role: events.RoleAdmin},
	}
	if _, err := l.app.UploadDocument(t.Context(), l.meta(nil), l.upload, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l library) meta(m *command.Match) command.Meta {
	return command.Meta{ID: uuid.New(), Actor: l.upload.By.UserID, IfMatch: m}
}

func (l library) rename(ctx context.Context, m *command.Match, name string) (int64, error) {
	result, err := l.app.ChangeDocument(ctx, l.meta(m), command.ChangeDocument{
		TenantID: l.upload.TenantID, DocumentID: l.upload.DocumentID, Filename: &name, By: l.upload.By,
	})
	return result.Value.Version, err
}

func at(versions ...int64) *command.Match { return &command.Match{Versions: versions} }

func TestCommandsAreDoneOnlyAtTheVersionsThatTheyMatch(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	for _, step := range []struct {
		match   *command.Match
		name    string
		version int64 // afterwards; 0 if it is refused
	}{
		{nil, "b", 2},
		{at(1), "c", 0},
		{at(3), "c", 0},
		{at(), "c", 0},
		{at(1, 2), "c", 3},
		{&command.Match{Any: true}, "d", 4},
		{at(3), "d", 0}, // it changes nothing, but does not match either
		{at(4), "d", 4},
	} {
		version, err := l.rename(t.Context(), step.match, step.name)
		if refused := errors.Is(err, command.ErrPrecondition); refused != (step.version == 0) || !refused && err != nil {
			t.Fatalf("%+v %s: %v", step.match, step.name, err)
		}
		if step.version != 0 && version != step.version {
			t.Fatalf("%+v %s: version %d, want %d", step.match, step.name, version, step.version)
		}
	}
}

func TestWhatIsNotThereOrNotAllowedIsSaidBeforeWhatDoesNotMatch(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	stranger := command.ChangeDocument{
		TenantID: l.upload.TenantID, DocumentID: l.upload.DocumentID, Filename: new("x"),
		By: command.Access{UserID: uuid.New(), Role: events.RoleUser},
	}
	if _, err := l.app.ChangeDocument(t.Context(), l.meta(at(9)), stranger); !errors.Is(err, command.ErrForbidden) {
		t.Errorf("a stranger: %v", err)
	}
	remove := command.DeleteDocument{TenantID: l.upload.TenantID, DocumentID: l.upload.DocumentID, By: l.upload.By}
	if _, err := l.app.DeleteDocument(t.Context(), l.meta(at(9)), remove); !errors.Is(err, command.ErrPrecondition) {
		t.Errorf("another version: %v", err)
	}
	if _, err := l.app.DeleteDocument(t.Context(), l.meta(at(1)), remove); err != nil {
		t.Errorf("its version: %v", err)
	}
	if _, err := l.rename(t.Context(), &command.Match{Any: true}, "y"); !errors.Is(err, command.ErrNotFound) {
		t.Errorf("a deleted document: %v", err)
	}
}

func TestOfManyWritersAtOneVersionOneWins(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	for version := int64(1); version <= 20; version++ {
		errs := make([]error, 16)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = l.rename(t.Context(), at(version), uuid.NewString()) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, command.ErrPrecondition):
				t.Errorf("a loser: %v", err)
			}
		}
		if won != 1 {
			t.Fatalf("%d won at version %d", won, version)
		}
	}
}
