package httpapi_test

import (
	"net/http"
	"testing"
	"time"
)

func prefer(text string) header { return header{"Prefer", text} }

func TestAnswersWithoutBodiesOnRequest(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	minimal := prefer("return=minimal")
	bare := func(a answer, status int, applied string) answer {
		t.Helper()
		if a.want(status); len(a.raw) > 0 || a.header.Get("Preference-Applied") != applied || a.header.Get("Consistency-Token") == "" {
			t.Errorf("%v %q", a.header, a.raw)
		}
		return a
	}
	opened := bare(ada.post("/api/tenants", object{"name": "A"}, minimal), http.StatusCreated, "return=minimal")
	ada.get(opened.header.Get("Location")).want(http.StatusOK)
	made := bare(ada.upload(tenant, []part{file("a.pdf", "x")}, minimal), http.StatusCreated, "return=minimal")
	document := made.header.Get("Location")
	renamed := bare(ada.put(document, object{"filename": "b.pdf"}, minimal, ifMatch(made.tag())), http.StatusNoContent, "return=minimal")
	shown := ada.get(document, minimal).want(http.StatusOK)
	if shown.text("filename") != "b.pdf" || renamed.tag() == made.tag() {
		t.Errorf("%s, then %s: %s", made.tag(), renamed.tag(), shown.raw)
	}
	bare(ada.put("/api/users/me", object{"last_name": "King"}, minimal), http.StatusNoContent, "return=minimal")
	p := w.anonymous()
	registered := bare(p.post("/api/auth/register", object{
		"email": "eve@example.org", "first_name": "Eve", "last_name": "E", "password": "correct horse battery",
	}, minimal), http.StatusCreated, "return=minimal")
	if got := registered.header.Get("Location"); got != "/api/users/me" {
		t.Errorf("registered at %q", got)
	}
	ada.put(document, object{"filename": ""}, minimal).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	full := ada.put(document, object{"filename": "c.pdf"}, prefer("return=representation")).want(http.StatusOK)
	if full.text("filename") != "c.pdf" || full.header.Get("Preference-Applied") != "" {
		t.Errorf("%v %s", full.header, full.raw)
	}
}

func TestHowLongReadModelsAreWaitedFor(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	document := ada.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated).header.Get("Location")
	w.hold.Store(true)
	for preferences, applied := range map[string]string{
		"wait=1":                                "wait=1",
		"wait=0":                                "wait=0",
		"respond-async":                         "respond-async",
		"respond-async, wait=1":                 "respond-async, wait=1",
		"wait=0, return=minimal, respond-async": "respond-async, return=minimal, wait=0",
	} {
		begin := time.Now()
		a := ada.put(document, object{"filename": preferences}, prefer(preferences)).want(http.StatusAccepted)
		if got := a.header.Get("Preference-Applied"); got != applied {
			t.Errorf("%s: applied %q", preferences, got)
		}
		if took := time.Since(begin); took > 4*time.Second { // five are usual
			t.Errorf("%s took %v", preferences, took)
		}
	}
	w.hold.Store(false)
	// Who is willing to wait gets the whole answer, if it comes in time.
	a := ada.put(document, object{"filename": "b.pdf"}, prefer("respond-async, wait=60")).want(http.StatusOK)
	if got := a.header.Get("Preference-Applied"); got != "wait=60" {
		t.Errorf("applied %q", got)
	}
}

func TestPreferencesOverSeveralLines(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	lines := http.Header{"Prefer": {"wait=1", "return=minimal"}, "If-Match": {`"98"`, `*`}}
	ada.with(lines).put("/api/users/me", object{"last_name": "King"}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	lines["If-Match"] = []string{`"98"`, ada.get("/api/users/me").tag()}
	a := ada.with(lines).put("/api/users/me", object{"last_name": "King"}).want(http.StatusNoContent)
	if got := a.header.Get("Preference-Applied"); got != "return=minimal, wait=1" {
		t.Errorf("applied %q", got)
	}
}
