package identity_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/password"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/token"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/projections"
	"github.com/cartulary/cartulary/query"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	secret       = "a secret that is only good for tests, and long"
	goodPassword = "correct horse battery staple"
	home         = "192.0.2.1"
)

// world is a main database and the processes that work on it.
type world struct {
	t      *testing.T
	url    string
	pool   *pgxpool.Pool
	ledger *postgres.Ledger
	keys   *postgres.PersonKeys
	signer *token.Signer

	projected int64
}

// process is one process's use cases; nothing tells it what others do.
type process struct {
	*identity.Service

	app     *command.App
	revoked chan uuid.UUID
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, url: pgtest.Platform(t)}
	w.pool = w.connect()
	w.keys = postgres.NewPersonKeys(w.pool)
	var err error
	w.signer, err = token.New(token.Config{Secret: []byte(secret)})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) connect() *pgxpool.Pool {
	pool, err := pgxpool.New(w.t.Context(), w.url)
	w.must(err)
	w.t.Cleanup(pool.Close)
	return pool
}

// start starts one more process.
func (w *world) start(signer identity.Signer) process {
	w.t.Helper()
	pool := w.connect()
	w.ledger = postgres.New(pool, postgres.Options{})
	w.t.Cleanup(w.ledger.Close)
	secrets := postgres.NewSecrets(pool)
	emailKey, err1 := secrets.Secret(w.t.Context(), "email_claims")
	attemptKey, err2 := secrets.Secret(w.t.Context(), "login_attempts")
	hasher, err3 := password.New(password.Config{MemoryKiB: 64, Iterations: 1})
	w.must(errors.Join(err1, err2, err3))
	p := process{app: command.NewApp(w.ledger, postgres.NewPersonKeys(pool), emailKey), revoked: make(chan uuid.UUID, 100)}
	p.Service = identity.New(identity.Config{
		App: p.app, Accounts: accounts{pool}, Credentials: postgres.NewCredentials(pool), Sessions: postgres.NewSessions(pool),
		Passwords: hasher, Signer: signer, Attempts: postgres.NewAttempts(pool), AttemptKey: attemptKey,
		OnRevoked: func(session uuid.UUID) { p.revoked <- session },
	})
	return p
}

// accounts finds accounts in the read model.
type accounts struct{ pool *pgxpool.Pool }

func (a accounts) AccountByEmail(ctx context.Context, email string) (identity.Account, error) {
	return accountOf(query.UserByEmail(ctx, a.pool, email))
}

func (a accounts) AccountByID(ctx context.Context, user uuid.UUID) (identity.Account, error) {
	return accountOf(query.UserByID(ctx, a.pool, user))
}

func accountOf(u query.User, err error) (identity.Account, error) {
	if errors.Is(err, query.ErrNotFound) {
		return identity.Account{}, identity.ErrNotFound
	}
	return identity.Account{ID: u.ID, Active: u.IsActive, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName}, err
}

// project brings the read model up to date.
func (w *world) project() {
	w.t.Helper()
	ctx := w.t.Context()
	batch := projections.Batch{Ledger: events.PlatformLedger}
	var persons []uuid.UUID
	for _, r := range w.recorded() {
		if r.Seq > w.projected && r.Stream.Kind == events.KindUser {
			batch.Events, w.projected = append(batch.Events, r), r.Seq
			persons = append(persons, r.Stream.ID)
		}
	}
	var err error
	batch.Keys, err = w.keys.Keys(ctx, persons...)
	w.must(err)
	var writes projections.Writes
	for _, p := range projections.Platform() {
		if p.Reads(batch.Ledger) && p.Answers(events.KindUser) {
			w.must(writes.Project(p, batch))
		}
	}
	tx, err := w.pool.Begin(ctx)
	w.must(err)
	w.must(errors.Join(writes.Make(ctx, tx), tx.Commit(ctx)))
}

// recorded returns the platform's ledger.
func (w *world) recorded() []events.Recorded {
	w.t.Helper()
	messages, err := w.ledger.Read(w.t.Context(), events.PlatformLedger, 0, 100_000)
	w.must(err)
	list := make([]events.Recorded, len(messages))
	for i, m := range messages {
		list[i], err = events.Decode(m.Body)
		w.must(err)
	}
	return list
}

// types returns the names of the events after the first n.
func (w *world) types(n int) []events.Type {
	w.t.Helper()
	var list []events.Type
	for _, r := range w.recorded()[n:] {
		list = append(list, r.Type)
	}
	return list
}

func meta() command.Meta {
	return command.Meta{ID: uuid.New(), Origin: events.Origin{Address: home, UserAgent: "test"}}
}

func registration(email string) identity.Registration {
	return identity.Registration{Email: email, FirstName: "Ada", LastName: "Lovelace", Password: goodPassword, Address: home}
}

// registered opens an account that can sign in.
func (w *world) registered(p process, email string) uuid.UUID {
	w.t.Helper()
	made, err := p.Register(w.t.Context(), meta(), registration(email))
	w.must(err)
	w.project()
	return made.Value.ID
}

// signIn signs ada in.
func (w *world) signIn(p process) identity.SignedIn {
	w.t.Helper()
	in, err := p.Login(w.t.Context(), meta(), "ada@example.org", goodPassword, meta().Origin)
	w.must(err)
	return in
}

// within polls until ok, for at most d.
func within(d time.Duration, ok func() bool) bool {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(d); ; {
		if ok() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		<-ticker.C
	}
}
