package httpapi_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

func ifMatch(tags string) header { return header{"If-Match", tags} }

func ifNoneMatch(tags string) header { return header{"If-None-Match", tags} }

// storeFile does what the worker does once a file was verified.
func (w *world) storeFile(tenant, file uuid.UUID) {
	w.t.Helper()
	f, err := w.app.FileByID(w.t.Context(), tenant, file)
	w.must(err)
	_, err = w.app.StoreFile(w.t.Context(), command.Meta{ID: uuid.New()}, command.StoreFile{
		TenantID: tenant, FileID: file, Staged: f.S3Path, S3Path: f.S3Path + "-stored",
	})
	w.must(err)
	w.follow(tenant)
}

// tag returns an answer's entity tag, which must be a strong one.
func (a answer) tag() string {
	a.t.Helper()
	tag := a.header.Get("Etag")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		a.t.Fatalf("no strong entity tag: %q", tag)
	}
	return tag
}

func TestWhatTheClientHasIsNotSentAgain(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	document := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "x")}).want(201).text("id")
	for _, path := range []string{"/api/users/me", tenant, document} {
		first := ada.get(path).want(http.StatusOK)
		tag := first.tag()
		for _, have := range []string{tag, "W/" + tag, "*", `"nothing", ` + tag, `"a,b",W/"x" ,` + tag + ","} {
			again := ada.get(path, ifNoneMatch(have)).want(http.StatusNotModified)
			if len(again.raw) > 0 || again.tag() != tag || again.header.Get("Consistency-Token") == "" || again.header.Get("Content-Type") != "" {
				t.Errorf("%s with %s: %v %q", path, have, again.header, again.raw)
			}
		}
		for _, other := range []string{`"0"`, `W/"nothing"`, `"a,` + strings.Trim(tag, `"`) + `"`} {
			if again := ada.get(path, ifNoneMatch(other)).want(http.StatusOK); string(again.raw) != string(first.raw) {
				t.Errorf("%s with %s: %s", path, other, again.raw)
			}
		}
		for _, malformed := range []string{"3", `"3`, `"3" "4"`, `*, "3"`, `w/"3"`} {
			ada.get(path, ifNoneMatch(malformed)).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
		}
	}
	w.anonymous().get(document, ifNoneMatch("*")).want(http.StatusUnauthorized)
	w.newPerson("eve").get(document, ifNoneMatch("*")).want(http.StatusNotFound)
}

func TestTagsChangeWithWhatIsShown(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	made := ada.upload(tenant, []part{file("a.pdf", large())}).want(http.StatusCreated)
	document := made.header.Get("Location")
	shown := ada.get(document).want(http.StatusOK)
	if shown.tag() != made.tag() {
		t.Errorf("made as %s, shown as %s", made.tag(), shown.tag())
	}
	w.storeFile(id, uuid.MustParse(made.text("file_id")))
	filed := ada.get(document, ifNoneMatch(made.tag())).want(http.StatusOK)
	if filed.text("status") != "ready" || filed.tag() == made.tag() {
		t.Errorf("filed: %s %s", filed.tag(), filed.raw)
	}
	renamed := ada.put(document, object{"filename": "b.pdf"}, ifMatch(filed.tag())).want(http.StatusOK)
	if renamed.tag() == filed.tag() || ada.get(document).tag() != renamed.tag() {
		t.Errorf("renamed: %s", renamed.tag())
	}
	me := ada.get("/api/users/me").tag()
	ada.login() // shows nowhere in a profile
	changed := ada.put("/api/users/me", object{"last_name": "King"}, ifMatch(me)).want(http.StatusOK)
	if now := ada.get("/api/users/me").tag(); now != changed.tag() || now == me {
		t.Errorf("profile: %s, then %s, then %s", me, changed.tag(), now)
	}
	opened := ada.post("/api/tenants", object{"name": "More"}).want(http.StatusCreated)
	if got := ada.get(opened.header.Get("Location")).want(http.StatusOK); got.tag() != opened.tag() {
		t.Errorf("tenant: made as %s, shown as %s", opened.tag(), got.tag())
	}
}

func TestCommandsThatDoNotMatchAreRefused(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	made := ada.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated)
	document := made.header.Get("Location")
	before := head(w, id)
	name := object{"filename": "b.pdf"}
	for _, stale := range []string{`"2"`, `W/"1"`, "W/" + made.tag(), `"x"`, `"-1"`, `""`, `"0"`} {
		ada.put(document, name, ifMatch(stale)).wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		ada.delete(document, ifMatch(stale)).wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	}
	ada.put("/api/users/me", object{"last_name": "King"}, ifMatch(`"99"`)).wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	ada.put(document, name, ifMatch("1")).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	if now := head(w, id); now != before {
		t.Errorf("refused commands brought the ledger from %d to %d", before, now)
	}
	// What is wrong besides is said first.
	ada.put(document, object{"filename": "a/b"}, ifMatch(`"2"`)).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	ada.put(tenant+"/documents/"+uuid.NewString(), name, ifMatch("*")).wantError(http.StatusNotFound, "NOT_FOUND")
	ada.put(document, name, ifMatch(`"7", "1"`)).want(http.StatusOK)
	ada.put(document, object{"filename": "c.pdf"}, ifMatch("*"), key("k")).want(http.StatusOK)
	// A repetition gets the first answer, though the version has moved on by itself.
	again := ada.put(document, object{"filename": "c.pdf"}, ifMatch(`"2"`), key("k")).want(http.StatusOK)
	if again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("the repetition was not one")
	}
	ada.delete(document, ifMatch(again.tag())).want(http.StatusNoContent)
}

func TestOfManyWritersWithOneTagOneWins(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	made := ada.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated)
	document, tag := made.header.Get("Location"), made.tag()
	for range 5 {
		answers := make([]answer, 12)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = ada.put(document, object{"filename": uuid.NewString()}, ifMatch(tag)) })
		}
		wg.Wait()
		won := 0
		for _, a := range answers {
			if a.status == http.StatusOK {
				won++
				tag = a.tag()
				continue
			}
			a.wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		}
		if won != 1 {
			t.Fatalf("%d of %d won", won, len(answers))
		}
	}
}
