package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// join makes a person a member of a tenant.
func (w *world) join(admin *person, tenant uuid.UUID, p *person, role events.Role) {
	w.t.Helper()
	_, err := w.app.AddMember(w.t.Context(), command.Meta{ID: uuid.New(), Actor: admin.id}, command.AddMember{
		TenantID: tenant, UserID: p.id, Role: role, Actor: admin.id,
	})
	w.must(err)
	w.follow(tenant)
}

func (w *world) expel(admin *person, tenant uuid.UUID, p *person) {
	w.t.Helper()
	_, err := w.app.RemoveMember(w.t.Context(), command.Meta{ID: uuid.New(), Actor: admin.id}, command.RemoveMember{
		TenantID: tenant, UserID: p.id, Actor: admin.id,
	})
	w.must(err)
	w.follow(tenant)
}

// A user changes own documents only, and nobody reaches a document of one tenant
// through another.
func TestDocumentsOfOthers(t *testing.T) {
	w := setup(t)
	admin, user, stranger := w.newPerson("admin"), w.newPerson("user"), w.newPerson("stranger")
	tenant, id := admin.newTenant("Own")
	foreign, _ := stranger.newTenant("Foreign")
	w.join(admin, id, user, events.RoleUser)
	of := func(p *person) string {
		return p.upload(tenant, []part{file("x.pdf", p.email)}).want(http.StatusCreated).text("id")
	}
	lent := of(admin)
	user.put(tenant+"/documents/"+lent, object{"filename": "stolen.pdf"}).want(http.StatusForbidden)
	user.delete(tenant + "/documents/" + lent).want(http.StatusForbidden)
	own := tenant + "/documents/" + of(user)
	user.put(own, object{"filename": "mine.pdf"}).want(http.StatusOK)
	user.delete(own).want(http.StatusNoContent)
	stranger.get(foreign + "/documents/" + lent).want(http.StatusNotFound)
	stranger.put(foreign+"/documents/"+lent, object{"filename": "stolen.pdf"}).want(http.StatusNotFound)
	stranger.delete(foreign + "/documents/" + lent).want(http.StatusNotFound)
}

func TestARemovedMemberIsOutWithinASecond(t *testing.T) {
	w := setup(t)
	admin, user := w.newPerson("admin"), w.newPerson("user")
	tenant, id := admin.newTenant("Own")
	w.join(admin, id, user, events.RoleUser)
	user.get(tenant).want(http.StatusOK)
	w.expel(admin, id, user) // by another process: this one is not told
	deadline := time.Now().Add(time.Second)
	for user.get(tenant).status != http.StatusNotFound {
		if time.Now().After(deadline) {
			t.Fatal("still in after a second")
		}
	}
}

func TestAnEndedSessionIsOutWithinASecond(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	claims, err := w.signer.ParseAccess(ada.access)
	w.must(err)
	ada.get("/api/users/me").want(http.StatusOK)
	_, err = w.pool.Exec(t.Context(), "update identity.sessions set revoked_at = now() where id = $1", claims.SessionID)
	w.must(err) // by another process
	deadline := time.Now().Add(1200 * time.Millisecond)
	for ada.get("/api/users/me").status != http.StatusUnauthorized {
		if time.Now().After(deadline) {
			t.Fatal("still in after a second")
		}
	}
}

func TestFieldsThatAreNotTheCallersToSet(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	document := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "x")}).want(201).text("id")
	for _, name := range []string{"id", "role", "created_by", "is_active", "tenant_id", "password_hash", "user_id", "database_name"} {
		ada.put("/api/users/me", object{"first_name": "A", name: "x"}).wantError(400, "VALIDATION_ERROR")
		ada.post("/api/tenants", object{"name": "A", name: "x"}).wantError(400, "VALIDATION_ERROR")
		ada.put(document, object{"filename": "a", name: "x"}).wantError(400, "VALIDATION_ERROR")
		ada.upload(tenant, []part{field(name, "x"), file("a.pdf", "x")}).wantError(400, "VALIDATION_ERROR")
	}
}

func TestPages(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	for i := range 5 {
		ada.upload(tenant, []part{file(fmt.Sprintf("%d.pdf", i), "x")}).want(http.StatusCreated)
	}
	var names []string
	for path := tenant + "/documents?limit=2"; path != ""; {
		page := ada.get(path).want(http.StatusOK)
		for _, item := range page.items() {
			name, _ := item["filename"].(string)
			names = append(names, name)
		}
		path = ""
		if next, ok := page.json.Data["next_cursor"].(string); ok {
			path = tenant + "/documents?limit=2&cursor=" + next
		}
	}
	if got := fmt.Sprint(names); got != "[4.pdf 3.pdf 2.pdf 1.pdf 0.pdf]" {
		t.Errorf("got %s", got)
	}
}
