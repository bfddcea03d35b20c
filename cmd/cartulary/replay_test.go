package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/apitest"
	"github.com/cartulary/cartulary/projections"
)

// connect opens a connection to the main database, or, with a tenant, to its own.
func (in *installation) connect(t *testing.T, tenant uuid.UUID) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(in.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	if tenant != uuid.Nil {
		cfg.Database = events.DatabaseName(tenant)
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// rows returns all rows of tables, as canonical text.
func rows(t *testing.T, conn *pgx.Conn, tables ...string) string {
	t.Helper()
	var b strings.Builder
	for _, table := range tables {
		list, _ := conn.Query(t.Context(), `select to_jsonb(x)::text from `+table+` x order by 1`)
		lines, err := pgx.CollectRows(list, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", table, strings.Join(lines, "\n"))
	}
	return b.String()
}

// models returns all rows of all read models.
func (in *installation) models(t *testing.T, tenant uuid.UUID) string {
	t.Helper()
	return rows(t, in.connect(t, uuid.Nil), projections.PlatformTables()...) +
		rows(t, in.connect(t, tenant), projections.TenantTables()...)
}

// operations returns what a ledger tells of operators' acts, in order.
func (in *installation) operations(t *testing.T, ledger uuid.UUID) []string {
	t.Helper()
	list, _ := in.connect(t, uuid.Nil).Query(t.Context(), `
		select convert_from(body, 'UTF8')::jsonb #>> '{data,detail}' from ledger.events
		where ledger_id = $1 and convert_from(body, 'UTF8')::jsonb ->> 'event_type' = 'operation.performed' order by seq`, ledger)
	details, err := pgx.CollectRows(list, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return details
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestReadModelsAreRebuiltFromEvents(t *testing.T) {
	in := install(t)
	client := apitest.SignUp(t, in.base)
	tenant := client.CreateTenant(t)
	for i := range 5 {
		client.MustUpload(t, tenant, fmt.Sprintf("%d.txt", i), "text/plain", strings.NewReader(fmt.Sprint("text ", i%3)))
	}
	must := func(args ...string) {
		t.Helper()
		if err := run(t.Context(), args, in.getenv, t.Output()); err != nil {
			t.Fatal(err)
		}
	}
	// While all roles run.
	for _, from := range []string{"audit.log", "ledger"} {
		must("drift", "--all", "--from", from)
		must("replay", "--all", "--from", from)
		client.MustUpload(t, tenant, "after "+from, "text/plain", strings.NewReader(from))
	}
	if listed := client.List(t, tenant); len(listed) != 7 {
		t.Errorf("%d documents, want 7", len(listed))
	}
	must("replay", "--tenant", tenant.String(), "--to", "shadow")
	// What was swapped or kept, and nothing else, is in the trail of whom it concerns.
	for ledger, want := range map[uuid.UUID]int{events.PlatformLedger: 2, tenant: 3} {
		replays := in.operations(t, ledger)
		if len(replays) != want || want > 2 && !strings.Contains(replays[2], "beside the live ones") || !strings.Contains(replays[0], "from audit.log up to event") ||
			!strings.HasSuffix(replays[1], ", 0 rows differed") {
			t.Errorf("trail of %s: %q", ledger, replays)
		}
	}

	// Without the ledger, and with live rows that are wrong: from audit.log alone.
	for _, name := range []string{"api", "worker", "relay", "projector"} {
		in.stop(t, name)
	}
	must("drift", "--all")
	want := in.models(t, tenant)
	main, own := in.connect(t, uuid.Nil), in.connect(t, tenant)
	exec(t, main, `alter table ledger.events disable trigger user;
		truncate ledger.events, ledger.heads, ledger.commands, ledger.outbox;
		alter table ledger.events enable trigger user;
		delete from user_tenant_associations`)
	exec(t, own, `update documents set filename = 'forged'`)
	var report strings.Builder
	if err := run(t.Context(), []string{"drift", "--all", "--from", "audit.log", "--json"}, in.getenv, &report); err == nil {
		t.Error("drift was not noticed")
	}
	var told struct {
		Differing int64 `json:"differing_rows"`
	}
	if err := json.Unmarshal([]byte(report.String()), &told); err != nil || told.Differing != 8 {
		t.Errorf("got %d, %v: %s", told.Differing, err, report.String())
	}
	if err := run(t.Context(), []string{"replay", "--all", "--from", "audit.log"}, in.getenv, t.Output()); err == nil {
		t.Error("what differs was swapped")
	}
	must("replay", "--all", "--from", "audit.log", "--force")
	// Recording it would begin a second history.
	if replays := append(in.operations(t, tenant), in.operations(t, events.PlatformLedger)...); len(replays) > 0 {
		t.Errorf("ledgers that lost their events go on with %q", replays)
	}
	if diff := cmp.Diff(want, in.models(t, tenant)); diff != "" {
		t.Errorf("read models (-before +rebuilt):\n%s", diff)
	}

	// Even the tables are gone, and nothing in the main database tells of tenants.
	exec(t, main, `drop table ledger.events, ledger.heads, ledger.commands, ledger.outbox cascade;
		truncate checkpoints, tenants, user_tenant_associations`)
	exec(t, own, `update documents set filename = 'forged'`)
	must("replay", "--all", "--from", "audit.log", "--force", "--wait", "1s")
	if diff := cmp.Diff(want, in.models(t, tenant)); diff != "" {
		t.Errorf("read models (-before +rebuilt without the ledger's tables):\n%s", diff)
	}
}

func TestReplayCommandLine(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	for _, name := range []string{"replay", "drift"} {
		var help strings.Builder
		if err := run(t.Context(), []string{name, "--help"}, none, &help); err != nil || !strings.Contains(help.String(), "-tenant ID") {
			t.Errorf("got %v, %q", err, help.String())
		}
		for _, args := range [][]string{
			nil,
			{"--all", "--platform"},
			{"--tenant", "x"},
			{"--all", "--from", "kafka"},
			{"--all", "more"},
			{"--all", "--nothing"},
			{"--all", "--to", "nowhere"},
		} {
			if err := run(t.Context(), append([]string{name}, args...), none, io.Discard); err == nil {
				t.Errorf("%s %v was accepted", name, args)
			}
		}
	}
}
