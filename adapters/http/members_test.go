package httpapi_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

func TestATenantIsRenamedAndClosed(t *testing.T) {
	w := setup(t)
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	tenant, id := ada.newTenant("Engines")
	w.join(ada, id, bob, events.RoleUser)

	key := header{"Idempotency-Key", uuid.NewString()}
	changed := ada.put(tenant, object{"name": "Engines and Sons"}, key).want(http.StatusOK)
	if changed.text("name") != "Engines and Sons" || changed.text("role") != "admin" || changed.json.Data["is_ready"] != true {
		t.Errorf("got %s", changed.raw)
	}
	if again := ada.put(tenant, object{"name": "Engines and Sons"}, key).want(http.StatusOK); string(again.raw) != string(changed.raw) {
		t.Errorf("a repetition was answered\n%s, before it was\n%s", again.raw, changed.raw)
	}
	ada.put(tenant, object{"name": "Other"}, key).wantError(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
	ada.put(tenant, object{"name": " "}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	ada.put(tenant, object{"name": "Late"}, header{"If-Match", `"1"`}).wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	ada.put(tenant, object{"name": "Engines and Sons"}, header{"If-Match", changed.header.Get("Etag")}).want(http.StatusOK)
	if got := ada.get(tenant).want(http.StatusOK); got.text("name") != "Engines and Sons" {
		t.Errorf("got %s", got.raw)
	}

	document := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated).text("id")
	bob.get(document).want(http.StatusOK)
	ada.delete(tenant).want(http.StatusNoContent)
	ada.get(tenant).want(http.StatusNotFound)
	ada.get(document).want(http.StatusNotFound)
	ada.delete(tenant).want(http.StatusNotFound)
	ada.upload(tenant, []part{file("b.pdf", "y")}).want(http.StatusNotFound)
	if listed := ada.get("/api/tenants").want(http.StatusOK).items(); len(listed) != 0 {
		t.Errorf("a closed tenant is listed: %v", listed)
	}
	w.until(func() bool { return bob.get(document).status == http.StatusNotFound }) // within a second, as is tested elsewhere
}

func TestMembersComeAndGo(t *testing.T) {
	w := setup(t)
	ada, bob, eve := w.newPerson("ada"), w.newPerson("bob"), w.newPerson("eve")
	tenant, _ := ada.newTenant("Engines")
	users := tenant + "/users"

	added := ada.post(users, object{"email": "BOB@example.org", "role": "viewer"}).want(http.StatusCreated)
	if added.text("user_id") != bob.id.String() || added.text("role") != "viewer" {
		t.Errorf("got %s", added.raw)
	}
	bob.get(tenant).want(http.StatusOK)
	ada.post(users, object{"user_id": bob.id, "role": "user"}).wantError(http.StatusConflict, "ALREADY_MEMBER")
	ada.post(users, object{"user_id": uuid.New(), "role": "user"}).wantError(http.StatusNotFound, "USER_NOT_FOUND")
	ada.post(users, object{"email": "nobody@example.org", "role": "user"}).wantError(http.StatusNotFound, "USER_NOT_FOUND")
	ada.post(users, object{"role": "user"}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	ada.post(users, object{"user_id": eve.id, "email": eve.email, "role": "user"}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	ada.post(users, object{"user_id": eve.id, "role": "owner"}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")

	bob.upload(tenant, []part{file("b.pdf", "b")}).want(http.StatusForbidden)
	ada.put(users+"/"+bob.id.String(), object{"role": "user"}).want(http.StatusOK)
	bob.upload(tenant, []part{file("b.pdf", "b")}).want(http.StatusCreated)
	ada.put(users+"/"+eve.id.String(), object{"role": "user"}).want(http.StatusNotFound)
	ada.put(users+"/"+ada.id.String(), object{"role": "user"}).wantError(http.StatusConflict, "LAST_ADMIN")
	ada.delete(users+"/"+ada.id.String()).wantError(http.StatusConflict, "LAST_ADMIN")

	for _, who := range []struct {
		asks   *person
		emails int
	}{{ada, 2}, {bob, 1}} {
		emails := 0
		for _, m := range who.asks.get(users).want(http.StatusOK).items() {
			if m["email"] != nil {
				emails++
			}
		}
		if emails != who.emails {
			t.Errorf("%s sees %d addresses, want %d", who.asks.email, emails, who.emails)
		}
	}
	if m := bob.get(users + "/" + ada.id.String()).want(http.StatusOK); m.text("first_name") != "ada" || m.json.Data["email"] != nil {
		t.Errorf("got %s", m.raw)
	}
	ada.get(users + "/" + eve.id.String()).want(http.StatusNotFound)

	bob.delete(users + "/" + ada.id.String()).want(http.StatusForbidden)
	bob.delete(users + "/" + bob.id.String()).want(http.StatusNoContent) // leaves
	bob.get(tenant).want(http.StatusNotFound)
	ada.delete(users + "/" + bob.id.String()).want(http.StatusNotFound)
}

func TestMembersInPages(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	for _, name := range []string{"one", "two", "three", "four"} {
		w.join(ada, id, w.newPerson(name), events.RoleViewer)
	}
	seen := map[any]bool{}
	pages := 0
	for path := tenant + "/users?limit=2"; path != ""; pages++ {
		page := ada.get(path).want(http.StatusOK)
		for _, m := range page.items() {
			seen[m["user_id"]] = true
		}
		path = ""
		if next, ok := page.json.Data["next_cursor"].(string); ok {
			path = tenant + "/users?limit=2&cursor=" + next
		}
	}
	if len(seen) != 5 || pages != 3 {
		t.Errorf("%d members on %d pages", len(seen), pages)
	}
}

func TestTwoAdminsRemovingEachOtherLeaveOne(t *testing.T) {
	w := setup(t)
	for range 5 {
		ada, bob := w.newPerson("ada"+uuid.NewString()), w.newPerson("bob"+uuid.NewString())
		tenant, id := ada.newTenant("Engines")
		w.join(ada, id, bob, events.RoleAdmin)
		var both sync.WaitGroup
		var answers [2]answer
		both.Go(func() { answers[0] = ada.delete(tenant + "/users/" + bob.id.String()) })
		both.Go(func() { answers[1] = bob.delete(tenant + "/users/" + ada.id.String()) })
		both.Wait()
		won := 0
		for _, a := range answers {
			if a.status == http.StatusNoContent {
				won++
			}
		}
		if won != 1 {
			t.Fatalf("%d of 2 went: %d %d", won, answers[0].status, answers[1].status)
		}
	}
}
