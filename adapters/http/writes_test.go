package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

const consistencyToken = "Consistency-Token"

func TestEveryWriteIsReadBack(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	for n := 1; n <= 20; n++ {
		made := ada.upload(tenant, []part{file("a.pdf", uuid.NewString())}).want(http.StatusCreated)
		if items := ada.get(tenant + "/documents").items(); len(items) != n || items[0]["id"] != made.text("id") {
			t.Fatalf("after %d uploads: %d documents", n, len(items))
		}
		path := tenant + "/documents/" + made.text("id")
		name := uuid.NewString()
		ada.put(path, object{"filename": name}).want(http.StatusOK)
		if got := ada.get(path).text("filename"); got != name {
			t.Fatalf("stale name %q", got)
		}
	}
}

func TestReadModelsThatDoNotFollow(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.ProjectionWait = 30 * time.Millisecond })
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	document := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "x")}).want(201).text("id")

	w.hold.Store(true)
	renamed := ada.put(document, object{"filename": "b.pdf"}, key("k")).want(http.StatusAccepted)
	if renamed.text("filename") != "b.pdf" {
		t.Errorf("%s", renamed.raw)
	}
	token := header{consistencyToken, renamed.header.Get(consistencyToken)}
	if stale := ada.get(document).want(http.StatusOK).text("filename"); stale != "a.pdf" {
		t.Errorf("got %q from a read model that does not follow", stale)
	}
	for _, path := range []string{document, document + "/download", tenant + "/documents"} {
		a := ada.get(path, token).wantError(http.StatusServiceUnavailable, "NOT_CONSISTENT_YET")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	w.hold.Store(false)
	if got := ada.get(document, token).want(http.StatusOK); got.text("filename") != "b.pdf" || got.header.Get(consistencyToken) != token.value {
		t.Errorf("%s", got.raw)
	}
	// A repetition waits as well, and settles.
	again := ada.put(document, object{"filename": "b.pdf"}, key("k")).want(http.StatusOK)
	if string(again.raw) != string(renamed.raw) {
		t.Errorf("data differ:\n%s\n%s", again.raw, renamed.raw)
	}

	w.hold.Store(true)
	ada.put("/api/users/me", object{"last_name": "X"}).want(http.StatusAccepted)
	if a := ada.delete(document).want(http.StatusAccepted); len(a.json.Data) != 0 {
		t.Errorf("%s", a.raw)
	}
	ada.upload(tenant, []part{file("c.pdf", "y")}).want(http.StatusAccepted)
	w.hold.Store(false)
	w.follow(id)
}

func TestPreferRespondAsync(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	made := ada.upload(tenant, []part{file("a.pdf", "x")}, header{"Prefer", "respond-async"}).want(http.StatusAccepted)
	if made.header.Get("Preference-Applied") != "respond-async" {
		t.Error("no Preference-Applied")
	}
	token := header{consistencyToken, made.header.Get(consistencyToken)}
	ada.get(tenant+"/documents/"+made.text("id"), token).want(http.StatusOK)
}

func TestTokensOfOtherLedgers(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.ProjectionWait = 30 * time.Millisecond })
	ada, eve := w.newPerson("ada"), w.newPerson("eve")
	tenant, _ := ada.newTenant("Engines")
	other, _ := eve.newTenant("Others")
	foreign := header{consistencyToken, eve.upload(other, []part{file("a.pdf", "x")}).want(201).header.Get(consistencyToken)}
	w.hold.Store(true) // nothing that is waited for comes
	ada.get(tenant+"/documents", foreign).want(http.StatusOK)
	ada.get("/api/users/me", foreign).want(http.StatusServiceUnavailable)
	w.hold.Store(false)

	// A member of a tenant that this process has not heard of yet.
	async := ada.post("/api/tenants", object{"name": "New"}, header{"Prefer", "respond-async"}).want(http.StatusAccepted)
	path := "/api/tenants/" + async.text("id")
	ada.get(path).want(http.StatusNotFound)
	ada.get(path, header{consistencyToken, async.header.Get(consistencyToken)}).want(http.StatusOK)
}

func TestEveryAnswerCarriesAToken(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	for _, path := range []string{"/api/users/me", "/api/users/me/tenants", "/api/tenants", tenant, tenant + "/documents"} {
		token := ada.get(path).want(http.StatusOK).header.Get(consistencyToken)
		if token == "" {
			t.Errorf("%s: none", path)
			continue
		}
		ada.get(path, header{consistencyToken, token}).want(http.StatusOK)
	}
}
