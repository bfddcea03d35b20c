package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/worker"
)

// tenants lists ledgers.
type tenants []uuid.UUID

func (l tenants) Ledgers(context.Context, uuid.UUID, int) ([]uuid.UUID, error) { return l, nil }

func (b *testBundle) remover() *worker.Patient {
	r := worker.Remover{App: b.app, Objects: b.store, Logger: slog.New(slog.DiscardHandler)}
	return b.patient("remover", r.Act)
}

func (b *testBundle) work(t *testing.T) {
	t.Helper()
	if err := b.worker.Handle(t.Context(), b.trail(t)); err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) discard(t *testing.T, c command.UploadDocument) {
	t.Helper()
	_, err := b.app.DeleteDocument(t.Context(), b.meta(), command.DeleteDocument{TenantID: b.tenant, DocumentID: c.DocumentID, By: c.By})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) there(t *testing.T, key string) bool {
	t.Helper()
	_, err := b.store.Head(t.Context(), key)
	if err != nil && !errors.Is(err, s3.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestAFileIsForgottenRemovedAndBornAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := []byte("some bytes")
	c := b.upload(t, content, content)
	b.work(t)
	first := b.file(t, c.Digest)
	id := command.FileID(b.tenant, c.Digest)
	forgetter := worker.Forgetter{
		App: b.app, Ledgers: tenants{events.PlatformLedger, b.tenant}, Logger: slog.New(slog.DiscardHandler),
		Unreferenced: func(context.Context, uuid.UUID, time.Time, uuid.UUID, int) ([]uuid.UUID, error) {
			return []uuid.UUID{id, uuid.New()}, nil // a read model that is behind
		},
	}
	if n, err := forgetter.Sweep(t.Context(), time.Now()); n != 0 || err != nil {
		t.Fatalf("a file that a document stands on: %d deleted, %v", n, err)
	}
	b.discard(t, c)
	if n, err := forgetter.Sweep(t.Context(), time.Now()); n != 1 || err != nil {
		t.Fatalf("%d deleted, %v", n, err)
	}
	deleted := b.trail(t)

	late := b.remover()
	late.Delay = time.Hour
	if err := late.Handle(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	if n, err := late.Redrive(t.Context()); n != 0 || err != nil || !b.there(t, first.S3Path) {
		t.Errorf("before the delay was over: %d removed, %v", n, err)
	}

	again := b.upload(t, content, content)
	b.work(t)
	second := b.file(t, again.Digest)
	if second.Status != command.FileReady || second.S3Path == first.S3Path {
		t.Fatalf("born again as %+v, was %+v", second, first)
	}
	for range 2 { // messages come more than once
		if err := b.remover().Handle(t.Context(), deleted); err != nil {
			t.Fatal(err)
		}
	}
	if b.there(t, first.S3Path) || !b.there(t, second.S3Path) {
		t.Errorf("the first is there: %t, the second: %t", b.there(t, first.S3Path), b.there(t, second.S3Path))
	}
}

// Uploads of the same bytes race with their deletion: in the end every document
// stands on a file that is there, under a key that nobody was told to remove. Some
// files come in staged, some at once, and some either way; of a few, which come at once,
// there are objects.
func TestDeletionsAndUploadsOfTheSameBytesRace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const (
		files = 500
		turns = 20 // of each file: 10,000 in all
	)
	var races errgroup.Group
	races.SetLimit(50)
	for n := range files {
		races.Go(func() error {
			b.race(t, n, turns)
			return nil
		})
	}
	if err := races.Wait(); err != nil {
		t.Fatal(err)
	}
	removed := map[string]bool{}
	objects := map[uuid.UUID]bool{}
	for n := range files {
		objects[command.FileID(b.tenant, digestOf(n))] = hasObjects(n)
	}
	var deletions []events.Message // of files that have objects
	trail, err := b.ledger.Read(t.Context(), b.tenant, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range trail {
		r, err := events.Decode(m.Body)
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := r.Event.(events.FileDeleted); ok {
			removed[e.S3Path] = true
			if objects[m.StreamID] {
				deletions = append(deletions, m)
			}
		}
	}
	if err := b.remover().Handle(t.Context(), deletions); err != nil || len(deletions) == 0 {
		t.Fatalf("%d deletions of objects: %v", len(deletions), err)
	}
	dangling, alive := 0, 0
	for n := range files {
		file, err := b.app.FileByID(t.Context(), b.tenant, command.FileID(b.tenant, digestOf(n)))
		if err != nil {
			t.Fatal(err)
		}
		if file.References == 0 {
			continue
		}
		alive++
		if file.Status == command.FileDeleted || removed[file.S3Path] || hasObjects(n) && !b.there(t, file.S3Path) {
			dangling++
		}
	}
	if dangling > 0 || len(removed) < files {
		t.Errorf("%d of %d files dangle; %d keys were given up", dangling, alive, len(removed))
	}
	t.Logf("%d races, %d keys given up, %d files with documents, %d dangling", files*turns, len(removed), alive, dangling)
}

// comesAtOnce reports whether the nth file of the race is stored at once in a turn.
func comesAtOnce(n, turn int) bool { return n%5 == 0 || n%5 == 1 && turn%2 == 0 }

// hasObjects reports whether there are objects of the nth file of the race.
func hasObjects(n int) bool { return n%50 == 0 }

func bytesOf(n int) []byte { return fmt.Appendf(nil, "bytes %d", n) }

func digestOf(n int) command.Digest {
	if hasObjects(n) {
		return command.DigestOf(bytesOf(n))
	}
	return command.Digest{MD5: fmt.Sprintf("%032x", n), SHA256: fmt.Sprintf("%064x", n), Size: 1}
}

// race has one upload, one deletion of a document and one of the file meet, again
// and again. The bytes' way to their key is the worker's.
func (b *testBundle) race(t *testing.T, n, turns int) {
	t.Helper()
	digest := digestOf(n)
	id := command.FileID(b.tenant, digest)
	by := command.Access{UserID: b.admin, Role: events.RoleAdmin}
	var before *command.UploadDocument
	for turn := range turns {
		document := uuid.New()
		c := command.UploadDocument{
			TenantID: b.tenant, DocumentID: document, Filename: "a", MimeType: "text/plain", Digest: digest,
			S3Path: command.StagingPath(b.tenant, document), By: by,
		}
		var three sync.WaitGroup
		three.Go(func() {
			if err := b.receive(t, n, turn, c); err != nil && !errors.Is(err, command.ErrConflict) {
				t.Error(err)
			}
		})
		if before != nil {
			three.Go(func() {
				_, err := b.app.DeleteDocument(t.Context(), b.meta(), command.DeleteDocument{TenantID: b.tenant, DocumentID: before.DocumentID, By: by})
				if err != nil && !errors.Is(err, command.ErrConflict) && !errors.Is(err, command.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		three.Go(func() {
			_, _ = b.app.DeleteFile(t.Context(), b.meta(), command.DeleteFile{TenantID: b.tenant, FileID: id}) // may well be refused
		})
		three.Wait()
		b.settle(t, id, fmt.Sprintf("tenants/%s/files/%d-%d", b.tenant, n, turn))
		before = &c
		if turn%3 == 2 { // nothing stands on it for a moment
			_, _ = b.app.DeleteDocument(t.Context(), b.meta(), command.DeleteDocument{TenantID: b.tenant, DocumentID: document, By: by})
			_, _ = b.app.DeleteFile(t.Context(), b.meta(), command.DeleteFile{TenantID: b.tenant, FileID: id})
			before = nil
		}
	}
}

// receive makes a document of the nth file of the race. Nothing removes objects
// meanwhile: those of a file that is ready are there.
func (b *testBundle) receive(t *testing.T, n, turn int, c command.UploadDocument) error {
	t.Helper()
	if !comesAtOnce(n, turn) {
		_, err := b.app.UploadDocument(t.Context(), b.meta(), c, nil)
		return err
	}
	store := func(ctx context.Context, key string) error {
		if !hasObjects(n) {
			return nil
		}
		return b.store.PutVerified(ctx, key, c.MimeType, bytesOf(n), c.Digest)
	}
	look := func(ctx context.Context, key string) error {
		if !hasObjects(n) {
			return nil
		}
		_, err := b.store.Head(ctx, key)
		return err
	}
	_, err := b.app.UploadAtOnce(t.Context(), b.meta(), c, store, look)
	return err
}

// settle brings received bytes to a key, as finishing a file does.
func (b *testBundle) settle(t *testing.T, id uuid.UUID, key string) {
	t.Helper()
	file, err := b.app.FileByID(t.Context(), b.tenant, id)
	if err != nil {
		t.Error(err)
		return
	}
	if file.Status != command.FileProcessing {
		return
	}
	_, err = b.app.StoreFile(t.Context(), b.meta(), command.StoreFile{
		TenantID: b.tenant, FileID: id, Staged: file.S3Path, S3Path: key,
	})
	if err != nil && !errors.Is(err, command.ErrConflict) {
		t.Error(err)
	}
}
