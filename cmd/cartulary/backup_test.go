package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/apitest"
)

// A database that was set back to an earlier time is not served: what was published
// since holds more than it does.
func TestARestoredBackupIsNotServed(t *testing.T) {
	in := install(t)
	client := apitest.SignUp(t, in.base)
	tenant := client.CreateTenant(t)
	client.MustUpload(t, tenant, "before.txt", "text/plain", strings.NewReader("before"))
	in.signed(t, tenant)
	in.stopAll(t)
	backup := in.backUp(t)

	in.startAll(t)
	client.MustUpload(t, tenant, "after.txt", "text/plain", strings.NewReader("after"))
	in.signed(t, tenant)
	in.stopAll(t)
	if strings.Contains(in.logs.String(), "NOT WHAT WAS PUBLISHED") {
		t.Fatalf("an honest ledger is said to be none:\n%s", in.logs)
	}

	whole := in.env["DATABASE_URL"]
	in.env["DATABASE_URL"] = backup
	in.isNotServed(t, tenant)
	// Nor later, when something was added and a worker would sign and publish it.
	in.start(t, "worker")
	in.appendTo(t, tenant)
	const alarm = "notary: THE LEDGER IS NOT WHAT WAS SIGNED OR PUBLISHED BEFORE"
	in.await(t, func() bool { return strings.Contains(in.logs.String(), alarm) })
	if said := in.logs.String(); !strings.Contains(said, "were published; was the database set back to an earlier time?") {
		t.Errorf("it is not said what is wrong:\n%s", said)
	}
	in.isNotServed(t, tenant)
	in.stop(t, "worker")

	in.env["DATABASE_URL"] = whole
	in.start(t, "api")
	in.awaitReady(t)
}

// isNotServed expects that an API process finds that the tenant's ledger is behind what was
// published.
func (in *installation) isNotServed(t *testing.T, tenant uuid.UUID) {
	t.Helper()
	const alarm = "guard: A LEDGER IS NOT WHAT WAS PUBLISHED"
	before := strings.Count(in.logs.String(), alarm)
	in.start(t, "api")
	defer in.stop(t, "api")
	in.await(t, func() bool { return strings.Count(in.logs.String(), alarm) > before })
	if said := in.logs.String(); !strings.Contains(said, "ledger "+tenant.String()+" is not what was published") ||
		!strings.Contains(said, "it holds fewer; was the database set back to an earlier time?") {
		t.Errorf("it is not said what is wrong:\n%s", said)
	}
	answer, err := apitest.NewClient(t, in.base, &http.Transport{DisableKeepAlives: true}, "").Do(t.Context(), http.MethodGet, "/readyz", nil)
	if err != nil || answer.Status != http.StatusServiceUnavailable || !strings.Contains(answer.Text, `"trail"`) ||
		!strings.Contains(answer.Text, `"id":"`+tenant.String()+`"`) || !strings.Contains(answer.Text, "ledger "+tenant.String()) {
		t.Errorf("readyz: got %d %s, %v", answer.Status, answer.Text, err)
	}
}

// appendTo adds an event to a ledger, as a process would that takes commands.
func (in *installation) appendTo(t *testing.T, ledger uuid.UUID) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), in.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	l := postgres.New(pool, postgres.Options{})
	defer l.Close()
	_, err = l.Append(t.Context(), command.Append{
		Ledger: ledger, Meta: command.Meta{ID: uuid.New(), Actor: uuid.New()},
		Changes: []command.Change{{
			Stream: events.Stream{Kind: events.KindDocument, ID: uuid.New()}, Events: []events.Event{events.DocumentRenamed{Filename: "added.txt"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (in *installation) stopAll(t *testing.T) {
	t.Helper()
	for name := range in.roles {
		in.stop(t, name)
	}
}

func (in *installation) startAll(t *testing.T) {
	t.Helper()
	for _, name := range []string{"relay", "projector", "worker", "api"} {
		in.start(t, name)
	}
	in.awaitReady(t)
}

// backUp copies the main database, which nobody may use meanwhile, and returns the
// copy's URL.
func (in *installation) backUp(t *testing.T) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(in.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	name, from := "backup_"+strings.ReplaceAll(uuid.NewString(), "-", ""), cfg.Database
	cfg.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	exec(t, conn, `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '`+from+`' and pid <> pg_backend_pid()`)
	exec(t, conn, `create database `+name+` template `+from)
	return strings.Replace(in.env["DATABASE_URL"], from, name, 1)
}

// await polls until it is so.
func (in *installation) await(t *testing.T, so func() bool) {
	t.Helper()
	deadline, ticker := time.After(time.Minute), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("it does not come about:\n%s", in.logs)
		}
	}
}
