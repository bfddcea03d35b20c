package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
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

// Every route of a tenant, each kind of caller, own, foreign, random and malformed
// tenants.
func TestAccessMatrix(t *testing.T) {
	w := setup(t)
	admin, user, viewer := w.newPerson("admin"), w.newPerson("user"), w.newPerson("viewer")
	auditor := w.newPerson("auditor")
	removed, stranger, nobody := w.newPerson("removed"), w.newPerson("stranger"), w.anonymous()
	tenant, id := admin.newTenant("Own")
	foreign, _ := stranger.newTenant("Foreign")
	w.join(admin, id, user, events.RoleUser)
	w.join(admin, id, viewer, events.RoleViewer)
	w.join(admin, id, auditor, events.RoleAuditor)
	w.join(admin, id, removed, events.RoleAdmin)
	removed.get(tenant).want(http.StatusOK) // the process has now seen the membership
	w.expel(admin, id, removed)
	w.api.MembershipChanged(removed.id, id)

	of := func(p *person) string {
		return p.upload(tenant, []part{file("x.pdf", p.email)}).want(http.StatusCreated).text("id")
	}
	routes := []struct {
		method, path string
		allowed      map[*person]int
	}{
		{"GET", "", map[*person]int{admin: 200, user: 200, viewer: 200, auditor: 200}},
		{"GET", "/documents", map[*person]int{admin: 200, user: 200, viewer: 200, auditor: 200}},
		{"POST", "/documents", map[*person]int{admin: 201, user: 201, viewer: 403, auditor: 403}},
		{"GET", "/documents/%s", map[*person]int{admin: 200, user: 200, viewer: 200, auditor: 200}},
		{"GET", "/documents/%s/download", map[*person]int{admin: 302, user: 302, viewer: 302, auditor: 302}},
		{"GET", "/documents/%s/history", map[*person]int{admin: 200, user: 200, viewer: 200, auditor: 200}},
		{"GET", "/documents/%s/receipt", map[*person]int{admin: 200, user: 200, viewer: 200, auditor: 200}},
		{"GET", "/audit/checkpoint", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 200}},
		{"GET", "/audit/inclusion?seq=1", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 200}},
		{"GET", "/audit/consistency?from=1", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 200}},
		{"GET", "/audit", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 200}},
		{"PUT", "/documents/%s/hold", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 403}},
		{"DELETE", "/documents/%s/hold", map[*person]int{admin: 404, user: 403, viewer: 403, auditor: 403}}, // there is none
		{"PUT", "/hold", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 403}},
		{"DELETE", "/hold", map[*person]int{admin: 204, user: 403, viewer: 403, auditor: 403}},
		{"PUT", "/documents/%s", map[*person]int{admin: 200, user: 403, viewer: 403, auditor: 403}},
		{"DELETE", "/documents/%s", map[*person]int{admin: 204, user: 403, viewer: 403, auditor: 403}},
	}
	call := func(p *person, method, path string) answer {
		switch method {
		case "POST":
			return p.upload(path[:len(path)-len("/documents")], []part{file("y.pdf", uuid.NewString())})
		case "PUT":
			if strings.HasSuffix(path, "/hold") {
				return p.put(path, object{"reason": "Case 1"})
			}
			return p.put(path, object{"filename": "renamed.pdf"})
		default:
			return p.do(method, path, nil)
		}
	}
	for _, r := range routes {
		for name, p := range map[string]*person{
			"admin": admin, "user": user, "viewer": viewer, "auditor": auditor, "removed": removed, "stranger": stranger, "nobody": nobody,
		} {
			t.Run(fmt.Sprintf("%s %s by %s", r.method, r.path, name), func(t *testing.T) {
				path := r.path
				if strings.Contains(path, "%s") {
					path = fmt.Sprintf(path, of(admin))
				}
				want, member := r.allowed[p]
				switch {
				case p == nobody:
					want = http.StatusUnauthorized
				case !member:
					want = http.StatusNotFound
				}
				call(p, r.method, tenant+path).want(want)

				elsewhere := http.StatusNotFound
				if p == nobody {
					elsewhere = http.StatusUnauthorized
				}
				random := call(p, r.method, "/api/tenants/"+uuid.NewString()+path).want(elsewhere)
				if p != stranger {
					if got := call(p, r.method, foreign+path).want(elsewhere); string(got.raw) != string(random.raw) {
						t.Errorf("foreign and random differ:\n%s\n%s", got.raw, random.raw)
					}
				}
				malformed := http.StatusBadRequest
				if p == nobody {
					malformed = http.StatusUnauthorized
				}
				call(p, r.method, "/api/tenants/malformed"+path).want(malformed)
			})
		}
	}

	own := tenant + "/documents/" + of(user)
	user.put(own, object{"filename": "mine.pdf"}).want(http.StatusOK)
	user.delete(own).want(http.StatusNoContent)
	// A document of one tenant is not found through another.
	lent := of(admin)
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
