package tenantdb_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

// world is a main database with ledgers, and what reads and writes them.
type world struct {
	testing.TB
	db    *pgxpool.Pool
	pools *tenantdb.Pools
	made  *tenantdb.Provisioner

	mu       sync.Mutex
	heads    map[uuid.UUID]int64
	versions map[uuid.UUID]int64
	clock    time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := platform(t)
	pools := tenantdb.New(tenantdb.Config{Platform: db, MaxConns: 20})
	t.Cleanup(pools.Close)
	return &world{
		TB: t, db: db, pools: pools, made: tenantdb.NewProvisioner(db),
		heads: make(map[uuid.UUID]int64), versions: make(map[uuid.UUID]int64),
		clock: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// projector starts a projector that runs until the test ends.
func (w *world) projector(change ...func(*tenantdb.ProjectorConfig)) *tenantdb.Projector {
	w.Helper()
	p, stop := w.start(change...)
	w.Cleanup(stop)
	return p
}

// start starts a projector that runs until stop is called.
func (w *world) start(change ...func(*tenantdb.ProjectorConfig)) (p *tenantdb.Projector, stop func()) {
	w.Helper()
	cfg := tenantdb.ProjectorConfig{
		Pools: w.pools, Ledger: w, Keys: w, Logger: slog.New(slog.DiscardHandler),
		FlushEvery: 5 * time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	p = tenantdb.NewProjector(cfg)
	ctx, cancel := context.WithCancel(w.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	return p, func() { cancel(); running.Wait() }
}

// looking has a projector look for what was left behind.
func (w *world) looking(c *tenantdb.ProjectorConfig) {
	c.Heads, c.ScanEvery, c.Grace = w.listHeads, 50*time.Millisecond, 20*time.Millisecond
}

// fact is an event of a stream.
type fact struct {
	stream uuid.UUID
	event  events.Event
}

// record appends facts to a ledger and returns them as messages.
func (w *world) record(ledger, actor uuid.UUID, facts ...fact) []events.Message {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]events.Message, len(facts))
	rows := make([][]any, len(facts))
	command := uuid.New()
	for i, f := range facts {
		w.heads[ledger]++
		w.versions[f.stream]++
		w.clock = w.clock.Add(time.Millisecond)
		data, err := events.EncodeData(f.event)
		if err != nil {
			w.Fatal(err)
		}
		r := events.Recorded{
			ID: uuid.New(), Ledger: ledger, Seq: w.heads[ledger],
			Stream:        events.Stream{Kind: events.KindOf(f.event.EventType()), ID: f.stream},
			StreamVersion: w.versions[f.stream], Type: f.event.EventType(),
			SchemaVersion: events.SchemaVersion(f.event.EventType()), Actor: actor, CommandID: command,
			RequestID: "request", At: w.clock, Data: data,
		}
		list[i] = message(r)
		rows[i] = []any{ledger, r.Seq, f.stream, r.StreamVersion, r.ID, string(r.Type), r.At, "", list[i].Body}
	}
	w.store(ledger, rows)
	return list
}

func (w *world) store(ledger uuid.UUID, rows [][]any) {
	w.Helper()
	_, err := w.db.CopyFrom(w.Context(), pgx.Identifier{"ledger", "events"}, []string{
		"ledger_id", "seq", "stream_id", "stream_version", "event_id", "type", "at", "traceparent", "body",
	}, pgx.CopyFromRows(rows))
	if err != nil {
		w.Fatal(err)
	}
	w.exec(`insert into ledger.heads values ($1, $2, now(), '')
		on conflict (ledger_id) do update set seq = excluded.seq`, ledger, w.heads[ledger])
}

func message(r events.Recorded) events.Message {
	return events.Message{
		ID: r.ID, Ledger: r.Ledger, Seq: r.Seq, StreamID: r.Stream.ID, Type: r.Type, At: r.At, Body: events.Encode(r),
	}
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.db.Exec(w.Context(), sql, args...); err != nil {
		w.Fatal(err)
	}
}

// tenantExec runs a statement in a tenant's own database.
func (w *world) tenantExec(tenant uuid.UUID, sql string) {
	w.Helper()
	conn, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	if _, err := conn.Exec(w.Context(), sql); err != nil {
		w.Fatal(err)
	}
}

// Read implements tenantdb.Ledger.
func (w *world) Read(ctx context.Context, ledger uuid.UUID, after int64, limit int) ([]events.Message, error) {
	rows, err := w.db.Query(ctx, `
		select event_id, ledger_id, seq, stream_id, type, at, traceparent, body
		from ledger.events where ledger_id = $1 and seq > $2 order by seq limit $3`, ledger, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[events.Message])
}

func (w *world) listHeads(ctx context.Context, after uuid.UUID, limit int) ([]tenantdb.Head, error) {
	rows, err := w.db.Query(ctx, `
		select ledger_id, seq from ledger.heads where ledger_id > $1 order by ledger_id limit $2`, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[tenantdb.Head])
}

// Keys implements tenantdb.Keys.
func (w *world) Keys(ctx context.Context, persons ...uuid.UUID) (events.Keys, error) {
	rows, err := w.db.Query(ctx, `select user_id, key from identity.person_keys where user_id = any($1)`, persons)
	if err != nil {
		return nil, err
	}
	keys := make(events.Keys)
	var (
		person uuid.UUID
		key    []byte
	)
	_, err = pgx.ForEachRow(rows, []any{&person, &key}, func() error {
		keys[person] = events.Key(key)
		return nil
	})
	return keys, err
}

// register records a new user.
func (w *world) register() (uuid.UUID, []events.Message) {
	w.Helper()
	id, key := uuid.New(), events.NewKey()
	w.exec(`insert into identity.person_keys (user_id, key) values ($1, $2)`, id, key[:])
	sealed, err := events.Seal(key, id, events.Person{Email: id.String() + "@example.org", FirstName: "Ada", LastName: "Lovelace"})
	if err != nil {
		w.Fatal(err)
	}
	return id, w.record(events.PlatformLedger, id,
		fact{id, events.UserRegistered{Person: sealed}}, fact{uuid.New(), events.EmailClaimed{UserID: id}})
}

// found records a new tenant of a user, and makes its database.
func (w *world) found(user uuid.UUID) (uuid.UUID, []events.Message) {
	w.Helper()
	id := uuid.New()
	if err := w.made.Provision(w.Context(), id); err != nil {
		w.Fatal(err)
	}
	return id, w.record(id, user, founding(id, user)...)
}

func founding(tenant, user uuid.UUID) []fact {
	return []fact{
		{tenant, events.TenantCreated{Name: "Engines", DatabaseName: events.DatabaseName(tenant)}},
		{tenant, events.MemberAdded{UserID: user, Role: events.RoleAdmin}},
		{tenant, events.TenantProvisioned{}},
	}
}

// upload returns the facts of an upload over a file of its own.
func upload(document uuid.UUID, name string) []fact {
	file := uuid.New()
	return []fact{
		{file, events.FileReceived{MD5: strings.Repeat("0", 32), SHA256: strings.Repeat("1", 64), S3Path: "incoming", Size: 7}},
		{file, events.FileReferenced{DocumentID: document}},
		{document, events.DocumentUploaded{FileID: file, Filename: name, MimeType: "text/plain"}},
	}
}

func rename(document uuid.UUID, name string) fact {
	return fact{document, events.DocumentRenamed{Filename: name}}
}

// apply has a projector apply messages.
func (w *world) apply(p *tenantdb.Projector, list ...[]events.Message) {
	w.Helper()
	if err := p.Apply(w.Context(), slices.Concat(list...)); err != nil {
		w.Fatal(err)
	}
}

// await waits until a database holds a ledger up to an event.
func (w *world) await(database string, ledger uuid.UUID, seq int64) {
	w.Helper()
	a := tenantdb.NewAwaiter(w.pools)
	defer a.Close()
	ctx, cancel := context.WithTimeout(w.Context(), 20*time.Second)
	defer cancel()
	if err := a.Await(ctx, database, ledger, seq); err != nil {
		w.Fatal(err)
	}
}

// awaitAll waits until all databases hold all of a ledger.
func (w *world) awaitAll(ledger uuid.UUID) {
	w.Helper()
	w.await(tenantdb.PlatformDatabase, ledger, w.heads[ledger])
	if ledger != events.PlatformLedger {
		w.await(events.DatabaseName(ledger), ledger, w.heads[ledger])
	}
}

// until waits for a condition.
func (w *world) until(what string, met func() bool) {
	w.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !met() {
		if time.Now().After(deadline) {
			w.Fatalf("never: %s", what)
		}
		select {
		case <-w.Context().Done():
			w.Fatal(w.Context().Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// names returns a tenant's documents, by name.
func (w *world) names(tenant uuid.UUID) []string {
	w.Helper()
	conn, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	rows, _ := conn.Query(w.Context(), `select filename::text from documents order by filename`)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.Fatal(err)
	}
	return names
}

// dump returns the rows of a tenant's own database and of the main database that
// follow from a ledger, as text.
func (w *world) dump(ledger uuid.UUID) string {
	w.Helper()
	var b strings.Builder
	if ledger == events.PlatformLedger {
		b.WriteString(dumpTables(w.TB, w.db, "users"))
		return b.String()
	}
	b.WriteString(dumpTables(w.TB, w.db, "tenants where id = '"+ledger.String()+"'",
		"user_tenant_associations where tenant_id = '"+ledger.String()+"'",
		"checkpoints where ledger_id = '"+ledger.String()+"'"))
	conn, release, err := w.pools.Tenant(w.Context(), ledger)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	b.WriteString(dumpTables(w.TB, conn, "tenant", "members", "files", "documents", "document_versions", "file_versions", "trail", "checkpoints"))
	return b.String()
}

func dumpTables(t testing.TB, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, tables ...string,
) string {
	t.Helper()
	var b strings.Builder
	for _, table := range tables {
		rows, _ := db.Query(t.Context(), "select to_jsonb(x)::text from (select * from "+table+") x order by 1")
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", cmp.Or(table, "?"), strings.Join(lines, "\n"))
	}
	return b.String()
}

func (w *world) count(tenant uuid.UUID, sql string) (n int64) {
	w.Helper()
	conn, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	if err := conn.QueryRow(w.Context(), sql).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// recordUnknown records an event of a type that this build does not know.
func (w *world) recordUnknown(ledger, actor, stream uuid.UUID) []events.Message {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heads[ledger]++
	w.versions[stream]++
	m := message(events.Recorded{
		ID: uuid.New(), Ledger: ledger, Seq: w.heads[ledger], Stream: events.Stream{Kind: events.KindDocument, ID: stream},
		StreamVersion: w.versions[stream], Type: "document.shredded", SchemaVersion: 1, Actor: actor,
		CommandID: uuid.New(), At: w.clock, Data: []byte(`{}`),
	})
	w.store(ledger, [][]any{{ledger, m.Seq, stream, w.versions[stream], m.ID, string(m.Type), m.At, "", m.Body}})
	return []events.Message{m}
}
