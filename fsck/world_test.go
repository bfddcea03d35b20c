package fsck_test

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/fsck"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/internal/s3test"
	"github.com/cartulary/cartulary/roles"
	"github.com/cartulary/cartulary/worker"
)

func TestMain(m *testing.M) {
	s3test.ServeIfAsked()
	dieIfAsked()
	pgtest.Main(m)
}

// world is real ledgers, databases and objects, with read models that follow.
type world struct {
	*testing.T

	url       string
	pool      *pgxpool.Pool
	app       *command.App
	store     *s3.Store
	worker    *worker.Worker
	databases *tenantdb.Provisioner
	cfg       config.Config
	ledger    *postgres.Ledger
	tenant    uuid.UUID
	admin     uuid.UUID
	by        command.Access
}

func setup(t *testing.T) *world {
	t.Helper()
	server := s3test.Start(t)
	w := &world{T: t, url: pgtest.Platform(t), admin: uuid.New()}
	w.by = command.Access{UserID: w.admin, Role: events.RoleAdmin}
	var err error
	w.pool, err = pgxpool.New(t.Context(), w.url)
	w.must(err)
	t.Cleanup(w.pool.Close)
	w.store, err = openStore(t.Context(), server.Endpoint)
	w.must(err)
	logger := slog.New(slog.DiscardHandler)
	w.cfg = config.Config{
		Database: config.Database{URL: w.url, PoolSize: 10},
		S3: config.S3{
			Endpoint: server.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
			Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
		},
	}
	ledger := postgres.New(w.pool, postgres.Options{})
	t.Cleanup(ledger.Close)
	w.ledger = ledger
	keys := postgres.NewPersonKeys(w.pool)
	w.app = command.NewApp(ledger, keys, []byte("key"))
	w.databases = tenantdb.NewProvisioner(w.pool)
	w.worker = worker.New(worker.Config{App: w.app, Databases: w.databases, Objects: w.store, NotFound: s3.ErrNotFound, Logger: logger})
	w.follow(ledger, keys, logger)
	_, err = w.app.RegisterUser(t.Context(), w.meta(), command.RegisterUser{
		UserID: w.admin, Email: "ada@example.org", FirstName: "Ada", LastName: "Lovelace",
	})
	w.must(err)
	w.tenant = w.newTenant()
	return w
}

// follow keeps read models up with the ledgers until the test ends.
func (w *world) follow(ledger *postgres.Ledger, keys *postgres.PersonKeys, logger *slog.Logger) {
	pools := tenantdb.New(tenantdb.Config{Platform: w.pool, MaxConns: 8})
	projector := tenantdb.NewProjector(tenantdb.ProjectorConfig{
		Pools: pools, Ledger: ledger, Keys: keys, Logger: logger,
		Heads: func(ctx context.Context, after uuid.UUID, limit int) ([]tenantdb.Head, error) {
			heads, err := ledger.Ledgers(ctx, after, limit)
			list := make([]tenantdb.Head, len(heads))
			for i, h := range heads {
				list[i] = tenantdb.Head(h)
			}
			return list, err
		},
		ScanEvery: 50 * time.Millisecond, Grace: 20 * time.Millisecond, FlushEvery: 5 * time.Millisecond,
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(w.Context()))
	var running sync.WaitGroup
	running.Go(func() { projector.Run(ctx) })
	w.Cleanup(func() { stop(); running.Wait(); pools.Close() })
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) meta() command.Meta { return command.Meta{ID: uuid.New(), Actor: w.admin} }

// newTenant makes a tenant with its database.
func (w *world) newTenant() uuid.UUID {
	w.Helper()
	id := w.unprovisioned()
	w.must(w.worker.Provision(w.Context(), id))
	return id
}

// unprovisioned makes a tenant, without its database.
func (w *world) unprovisioned() uuid.UUID {
	w.Helper()
	id := uuid.New()
	_, err := w.app.CreateTenant(w.Context(), w.meta(), command.CreateTenant{TenantID: id, Name: "Acme", Actor: w.admin})
	w.must(err)
	w.Cleanup(func() { w.must(w.databases.Drop(context.Background(), id)) })
	return id
}

// upload makes a document of a file that is being processed.
func (w *world) upload(text string) (document, file uuid.UUID) {
	w.Helper()
	document = uuid.New()
	key := command.StagingPath(w.tenant, document)
	digest, err := w.store.Put(w.Context(), key, "text/plain", bytes.NewReader([]byte(text)), 16<<20)
	w.must(err)
	_, err = w.app.UploadDocument(w.Context(), w.meta(), command.UploadDocument{
		TenantID: w.tenant, DocumentID: document, Filename: "a.txt", MimeType: "text/plain", Digest: digest, S3Path: key, By: w.by,
	}, nil)
	w.must(err)
	return document, command.FileID(w.tenant, digest)
}

// stored makes a document of a file that is ready. What was staged is removed.
func (w *world) stored(text string) (document, file uuid.UUID) {
	w.Helper()
	document, file = w.upload(text)
	w.finish(file)
	w.must(w.store.Delete(w.Context(), command.StagingPath(w.tenant, document)))
	return document, file
}

// finish has the worker act on all that happened to a file.
func (w *world) finish(file uuid.UUID) {
	w.Helper()
	trail, err := w.ledger.Read(w.Context(), w.tenant, 0, 1000)
	w.must(err)
	for _, m := range trail {
		r, err := events.Decode(m.Body)
		w.must(err)
		if r.Stream.ID == file {
			w.must(w.worker.Act(w.Context(), m))
		}
	}
}

func (w *world) file(id uuid.UUID) command.File {
	w.Helper()
	f, err := w.app.FileByID(w.Context(), w.tenant, id)
	w.must(err)
	return f
}

// write puts an object where it is.
func (w *world) write(key, text string) string {
	w.Helper()
	w.must(w.store.Replace(w.Context(), key, "text/plain", []byte(text)))
	return key
}

func (w *world) there(key string) bool {
	w.Helper()
	_, err := w.store.Head(w.Context(), key)
	return err == nil
}

// forge changes the tenant's read models behind everybody's back.
func (w *world) forge(sql string, args ...any) {
	w.Helper()
	cfg, err := pgx.ParseConfig(w.url)
	w.must(err)
	cfg.Database = events.DatabaseName(w.tenant)
	conn, err := pgx.ConnectConfig(w.Context(), cfg)
	w.must(err)
	defer func() { _ = conn.Close(context.WithoutCancel(w.Context())) }()
	_, err = conn.Exec(w.Context(), sql, args...)
	w.must(err)
}

// check compares, as a process of its own would, and returns what was found.
func (w *world) check(o roles.FsckOptions) (found []fsck.Finding) {
	w.Helper()
	o.Patience = cmp.Or(o.Patience, 10*time.Second)
	o.Found = func(f fsck.Finding) { found = append(found, f) }
	o.Unchecked = func(tenant uuid.UUID, err error) { w.Errorf("tenant %s could not be checked: %v", tenant, err) }
	o.Progress = func(fsck.Progress) {}
	logger := slog.New(slog.DiscardHandler)
	platform, err := roles.Open(w.Context(), w.cfg, roles.NewHints(nil, logger), logger)
	w.must(err)
	defer platform.Close()
	_, err = platform.Fsck(w.Context(), o)
	w.must(err)
	return found
}

// clean checks that nothing is found.
func (w *world) clean(o roles.FsckOptions) {
	w.Helper()
	for _, f := range w.check(o) {
		w.Errorf("%s of %s %s %s: %s", f.Kind, f.File, f.Document, f.Key, f.Detail)
	}
}

// bounded returns a context that is good in cleanups, too.
func (w *world) bounded() context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.Context()), time.Minute)
	w.Cleanup(cancel)
	return ctx
}
