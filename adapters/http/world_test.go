package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/password"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/adapters/token"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/internal/s3test"
	"github.com/cartulary/cartulary/projections"
	"github.com/cartulary/cartulary/query"
)

func TestMain(m *testing.M) {
	s3test.ServeIfAsked()
	for _, media := range []string{"application/x-ndjson", "text/csv"} { // text, to who checks answers
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	pgtest.Exit(checkStatuses(os.Stderr, m.Run()))
}

const secret = "a secret that is only good for tests, and long"

// world is the platform around the interface: real PostgreSQL, real S3, and read
// models that follow the ledger whenever somebody waits for them.
type world struct {
	t      testing.TB
	pool   *pgxpool.Pool
	ledger *postgres.Ledger

	inFlight *postgres.InFlight

	keys    *postgres.PersonKeys
	app     *command.App
	pools   *tenantdb.Pools
	tenants *tenantdb.Provisioner
	store   *s3.Store

	objectServer *s3test.Server

	sessions *identity.Service
	signer   *token.Signer
	cfg      httpapi.Config
	api      *httpapi.API
	server   *httptest.Server
	log      *lines
	signing  *notary

	hold atomic.Bool // read models do not follow
	fail atomic.Bool // tenants' databases make handlers panic

	mu   sync.Mutex
	done map[string]int64 // by database and ledger
}

// lines collects a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// setup starts a world of the test's own.
func setup(t testing.TB, change ...func(*httpapi.Config)) *world {
	t.Helper()
	w := &world{t: t, log: &lines{}, done: map[string]int64{}}
	w.databases()
	w.objectStore()
	hasher, err := password.New(password.Config{MemoryKiB: 64, Iterations: 1})
	w.must(err)
	w.signer, err = token.New(token.Config{Secret: []byte(secret)})
	w.must(err)
	emailKey, err := postgres.NewSecrets(w.pool).Secret(t.Context(), "email_claims")
	w.must(err)
	w.app = command.NewApp(w.ledger, w.keys, emailKey)
	attemptKey, err := postgres.NewSecrets(w.pool).Secret(t.Context(), "login_attempts")
	w.must(err)
	w.sessions = identity.New(identity.Config{
		App: w.app, Accounts: accounts{w}, Credentials: postgres.NewCredentials(w.pool),
		Sessions: postgres.NewSessions(w.pool), Passwords: hasher, Signer: w.signer,
		Attempts: postgres.NewAttempts(w.pool), AttemptKey: attemptKey,
	})
	cfg := httpapi.Config{
		App: w.app, Identity: w.sessions, Databases: databases{w}, Objects: w.store, Awaiter: w, InFlight: w.inFlight, Keys: w.keys,
		Eraser: w.eraser(), Proofs: w.notary(), Head: w.ledger.Head,
		Logger:         w.logger(),
		NotProvisioned: tenantdb.ErrNotProvisioned, Demo: &demoTopic{},
	}
	for _, f := range change {
		f(&cfg)
	}
	w.cfg = cfg
	w.api, err = httpapi.New(cfg)
	w.must(err)
	w.server = httptest.NewServer(w.api.Handler())
	t.Cleanup(w.server.Close)
	return w
}

// another starts one more process on the same world, and returns its address.
func (w *world) another() string {
	w.t.Helper()
	cfg := w.cfg
	inFlight := postgres.NewInFlight(w.pool)
	w.t.Cleanup(inFlight.Close)
	cfg.InFlight = inFlight
	api, err := httpapi.New(cfg)
	w.must(err)
	server := httptest.NewServer(api.Handler())
	w.t.Cleanup(server.Close)
	return server.URL
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) databases() {
	var err error
	w.pool, err = pgxpool.New(context.Background(), pgtest.Platform(w.t))
	w.must(err)
	w.t.Cleanup(w.pool.Close)
	w.ledger = postgres.New(w.pool, postgres.Options{})
	w.t.Cleanup(w.ledger.Close)
	w.inFlight = postgres.NewInFlight(w.pool)
	w.t.Cleanup(w.inFlight.Close)
	w.keys = postgres.NewPersonKeys(w.pool)
	w.tenants = tenantdb.NewProvisioner(w.pool)
	w.pools = tenantdb.New(tenantdb.Config{Platform: w.pool, MaxConns: 8})
	w.t.Cleanup(w.pools.Close)
	w.t.Cleanup(w.dropTenants)
}

func (w *world) objectStore() {
	var err error
	w.objectServer = s3test.Start(w.t)
	w.store, err = s3.New(w.t.Context(), s3.Config{
		Endpoint: w.objectServer.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	})
	w.must(err)
}

// dropTenants removes the databases of tenants that the test made.
func (w *world) dropTenants() {
	w.pools.Close()
	for _, ledger := range w.ledgers() {
		if ledger == events.PlatformLedger {
			continue
		}
		if err := w.tenants.Drop(context.Background(), ledger); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) ledgers() []uuid.UUID {
	heads, err := w.ledger.Ledgers(context.Background(), uuid.Nil, 1000)
	w.must(err)
	var ids []uuid.UUID
	for _, h := range heads {
		ids = append(ids, h.Ledger)
	}
	return ids
}

// accounts finds accounts in the read model.
type accounts struct{ w *world }

func (a accounts) AccountByEmail(ctx context.Context, email string) (identity.Account, error) {
	return accountOf(query.UserByEmail(ctx, a.w.pool, email))
}

func (a accounts) AccountByID(ctx context.Context, user uuid.UUID) (identity.Account, error) {
	return accountOf(query.UserByID(ctx, a.w.pool, user))
}

func accountOf(u query.User, err error) (identity.Account, error) {
	if errors.Is(err, query.ErrNotFound) {
		return identity.Account{}, identity.ErrNotFound
	}
	return identity.Account{ID: u.ID, Active: u.IsActive, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName}, err
}

// databases hands out the read models.
type databases struct{ w *world }

func (d databases) Platform() query.DB { return d.w.pool }

func (d databases) Tenant(ctx context.Context, tenant uuid.UUID) (query.DB, func(), error) {
	if d.w.fail.Load() {
		panic("planted: secret-of-the-panic")
	}
	return d.w.pools.Tenant(ctx, tenant)
}

// Await implements httpapi.Awaiter: it brings the read models up to date itself.
func (w *world) Await(ctx context.Context, database string, ledger uuid.UUID, seq int64) error {
	if w.hold.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	w.follow(ledger) //nolint:contextcheck // what is begun is finished, whoever leaves
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done[database+ledger.String()] < seq {
		return fmt.Errorf("%s holds less than %d of %s", database, seq, ledger)
	}
	return nil
}

// follow projects what is new in a ledger, and does the worker's task for new
// tenants.
func (w *world) follow(ledger uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx := context.Background()
	for w.project(ctx, ledger) {
	}
}

func (w *world) project(ctx context.Context, ledger uuid.UUID) (more bool) {
	const platform = "saas_platform"
	after := w.done[platform+ledger.String()]
	messages, err := w.ledger.Read(ctx, ledger, after, 1000)
	w.must(err)
	if len(messages) == 0 {
		return false
	}
	batch := projections.Batch{Ledger: ledger}
	for _, m := range messages {
		r, err := events.Decode(m.Body)
		w.must(err)
		batch.Events = append(batch.Events, r)
	}
	last := messages[len(messages)-1].Seq
	if ledger != events.PlatformLedger {
		if batch.Events[0].Seq == 1 {
			w.must(w.tenants.Provision(ctx, ledger))
			_, err := w.app.MarkProvisioned(ctx, command.Meta{ID: uuid.New()}, ledger)
			w.must(err)
		}
		conn, release, err := w.pools.Tenant(ctx, ledger)
		w.must(err)
		w.apply(ctx, conn, projections.Tenant(), batch)
		_, err = conn.Exec(ctx, `insert into checkpoints values ($1, 'versions', $2)
			on conflict (ledger_id, projection) do update set seq = excluded.seq`, ledger, last)
		w.must(err)
		release()
		w.done[events.DatabaseName(ledger)+ledger.String()] = last
	}
	w.apply(ctx, w.pool, projections.Platform(), batch)
	w.done[platform+ledger.String()] = last
	return true
}

type beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

func (w *world) apply(ctx context.Context, db beginner, list []projections.Projection, b projections.Batch) {
	var persons []uuid.UUID
	for _, r := range b.Events {
		if r.Stream.Kind == events.KindUser {
			persons = append(persons, r.Stream.ID)
		}
	}
	var err error
	b.Keys, err = w.keys.Keys(ctx, persons...)
	w.must(err)
	var writes projections.Writes
	for _, p := range list {
		if !p.Reads(b.Ledger) {
			continue
		}
		own := b
		own.Events = slices.DeleteFunc(slices.Clone(b.Events), func(r events.Recorded) bool { return !p.Answers(r.Stream.Kind) })
		w.must(writes.Project(p, own))
	}
	w.must(pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return writes.Make(ctx, tx) }))
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// objects lists what lies in the store.
func (w *world) objects(prefix string) []string {
	w.t.Helper()
	var keys []string
	w.must(w.store.List(context.Background(), prefix, func(o s3.Object) error {
		keys = append(keys, o.Key)
		return nil
	}))
	return keys
}

// left returns what is under a prefix after uploads that broke off. A store that keeps
// what it got of them, at a time that nobody knows, has staging swept for that.
func (w *world) left(prefix string) []string {
	w.t.Helper()
	return slices.DeleteFunc(w.objects(prefix), func(key string) bool {
		return s3test.OwnProgram() && strings.Contains(key, "/incoming/")
	})
}

// fetch follows a download link.
func (w *world) fetch(link string) (http.Header, []byte) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, link, nil)
	w.must(err)
	response, err := w.server.Client().Transport.RoundTrip(request)
	w.must(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	w.must(err)
	return response.Header, body
}

const patience = 10 * time.Second

// until asks again and again.
func (w *world) until(done func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			w.t.Fatal("it did not come about")
		}
	}
}
