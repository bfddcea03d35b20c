package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/internal/s3test"
	"github.com/cartulary/cartulary/worker"
)

func TestMain(m *testing.M) {
	s3test.ServeIfAsked()
	pgtest.Main(m)
}

// testBundle is a worker over a real database and a real object store.
type testBundle struct {
	app    *command.App
	ledger *postgres.Ledger
	store  *s3.Store
	worker *worker.Patient
	pool   *pgxpool.Pool
	tenant uuid.UUID

	endpoint string // of the object store
	admin    uuid.UUID
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.Platform(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	server := s3test.Start(t)
	store, err := s3.New(t.Context(), s3.Config{
		Endpoint: server.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &testBundle{
		pool: pool, ledger: postgres.New(pool, postgres.Options{}), store: store, endpoint: server.Endpoint,
		tenant: uuid.New(), admin: uuid.New(),
	}
	t.Cleanup(b.ledger.Close)
	b.app = command.NewApp(b.ledger, postgres.NewPersonKeys(pool), []byte("key"))
	b.worker = b.workerOver(store)
	_, err = b.app.CreateTenant(t.Context(), b.meta(), command.CreateTenant{TenantID: b.tenant, Name: "Acme", Actor: b.admin})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// workerOver returns a worker on another store, which shares what was put off.
func (b *testBundle) workerOver(objects worker.Objects) *worker.Patient {
	w := worker.New(worker.Config{
		App: b.app, Databases: tenantdb.NewProvisioner(b.pool), Objects: objects, NotFound: s3.ErrNotFound,
		Logger: slog.New(slog.DiscardHandler),
	})
	return b.patient("worker", w.Act)
}

func (b *testBundle) patient(queue string, act func(context.Context, events.Message) error) *worker.Patient {
	return &worker.Patient{
		Queue: queue, Act: act, Deferrals: postgres.NewDeferrals(b.pool), Logger: slog.New(slog.DiscardHandler),
	}
}

func (b *testBundle) meta() command.Meta { return command.Meta{ID: uuid.New(), Actor: b.admin} }

// A file that was stored at once is nothing to work on.
func TestAFileThatWasStoredAtOnceIsLeftAlone(t *testing.T) {
	b := setup(t)
	data := []byte("some bytes")
	c := command.UploadDocument{
		TenantID: b.tenant, DocumentID: uuid.New(), Filename: "a.txt", MimeType: "text/plain",
		Digest: command.DigestOf(data), By: command.Access{UserID: b.admin, Role: events.RoleAdmin},
	}
	_, err := b.app.UploadAtOnce(t.Context(), b.meta(), c, func(ctx context.Context, key string) error {
		return b.store.PutVerified(ctx, key, c.MimeType, data, c.Digest)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := b.file(t, c.Digest)
	b.work(t)
	after := b.file(t, c.Digest)
	if after != before || after.Status != command.FileReady {
		t.Errorf("%+v became %+v", before, after)
	}
	if got, err := b.store.Verify(t.Context(), after.S3Path); err != nil || got != c.Digest {
		t.Errorf("%s holds %+v, %v", after.S3Path, got, err)
	}
}

// upload stages bytes and records them as a document, claiming that their digest
// is that of claimed.
func (b *testBundle) upload(t *testing.T, staged, claimed []byte) command.UploadDocument {
	t.Helper()
	id := uuid.New()
	c := command.UploadDocument{
		TenantID: b.tenant, DocumentID: id, Filename: "a.txt", MimeType: "text/plain",
		S3Path: command.StagingPath(b.tenant, id), By: command.Access{UserID: b.admin, Role: events.RoleAdmin},
	}
	var err error
	if c.Digest, err = b.store.Put(t.Context(), c.S3Path, c.MimeType, bytes.NewReader(claimed), 1<<20); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(staged, claimed) {
		if _, err := b.store.Put(t.Context(), c.S3Path, c.MimeType, bytes.NewReader(staged), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.app.UploadDocument(t.Context(), b.meta(), c, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// trail returns all messages of the tenant's ledger.
func (b *testBundle) trail(t *testing.T) []events.Message {
	t.Helper()
	messages, err := b.ledger.Read(t.Context(), b.tenant, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func (b *testBundle) file(t *testing.T, d command.Digest) command.File {
	t.Helper()
	f, err := b.app.FileByID(t.Context(), b.tenant, command.FileID(b.tenant, d))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWorkIsDoneOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := []byte("some bytes")
	c := b.upload(t, content, content)
	work := b.trail(t)
	for range 3 {
		if err := b.worker.Handle(t.Context(), work); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(b.trail(t)) - len(work); got != 2 {
		t.Errorf("%d events were added, want tenant.provisioned and file.stored", got)
	}
	f := b.file(t, c.Digest)
	if f.Status != command.FileReady {
		t.Errorf("the file is %s", f.Status)
	}
	if got, err := b.store.Verify(t.Context(), f.S3Path); err != nil || got != c.Digest {
		t.Errorf("under the final key lies %+v, %v", got, err)
	}
}

func TestWrongOrMissingBytesFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	altered := b.upload(t, []byte("other"), []byte("bytes"))
	missing := b.upload(t, []byte("gone"), []byte("gone"))
	if err := b.store.Delete(t.Context(), missing.S3Path); err != nil {
		t.Fatal(err)
	}
	if err := b.worker.Handle(t.Context(), b.trail(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []command.UploadDocument{altered, missing} {
		if f := b.file(t, c.Digest); f.Status != command.FileFailed {
			t.Errorf("a file with wrong bytes is %s", f.Status)
		}
	}
}

// staging and ledgers are the store and the ledger as the janitor sees them.
type staging struct{ *s3.Store }

func (s staging) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	return s.Store.List(ctx, prefix, func(o s3.Object) error {
		return found(worker.StagedObject{Key: o.Key, Modified: o.LastModified})
	})
}

type ledgers []uuid.UUID

func (l ledgers) Ledgers(context.Context, uuid.UUID, int) ([]uuid.UUID, error) { return l, nil }

// janitor returns one to whom read models show nothing.
func (b *testBundle) janitor(objects worker.Staging, tenants ...uuid.UUID) *worker.Janitor {
	return &worker.Janitor{
		App: b.app, Staging: objects, Ledgers: ledgers(tenants), Logger: slog.New(slog.DiscardHandler),
		Shown: func(context.Context, uuid.UUID, uuid.UUID) (string, error) { return "", nil },
	}
}

func TestTheJanitorRemovesWhatNoFileStandsOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	finished := b.upload(t, []byte("finished"), []byte("finished"))
	if err := b.worker.Handle(t.Context(), b.trail(t)); err != nil {
		t.Fatal(err)
	}
	waiting := b.upload(t, []byte("waiting"), []byte("waiting"))
	orphan := command.StagingPath(b.tenant, uuid.New())
	foreign := command.StagingPrefix(b.tenant) + "not-a-document"
	abandoned := command.DirectPrefix(b.tenant) + uuid.NewString()
	underWay := command.StagingPath(b.tenant, uuid.New())
	for _, key := range []string{abandoned + "-parts", underWay} {
		if _, err := b.store.BeginParts(t.Context(), key, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{orphan, foreign, abandoned} {
		if _, err := b.store.Put(t.Context(), key, "text/plain", bytes.NewReader(nil), 1); err != nil {
			t.Fatal(err)
		}
	}
	janitor := b.janitor(staging{b.store}, events.PlatformLedger, b.tenant)
	sweep := func(before time.Time, want int) {
		t.Helper()
		if got, err := janitor.Sweep(t.Context(), before); err != nil || got != want {
			t.Errorf("removed %d, %v; want %d", got, err, want)
		}
	}
	sweep(time.Now().Add(-time.Hour), 0)
	sweep(time.Now().Add(time.Hour), 3)
	sweep(time.Now().Add(time.Hour), 0)
	sweep(time.Now().Add(time.Minute+command.LongestUpload), 2) // what was under way for as long as it may be
	for key, want := range map[string]error{
		finished.S3Path: s3.ErrNotFound, orphan: s3.ErrNotFound, abandoned: s3.ErrNotFound, waiting.S3Path: nil, foreign: nil,
		b.file(t, finished.Digest).S3Path: nil,
	} {
		if _, err := b.store.Verify(t.Context(), key); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", key, err, want)
		}
	}
}
