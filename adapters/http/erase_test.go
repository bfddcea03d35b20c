package httpapi_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/erasure"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// eraser is what the interface erases persons with.
func (w *world) eraser() *erasure.Eraser {
	return w.eraserOver(w.app)
}

func (w *world) eraserOver(app *command.App) *erasure.Eraser {
	return erasure.New(erasure.Config{
		App: app, Persons: persons{w.keys, w}, Logger: w.logger(),
		Forgotten: func(_ uuid.UUID, sessions []uuid.UUID) {
			for _, s := range sessions {
				w.sessions.Revoked(s)
			}
		},
	})
}

type persons struct {
	*postgres.PersonKeys

	w *world
}

func (p persons) Tenants(ctx context.Context, person uuid.UUID) (tenants []erasure.Tenant, err error) {
	list, err := query.TenantsOfUser(ctx, p.w.pool, person, query.Page{Limit: query.MaxLimit})
	for _, t := range list.Items {
		tenants = append(tenants, erasure.Tenant{ID: t.ID, Name: t.Name})
	}
	return tenants, err
}

// ForgetCopies: nobody rebuilds anything here.
func (persons) ForgetCopies(context.Context, uuid.UUID) error { return nil }

func (p *person) erase(password string) answer {
	p.w.t.Helper()
	return p.do(http.MethodDelete, "/api/users/me", p.json(object{"password": password}), header{"Content-Type", "application/json"})
}

// everywhere is all that the databases hold, as text.
func (w *world) everywhere(tenants ...uuid.UUID) string {
	w.t.Helper()
	ctx := context.Background()
	var all bytes.Buffer
	dump := func(db query.DB) {
		rows, err := db.Query(ctx, `select format('%I.%I', table_schema, table_name) from information_schema.tables
			where table_schema not in ('pg_catalog', 'information_schema')`)
		w.must(err)
		var tables []string
		for rows.Next() {
			var name string
			w.must(rows.Scan(&name))
			tables = append(tables, name)
		}
		w.must(rows.Err())
		for _, name := range tables {
			rows, err := db.Query(ctx, "select t::text, "+binaries(name)+" from "+name+" t")
			w.must(err)
			for rows.Next() {
				var text, bytes string
				w.must(rows.Scan(&text, &bytes))
				all.WriteString(text + bytes + "\n")
			}
			w.must(rows.Err())
		}
	}
	dump(w.pool)
	for _, id := range tenants {
		conn, release, err := w.pools.Tenant(ctx, id)
		w.must(err)
		dump(conn)
		release()
	}
	return all.String()
}

// binaries is the column in which a table holds bytes that may be text.
func binaries(table string) string {
	switch table {
	case "ledger.events":
		return "encode(body, 'escape')"
	case "ledger.commands":
		return "encode(outcome, 'escape')"
	default:
		return "''"
	}
}

func TestAnErasedPersonLeavesNoTrace(t *testing.T) {
	w := setup(t)
	admin, eve := w.newPerson("admin"), w.anonymous()
	eve.email, eve.password = "eve.the.unforgettable@example.org", "correct horse evelyn"
	registration := object{"email": eve.email, "first_name": "Unmistakable", "last_name": "Surname", "password": eve.password}
	made := eve.post("/api/auth/register", registration, header{"Idempotency-Key", "k"}).want(http.StatusCreated)
	eve.id = uuid.MustParse(made.text("id"))
	eve.login()
	eve.put("/api/users/me", object{"last_name": "Surname-Later"}, header{"Idempotency-Key", "l"}).want(http.StatusOK)
	tenant, id := admin.newTenant("Own")
	w.join(admin, id, eve, events.RoleUser)
	document := eve.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated).text("id")
	traces := []string{eve.email, "unforgettable", "Unmistakable", "Surname"}
	before := w.everywhere(id)
	for _, trace := range traces[:1] {
		if !bytes.Contains([]byte(before), []byte(trace)) {
			t.Fatalf("%q is not found while it is there: the search is no good", trace)
		}
	}

	eve.erase("not the password").wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
	eve.erase(eve.password).want(http.StatusNoContent)

	eve.get("/api/users/me").want(http.StatusUnauthorized)
	eve.post("/api/auth/refresh", object{"refresh_token": eve.refresh}).want(http.StatusUnauthorized)
	eve.post("/api/auth/login", object{"email": eve.email, "password": eve.password}).want(http.StatusUnauthorized)
	w.follow(id)
	after := w.everywhere(id)
	for _, trace := range traces {
		if i := bytes.Index([]byte(after), []byte(trace)); i >= 0 {
			t.Errorf("%q is still there: …%s", trace, after[max(0, i-200):i+50])
		}
	}
	if bytes.Contains([]byte(w.log.String()), []byte("unforgettable")) {
		t.Error("the log holds the address")
	}

	// What the person did stays, by somebody without a name.
	admin.get(tenant + "/documents/" + document).want(http.StatusOK)
	uploads := admin.get(tenant + "/audit?type=document.uploaded").want(http.StatusOK).items()
	if diff := cmp.Diff(map[string]any{"id": eve.id.String(), "name": nil}, uploads[0]["actor"]); diff != "" || uploads[0]["origin"] != nil {
		t.Errorf("actor (-want +got):\n%s\norigin %v", diff, uploads[0]["origin"])
	}
	// The address is free, and the old key with which it was registered means nothing.
	again := w.anonymous().post("/api/auth/register", registration, header{"Idempotency-Key", "m"}).want(http.StatusCreated)
	if again.text("id") == eve.id.String() {
		t.Error("the erased account came back")
	}
	_, err := w.app.AddMember(t.Context(), command.Meta{ID: uuid.New(), Actor: admin.id}, command.AddMember{
		TenantID: id, UserID: eve.id, Role: events.RoleUser, Actor: admin.id,
	})
	if err == nil {
		t.Error("an erased user joined a tenant")
	}
}

func TestTheOnlyAdminIsNotErased(t *testing.T) {
	w := setup(t)
	admin, other := w.newPerson("admin"), w.newPerson("other")
	_, first := admin.newTenant("First")
	_, second := admin.newTenant("Second")
	w.join(admin, second, other, events.RoleAdmin)
	refused := admin.erase(admin.password).wantError(http.StatusConflict, "CONFLICT")
	if !bytes.Contains(refused.raw, []byte(`"tenants":[{"id":"`+first.String()+`","name":"First"}]`)) {
		t.Errorf("got %s", refused.raw)
	}
	// Nothing has happened.
	admin.get("/api/tenants/" + second.String()).want(http.StatusOK)
	w.join(admin, first, other, events.RoleAdmin)
	admin.erase(admin.password).want(http.StatusNoContent)
	other.get("/api/tenants/" + first.String()).want(http.StatusOK)
}

// A process that dies between recording an erasure and destroying the key leaves it
// to the sweep.
func TestAnErasureIsFinishedByWhoeverComesNext(t *testing.T) {
	w := setup(t)
	eve := w.newPerson("eve")
	_, err := w.app.EraseUser(t.Context(), command.Meta{ID: uuid.New(), Actor: eve.id}, command.EraseUser{UserID: eve.id})
	w.must(err)
	w.follow(events.PlatformLedger)
	keys, err := w.keys.Keys(t.Context(), eve.id)
	w.must(err)
	if len(keys) != 1 {
		t.Fatal("there is no key to destroy")
	}
	w.must(w.eraser().Sweep(t.Context()))
	keys, err = w.keys.Keys(t.Context(), eve.id)
	w.must(err)
	if len(keys) != 0 {
		t.Error("the key is still there")
	}
	eve.get("/api/users/me").want(http.StatusUnauthorized)
	unfinished, err := w.keys.Unfinished(t.Context(), 10)
	w.must(err)
	if len(unfinished) > 0 {
		t.Errorf("unfinished: %v", unfinished)
	}
}
