package projections_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/projections"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// histories is how many made-up histories are tried, and cuts in how many ways
// each of them is cut into batches.
const (
	histories = 6
	cuts      = 5
)

func TestRowsDoNotDependOnHowEventsAreBatched(t *testing.T) {
	platform, tenant := connect(t, pgtest.Platform(t)), connect(t, pgtest.Tenant(t))
	for seed := range uint64(histories) {
		users := newHistory(t, seed, events.PlatformLedger)
		users.platform(120)
		tenants := newHistory(t, seed+1000, uuid.MustParse("0192f0c1-7a58-7cc3-9d7e-2f4c6f0b9d85"))
		tenants.tenant(200, registered(users.list))
		var want string
		for cut := range uint64(cuts) {
			got := rows(t, platform, func(tx pgx.Tx) {
				project(t, tx, users, projections.Platform(), cut)
				project(t, tx, tenants, projections.Platform(), cut)
			}, "users", "tenants", "user_tenant_associations")
			got += rows(t, tenant, func(tx pgx.Tx) {
				project(t, tx, tenants, projections.Tenant(), cut)
			}, projections.TenantTables()...)
			if cut == 0 {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("history %d, cut %d (-by one +otherwise):\n%s", seed, cut, diff)
			}
		}
	}
}

// While a person is being erased the key is still there; when rows are rebuilt later
// it is gone. Either way they are the same.
func TestErasedPersonsLeaveTheSameRowsWithAndWithoutTheirKeys(t *testing.T) {
	platform := connect(t, pgtest.Platform(t))
	erased := 0
	for seed := range uint64(histories) {
		live := newHistory(t, seed, events.PlatformLedger)
		live.platform(120)
		rebuilt := *live
		rebuilt.keys = maps.Clone(live.keys)
		for _, id := range live.erased {
			delete(rebuilt.keys, id)
			erased += len(live.keys) - len(rebuilt.keys)
		}
		want := rows(t, platform, func(tx pgx.Tx) { project(t, tx, live, projections.Platform(), seed) }, "users")
		got := rows(t, platform, func(tx pgx.Tx) { project(t, tx, &rebuilt, projections.Platform(), seed+1) }, "users")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("history %d (-live +rebuilt):\n%s", seed, diff)
		}
	}
	if erased == 0 {
		t.Error("nobody whose key was there was erased: the histories are no good")
	}
}

func registered(list []events.Recorded) (users []uuid.UUID) {
	for _, r := range list {
		if r.Type == events.TypeUserRegistered {
			users = append(users, r.Stream.ID)
		}
	}
	return users
}

// project applies a history, cut into batches: the first cut is one event a batch,
// the second is one batch, others are at random.
func project(t *testing.T, tx pgx.Tx, h *history, list []projections.Projection, cut uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(cut, 1))
	for rest := h.list; len(rest) > 0; {
		n := 1
		switch cut {
		case 0:
		case 1:
			n = len(rest)
		default:
			n = 1 + random.IntN(min(len(rest), 90))
		}
		var writes projections.Writes
		for _, p := range list {
			if !p.Reads(h.ledger) {
				continue
			}
			if err := writes.Project(p, projections.Batch{Ledger: h.ledger, Events: rest[:n], Keys: h.keys}); err != nil {
				t.Fatal(err)
			}
		}
		if err := writes.Make(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
}

// rows returns the rows of tables after something was done, which it undoes.
func rows(t *testing.T, conn *pgx.Conn, do func(pgx.Tx), tables ...string) string {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	do(tx)
	var b strings.Builder
	for _, table := range tables {
		b.WriteString(table + "\n" + strings.Join(dump(t, tx, table), "\n") + "\n")
	}
	return b.String()
}

func dump(t *testing.T, tx pgx.Tx, table string) []string {
	t.Helper()
	r, _ := tx.Query(t.Context(), `select to_jsonb(x)::text from `+table+` x order by 1`)
	lines, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestErasedPersonsHavePlaceholders(t *testing.T) {
	conn := connect(t, pgtest.Platform(t))
	h := newHistory(t, 1, events.PlatformLedger)
	known, erased := uuid.UUID{0: 200, 15: 1}, uuid.UUID{0: 1, 15: 2}
	h.add(known, events.UserRegistered{Person: h.person(known, "ada@example.org")})
	h.add(erased, events.UserRegistered{Person: h.person(erased, "bob@example.org")})
	got := rows(t, conn, func(tx pgx.Tx) { project(t, tx, h, projections.Platform(), 1) },
		"(select email, first_name, last_name, is_active from users)")
	for _, want := range []string{
		`{"email": "ada@example.org", "is_active": true, "last_name": "Last", "first_name": "First ada@example.org"}`,
		`{"email": "erased-` + erased.String() + `@invalid", "is_active": false, "last_name": "erased", "first_name": "erased"}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no row %s in:\n%s", want, got)
		}
	}
}

// A batch fails if any of its events would fail alone: what comes after it in the
// batch does not cover it up.
func TestAProfileThatCantBeOpenedIsAnErrorWhateverFollows(t *testing.T) {
	id := uuid.UUID{0: 200}
	for name, following := range map[string]func(h *history) []events.Event{
		"nothing": func(*history) []events.Event { return nil },
		"another profile": func(h *history) []events.Event {
			return []events.Event{events.UserProfileChanged{Person: h.person(id, "countess@example.org")}}
		},
		"the person is erased": func(*history) []events.Event { return []events.Event{events.UserErased{}} },
		"a session":            func(*history) []events.Event { return []events.Event{events.UserLoggedOut{}} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t, 1, events.PlatformLedger)
			bad, err := events.Seal(events.NewKey(), id, events.Person{Email: "ada@example.org"})
			if err != nil {
				t.Fatal(err)
			}
			h.add(id, events.UserRegistered{Person: bad})
			for _, event := range append(following(h), events.UserPasswordChanged{}) {
				h.add(id, event)
			}
			h.person(id, "") // its key is there
			var writes projections.Writes
			if err := writes.Project(projections.Users(), projections.Batch{Ledger: h.ledger, Events: h.list, Keys: h.keys}); err == nil {
				t.Error("no error")
			}
		})
	}
}

// Every event is answered by some projection, or known to be none of any's.
func TestEveryEventIsSomebodys(t *testing.T) {
	all := append(projections.Platform(), projections.Tenant()...)
	for _, typ := range events.Types() {
		kind := events.KindOf(typ)
		answered := kind == events.KindEmail // claims are for commands to read
		for _, p := range all {
			answered = answered || p.Answers(kind)
		}
		if !answered {
			t.Errorf("no projection answers %s", typ)
		}
	}
}
