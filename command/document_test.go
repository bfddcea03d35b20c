package command_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

var (
	received = events.FileReceived{MD5: digest.MD5, SHA256: digest.SHA256, S3Path: staged}
	stored   = events.FileStored{S3Path: "final", Previous: staged}
	uploaded = events.DocumentUploaded{FileID: fileID, Filename: "a.pdf", MimeType: "application/pdf"}
)

func by(user uuid.UUID, role events.Role) command.Access {
	return command.Access{UserID: user, Role: role}
}

func upload(id uuid.UUID, access command.Access, filename, mimeType string) command.UploadDocument {
	return command.UploadDocument{
		TenantID: tenant, DocumentID: id, Filename: filename, MimeType: mimeType,
		Digest: digest, S3Path: command.StagingPath(tenant, id), By: access,
	}
}

// uploadedBy is the past of one document over one file.
func uploadedBy(user uuid.UUID) []given {
	return append(
		pastOf(events.KindFile, fileID, user, received, events.FileReferenced{DocumentID: document}),
		pastOf(events.KindDocument, document, user, uploaded)...,
	)
}

func TestUploadDocument(t *testing.T) {
	t.Parallel()
	when := func(id uuid.UUID, role events.Role, filename, mimeType string) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.UploadDocument(ctx, meta(ada), upload(id, by(ada, role), filename, mimeType), nil))
		}
	}
	pdf := "application/pdf"
	again := []events.Event{events.FileReferenced{DocumentID: other}, uploaded}
	refused := &command.InvalidError{}
	runScenarios(t, map[string]scenario{
		"new bytes are received": {
			when: when(document, events.RoleUser, "a.pdf", pdf),
			then: []events.Event{received, events.FileReferenced{DocumentID: document}, uploaded},
		},
		"bytes being processed are shared": {given: uploadedBy(bob), when: when(other, events.RoleUser, "a.pdf", pdf), then: again},
		"stored bytes are shared": {
			given: append(uploadedBy(bob), pastOf(events.KindFile, fileID, uuid.Nil, stored)...),
			when:  when(other, events.RoleAdmin, "a.pdf", pdf), then: again,
		},
		"failed bytes are received again": {
			given: append(uploadedBy(bob), pastOf(events.KindFile, fileID, uuid.Nil, events.FileFailed{Reason: "x"})...),
			when:  when(other, events.RoleUser, "a.pdf", pdf),
			then: append([]events.Event{events.FileReceived{
				MD5: digest.MD5, SHA256: digest.SHA256, S3Path: command.StagingPath(tenant, other),
			}}, again...),
		},
		"a viewer may not":      {when: when(document, events.RoleViewer, "a.pdf", pdf), err: command.ErrForbidden},
		"an id is used once":    {given: uploadedBy(bob), when: when(document, events.RoleUser, "b", pdf), err: command.ErrConflict},
		"a name is needed":      {when: when(document, events.RoleUser, "", pdf), err: refused},
		"a path is no name":     {when: when(document, events.RoleUser, "../etc/passwd", pdf), err: refused},
		"dots are no name":      {when: when(document, events.RoleUser, "..", pdf), err: refused},
		"a type has a subtype":  {when: when(document, events.RoleUser, "a.pdf", "pdf"), err: refused},
		"a header is no name":   {when: when(document, events.RoleUser, "a\r\nSet-Cookie: b", pdf), err: refused},
		"a name has an end":     {when: when(document, events.RoleUser, strings.Repeat("x", 256), pdf), err: refused},
		"a type is needed":      {when: when(document, events.RoleUser, "a.pdf", ""), err: refused},
		"a type is well-formed": {when: when(document, events.RoleUser, "a.pdf", "pdf;;"), err: refused},
	})
}

func TestUploadTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	app := newApp()
	first, err := app.UploadDocument(t.Context(), meta(ada), upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := command.DocumentDetails{
		ID: document, Filename: "a.pdf", MimeType: "application/pdf", FileID: fileID, UserID: ada,
		CreatedAt: first.At, UpdatedAt: first.At, CreatedBy: ada, Version: 1,
		MD5Hash: digest.MD5, SHA256: digest.SHA256, Status: "processing",
	}
	if diff := cmp.Diff(command.Uploaded{Document: want}, first.Value); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	second, err := app.UploadDocument(t.Context(), meta(bob), upload(other, by(bob, events.RoleUser), "b.pdf", "application/pdf"), nil)
	if err != nil || !second.Value.Deduplicated || second.Value.Document.FileID != fileID {
		t.Errorf("second: got %+v, %v", second.Value, err)
	}
}

func TestRenameAndDeleteDocument(t *testing.T) {
	t.Parallel()
	rename := func(access command.Access, name string) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.ChangeDocument(ctx, meta(access.UserID), command.ChangeDocument{
				TenantID: tenant, DocumentID: document, Filename: &name, By: access,
			}))
		}
	}
	remove := func(access command.Access) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.DeleteDocument(ctx, meta(access.UserID), command.DeleteDocument{
				TenantID: tenant, DocumentID: document, By: access,
			}))
		}
	}
	retype := func(access command.Access, name *string, media string) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.ChangeDocument(ctx, meta(access.UserID), command.ChangeDocument{
				TenantID: tenant, DocumentID: document, Filename: name, MimeType: &media, By: access,
			}))
		}
	}
	retyped := events.DocumentTypeChanged{MimeType: "text/plain", Previous: "application/pdf"}
	renamed := []events.Event{events.DocumentRenamed{Filename: "b.pdf", Previous: "a.pdf"}}
	deleted := []events.Event{
		events.DocumentDeleted{FileID: fileID, Filename: "a.pdf"}, events.FileDereferenced{DocumentID: document},
	}
	gone := append(uploadedBy(ada), pastOf(events.KindDocument, document, ada, events.DocumentDeleted{FileID: fileID, Filename: "a.pdf"})...)
	user, admin, viewer := by(ada, events.RoleUser), by(bob, events.RoleAdmin), by(ada, events.RoleViewer)
	runScenarios(t, map[string]scenario{
		"its owner renames":       {given: uploadedBy(ada), when: rename(user, "b.pdf"), then: renamed},
		"an admin renames":        {given: uploadedBy(ada), when: rename(admin, "b.pdf"), then: renamed},
		"the same name":           {given: uploadedBy(ada), when: rename(user, "a.pdf")},
		"not another's":           {given: uploadedBy(bob), when: rename(user, "b.pdf"), err: command.ErrForbidden},
		"not as a viewer":         {given: uploadedBy(ada), when: rename(viewer, "b.pdf"), err: command.ErrForbidden},
		"not to a path":           {given: uploadedBy(ada), when: rename(user, `a\b`), err: &command.InvalidError{}},
		"none, none renamed":      {when: rename(user, "b.pdf"), err: command.ErrNotFound},
		"gone, none renamed":      {given: gone, when: rename(user, "b.pdf"), err: command.ErrNotFound},
		"another type":            {given: uploadedBy(ada), when: retype(user, nil, "text/plain"), then: []events.Event{retyped}},
		"another name and type":   {given: uploadedBy(ada), when: retype(user, new("b.pdf"), "text/plain"), then: append(slices.Clone(renamed), retyped)},
		"the same type":           {given: uploadedBy(ada), when: retype(user, nil, "application/pdf")},
		"no type":                 {given: uploadedBy(ada), when: retype(user, new("b.pdf"), "pdf"), err: &command.InvalidError{}},
		"not another's type":      {given: uploadedBy(bob), when: retype(user, nil, "text/plain"), err: command.ErrForbidden},
		"its owner deletes":       {given: uploadedBy(ada), when: remove(user), then: deleted},
		"an admin deletes":        {given: uploadedBy(ada), when: remove(admin), then: deleted},
		"another's stays":         {given: uploadedBy(bob), when: remove(user), err: command.ErrForbidden},
		"none, none deleted":      {when: remove(user), err: command.ErrNotFound},
		"gone, not deleted again": {given: gone, when: remove(user), err: command.ErrNotFound},
	})
}

// Whoever uploads at once stores the bytes where the events then say they are, and only
// when the tenant has none.
func TestUploadAtOnce(t *testing.T) {
	t.Parallel()
	final := func(born int64) string { return command.StoredPath(tenant, fileID, digest.MD5, time.Now(), born) }
	at := func(role events.Role, filename, want string, fails error) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			var keys []string
			put := func(how string) command.Put {
				return func(_ context.Context, key string) error {
					keys = append(keys, how+key)
					return fails
				}
			}
			_, err := app.UploadAtOnce(ctx, meta(ada), upload(other, by(ada, role), filename, "application/pdf"), put(""), put("mended "))
			if got := strings.Join(keys, " "); got != want {
				t.Errorf("stored under %q, want %q", got, want)
			}
			return err
		}
	}
	begun := func(born int64) []events.Event {
		return []events.Event{
			events.FileReceived{MD5: digest.MD5, SHA256: digest.SHA256, S3Path: final(born)},
			events.FileStored{S3Path: final(born), Previous: final(born)},
			events.FileReferenced{DocumentID: other},
			uploaded,
		}
	}
	shared := []events.Event{events.FileReferenced{DocumentID: other}, uploaded}
	failed := append(uploadedBy(bob), pastOf(events.KindFile, fileID, uuid.Nil, events.FileFailed{Reason: "x"})...)
	ready := append(uploadedBy(bob), pastOf(events.KindFile, fileID, uuid.Nil, events.FileStored{S3Path: "stored", Previous: staged})...)
	away := errors.New("the store is away")
	runScenarios(t, map[string]scenario{
		"bytes that are filed":   {given: ready, when: at(events.RoleUser, "a.pdf", "mended stored", nil), then: shared},
		"filed, and store away":  {given: ready, when: at(events.RoleUser, "a.pdf", "mended stored", away), err: away},
		"filed, and a viewer":    {given: ready, when: at(events.RoleViewer, "a.pdf", "", nil), err: command.ErrForbidden},
		"new bytes":              {when: at(events.RoleUser, "a.pdf", final(1), nil), then: begun(1)},
		"bytes that were lost":   {given: failed, when: at(events.RoleUser, "a.pdf", final(4), nil), then: begun(4)},
		"bytes being processed":  {given: uploadedBy(bob), when: at(events.RoleUser, "a.pdf", "", nil), then: shared},
		"the store is away":      {when: at(events.RoleUser, "a.pdf", final(1), away), err: away},
		"a viewer may not":       {when: at(events.RoleViewer, "a.pdf", "", nil), err: command.ErrForbidden},
		"a name that is refused": {when: at(events.RoleUser, "../a", "", nil), err: &command.InvalidError{}},
	})
}

func TestStoreAndFailFile(t *testing.T) {
	t.Parallel()
	store := func(from string) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.StoreFile(ctx, meta(uuid.Nil), command.StoreFile{TenantID: tenant, FileID: fileID, Staged: from, S3Path: "final"}))
		}
	}
	fail := func(ctx context.Context, app *command.App) error {
		return errOf(app.FailFile(ctx, meta(uuid.Nil), command.FailFile{TenantID: tenant, FileID: fileID, Staged: staged, Reason: "gone"}))
	}
	ready := append(uploadedBy(ada), pastOf(events.KindFile, fileID, uuid.Nil, stored)...)
	runScenarios(t, map[string]scenario{
		"stored":                  {given: uploadedBy(ada), when: store(staged), then: []events.Event{stored}},
		"stored once":             {given: ready, when: store(staged)},
		"stored from elsewhere":   {given: uploadedBy(ada), when: store("elsewhere")},
		"failed":                  {given: uploadedBy(ada), when: fail, then: []events.Event{events.FileFailed{Reason: "gone"}}},
		"failed after stored":     {given: ready, when: fail},
		"nothing to store at all": {when: store(staged)},
	})
}

func TestRetryFile(t *testing.T) {
	t.Parallel()
	failed := append(uploadedBy(ada), pastOf(events.KindFile, fileID, uuid.Nil, events.FileFailed{Reason: "gone"})...)
	ready := append(uploadedBy(ada), pastOf(events.KindFile, fileID, uuid.Nil, stored)...)
	retried := events.FileRetried{S3Path: staged}
	retry := func(stuckBefore time.Time) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			c := command.RetryFile{TenantID: tenant, FileID: fileID, StuckBefore: stuckBefore}
			return errOf(app.RetryFile(ctx, meta(ada), c))
		}
	}
	never, long := time.Time{}, time.Now().Add(time.Hour)
	runScenarios(t, map[string]scenario{
		"failed":                       {given: failed, when: retry(never), then: []events.Event{retried}},
		"being processed":              {given: uploadedBy(ada), when: retry(never), err: command.ErrNotFailed},
		"being processed for long":     {given: uploadedBy(ada), when: retry(long), then: []events.Event{retried}},
		"being processed, but not yet": {given: uploadedBy(ada), when: retry(time.Unix(0, 0)), err: command.ErrNotFailed},
		"retried, and not yet done": {
			given: append(slices.Clone(failed), pastOf(events.KindFile, fileID, ada, retried)...), when: retry(never), err: command.ErrNotFailed,
		},
		"ready":          {given: ready, when: retry(never), err: command.ErrNotFailed},
		"ready for long": {given: ready, when: retry(long), err: command.ErrNotFailed},
		"none":           {when: retry(long), err: command.ErrNotFound},
		"deleted": {
			given: append(slices.Clone(failed), pastOf(events.KindFile, fileID, ada, events.FileDeleted{S3Path: staged})...),
			when:  retry(long), err: command.ErrNotFound,
		},
		"stored after all": {
			given: append(slices.Clone(failed), pastOf(events.KindFile, fileID, ada, retried)...),
			when: func(ctx context.Context, app *command.App) error {
				return errOf(app.StoreFile(ctx, meta(uuid.Nil), command.StoreFile{TenantID: tenant, FileID: fileID, Staged: staged, S3Path: "final"}))
			},
			then: []events.Event{stored},
		},
	})
}

func TestARetryTellsWhatTheFileIsThen(t *testing.T) {
	t.Parallel()
	app := newApp()
	first, err := app.UploadDocument(t.Context(), meta(ada), upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.FailFile(t.Context(), meta(uuid.Nil), command.FailFile{TenantID: tenant, FileID: fileID, Staged: staged, Reason: "gone"}); err != nil {
		t.Fatal(err)
	}
	if f, err := app.FileByID(t.Context(), tenant, fileID); err != nil || f.Failure != "gone" {
		t.Errorf("it failed for %q, %v", f.Failure, err)
	}
	key := command.Meta{ID: uuid.New(), Keyed: true, Actor: bob}
	retried, err := app.RetryFile(t.Context(), key, command.RetryFile{TenantID: tenant, FileID: fileID})
	if err != nil {
		t.Fatal(err)
	}
	want := command.FileDetails{
		ID: fileID, MD5Hash: digest.MD5, SHA256: digest.SHA256, S3Path: staged, Status: "processing", References: 1,
		CreatedAt: first.At, UpdatedAt: retried.At, CreatedBy: ada, Version: 4,
	}
	if diff := cmp.Diff(want, retried.Value); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := app.RetryFile(t.Context(), key, command.RetryFile{TenantID: tenant, FileID: fileID})
	if err != nil || !again.Replayed || !cmp.Equal(again.Value, retried.Value) {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestDeleteFile(t *testing.T) {
	t.Parallel()
	remove := func(ctx context.Context, app *command.App) error {
		return errOf(app.DeleteFile(ctx, meta(ada), command.DeleteFile{TenantID: tenant, FileID: fileID}))
	}
	ready := append(uploadedBy(ada), pastOf(events.KindFile, fileID, uuid.Nil, stored)...)
	left := append(slices.Clone(ready), pastOf(events.KindFile, fileID, ada, events.FileDereferenced{DocumentID: document})...)
	deletedFile := events.FileDeleted{S3Path: stored.S3Path}
	gone := append(slices.Clone(left), pastOf(events.KindFile, fileID, ada, deletedFile)...)
	again := upload(other, by(ada, events.RoleUser), "b.pdf", "application/pdf")
	runScenarios(t, map[string]scenario{
		"nothing stands on it": {given: left, when: remove, then: []events.Event{deletedFile}},
		"a document does":      {given: ready, when: remove, err: &command.ReferencedError{Documents: 1}},
		"none":                 {when: remove, err: command.ErrNotFound},
		"deleted before":       {given: gone, when: remove, err: command.ErrNotFound},
		"on its way": {
			given: append(uploadedBy(ada), pastOf(events.KindFile, fileID, ada, events.FileDereferenced{DocumentID: document})...),
			when:  remove, err: command.ErrFileBusy,
		},
		"received anew": {given: gone, when: func(ctx context.Context, app *command.App) error {
			return errOf(app.UploadDocument(ctx, meta(ada), again, nil))
		}, then: []events.Event{
			events.FileReceived{MD5: digest.MD5, SHA256: digest.SHA256, Size: digest.Size, S3Path: again.S3Path},
			events.FileReferenced{DocumentID: other},
			events.DocumentUploaded{FileID: fileID, Filename: "b.pdf", MimeType: "application/pdf"},
		}},
	})
}

func TestStoredPathIsThatOfTheRequirements(t *testing.T) {
	t.Parallel()
	local := time.FixedZone("east", 3600)
	got := command.StoredPath(tenant, document, digest.MD5, time.Date(2026, 1, 1, 0, 30, 0, 0, local), 1)
	want := "tenants/" + tenant.String() + "/files/2025/12/" + document.String() + "_" + digest.MD5
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if again := command.StoredPath(tenant, document, digest.MD5, time.Date(2026, 1, 1, 0, 30, 0, 0, local), 5); again != want+".5" {
		t.Errorf("born again at version 5: %s", again)
	}
}

func TestKeyedCommandsAreAnsweredOnce(t *testing.T) {
	t.Parallel()
	app := newApp()
	key := command.Meta{ID: uuid.New(), Keyed: true, Fingerprint: [32]byte{1}, Actor: ada}
	first, err := app.UploadDocument(t.Context(), key, upload(document, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := app.UploadDocument(t.Context(), key, upload(other, by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)
	if err != nil || !again.Replayed {
		t.Fatalf("got %+v, %v", again, err)
	}
	if diff := cmp.Diff(first.Value, again.Value); diff != "" {
		t.Errorf("answers (-first +again):\n%s", diff)
	}
	key.Fingerprint = [32]byte{2}
	_, err = app.UploadDocument(t.Context(), key, upload(other, by(ada, events.RoleUser), "b.pdf", "application/pdf"), nil)
	if !errors.Is(err, command.ErrCommandReused) {
		t.Errorf("another payload: got %v", err)
	}
}

func TestACrowdOnOneFileGetsThrough(t *testing.T) {
	t.Parallel()
	app := newApp()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			_, err := app.UploadDocument(t.Context(), meta(ada), upload(uuid.New(), by(ada, events.RoleUser), "a.pdf", "application/pdf"), nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
