package notary_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/internal/s3test"
	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/proof"
)

func TestMain(m *testing.M) {
	s3test.ServeIfAsked()
	pgtest.Main(m)
}

// office is what notaries of one installation stand on.
type office struct {
	*postgres.Proofs

	pool   *pgxpool.Pool
	ledger *postgres.Ledger
	server *s3test.Server
	store  *s3.Store
	key    proof.Key
	logs   *logs

	mu   sync.Mutex
	sent []proof.Signed // to Kafka
}

func setup(t *testing.T) *office {
	t.Helper()
	o := &office{server: s3test.Start(t), logs: &logs{}}
	o.open(t, pgtest.Platform(t))
	var err error
	o.store, err = s3.New(t.Context(), s3.Config{
		Endpoint: o.server.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := proof.DrawKey()
	if err != nil {
		t.Fatal(err)
	}
	if o.key, err = proof.ParseKey(text); err != nil {
		t.Fatal(err)
	}
	if err := o.AddKey(t.Context(), o.key.Public()); err != nil {
		t.Fatal(err)
	}
	return o
}

// open stands the office on a main database.
func (o *office) open(t *testing.T, url string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	o.Proofs, o.pool, o.ledger = postgres.NewProofs(pool), pool, postgres.New(pool, postgres.Options{})
	t.Cleanup(o.ledger.Close)
}

// backUp returns the office as it will be once the main database is set back to what it
// is now.
func (o *office) backUp(t *testing.T) *office {
	t.Helper()
	restored := &office{server: o.server, store: o.store, key: o.key, logs: &logs{}}
	url := o.pool.Config().ConnString()
	restored.open(t, pgtest.Copy(t, url))
	o.open(t, url) // whose connections are cut off
	return restored
}

// config returns what a notary is made with that looks all the time.
func (o *office) config() notary.Config {
	return notary.Config{
		Ledgers: o.Proofs, Objects: o.store, Publish: o.publish, Signer: o.key,
		Every: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(o.logs, nil)), Rewritten: postgres.ErrRewritten,
		NotFound: s3.ErrNotFound, Differs: s3.ErrDiffers,
	}
}

func (o *office) publish(_ context.Context, list []proof.Signed) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, list...)
	return nil
}

// sends returns how often a checkpoint was sent to Kafka.
func (o *office) sends(ledger uuid.UUID, size int64) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sent {
		if s.Ledger == ledger && s.Size == size {
			n++
		}
	}
	return n
}

func always() bool { return true }

// work lets a notary work until the test, or the returned function, ends.
func work(t *testing.T, cfg notary.Config, valid func() bool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		notary.New(cfg).Run(ctx, valid)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// workUntil has a notary work until a ledger's checkpoint of so many events is published.
func (o *office) workUntil(t *testing.T, ledger uuid.UUID, size int64) {
	t.Helper()
	stop := work(t, o.config(), always)
	o.until(t, fmt.Sprintf("%d events are published", size), func() bool { return o.published(t, ledger, size) })
	stop()
}

// grow adds n events to a ledger.
func (o *office) grow(t *testing.T, ledger uuid.UUID, n int) {
	t.Helper()
	change := command.Change{Stream: events.Stream{Kind: events.KindDocument, ID: uuid.New()}}
	for i := range n {
		change.Events = append(change.Events, events.DocumentRenamed{Filename: fmt.Sprintf("%d.pdf", i)})
	}
	_, err := o.ledger.Append(t.Context(), command.Append{
		Ledger: ledger, Meta: command.Meta{ID: uuid.New(), Actor: uuid.New()}, Changes: []command.Change{change},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tamper does to the database what only a superuser can.
func (o *office) tamper(t *testing.T, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.Owner(t, o.pool.Config().ConnString()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), `set session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	tag, err := conn.Exec(t.Context(), sql, args...)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %v, %v", sql, tag, err)
	}
}

// until polls until so, which it asks first.
func (o *office) until(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline, ticker := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not in time: %s\n%s", what, o.logs)
		}
	}
}

// published reports whether a checkpoint of the given size is signed, and is
// everywhere where it belongs.
func (o *office) published(t *testing.T, ledger uuid.UUID, size int64) bool {
	t.Helper()
	signed, err := o.Checkpoint(t.Context(), ledger, size)
	if errors.Is(err, proof.ErrNotSigned) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := o.Unpublished(t.Context(), uuid.Nil, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range waiting {
		if w.Ledger == ledger && w.Size == size {
			return false
		}
	}
	kept, err := o.store.Read(t.Context(), notary.Key(ledger, size), 1<<16)
	if err != nil || !bytes.Equal(kept, signed.Note) || o.sends(ledger, size) == 0 {
		t.Errorf("the checkpoint of %d counts as published; kept as %q (%v), sent %d times", size, kept, err, o.sends(ledger, size))
	}
	return true
}

// latest returns the ledger's latest checkpoint in the object store.
func (o *office) latest(t *testing.T, ledger uuid.UUID) proof.Checkpoint {
	t.Helper()
	kept, err := o.store.Read(t.Context(), "audit/latest/"+ledger.String(), 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.ParseKeys(o.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	c, err := proof.OpenCheckpoint(kept, keys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// logs is a log that notaries write at once.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
