package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

func TestDocumentsAreShownAsTheyWere(t *testing.T) {
	s := newScene(setup(t))
	tenant := "/api/tenants/" + s.tenant.String()
	documents := tenant + "/documents"
	seqOf := func(path string) (seq int64) { // of the last event that the document tells of
		for _, e := range s.viewer.get(path + "/history?limit=200").want(http.StatusOK).items() {
			n, _ := e["seq"].(float64)
			seq = max(seq, int64(n))
		}
		return seq
	}
	first := s.admin.upload(tenant, []part{file("a.pdf", "the same bytes")}).want(http.StatusCreated)
	path := documents + "/" + first.text("id")
	uploaded := seqOf(path)
	between := time.Now()
	s.admin.put(path, object{"filename": "b.pdf"}).want(http.StatusOK)
	renamed := seqOf(path)
	s.admin.upload(tenant, []part{file("c.pdf", "other bytes")}).want(http.StatusCreated)
	s.admin.delete(path).want(http.StatusNoContent)

	at := func(path string, moment any) answer {
		return s.viewer.get(path + "?as_of=" + url.QueryEscape(fmt.Sprint(moment)))
	}
	then := at(path, uploaded).want(http.StatusOK)
	if then.text("filename") != "a.pdf" || then.text("sha256_hash") != first.text("sha256_hash") || then.text("status") != "ready" {
		t.Errorf("got %s", then.raw)
	}
	if moment, _ := then.json.Data["as_of"].(map[string]any); moment["sequence"] != float64(uploaded) || moment["at"] == nil {
		t.Errorf("as of %v, want event %d", moment, uploaded)
	}
	s.viewer.get(path+"?as_of="+strconv.FormatInt(uploaded, 10), header{"If-None-Match", then.header.Get("Etag")}).want(http.StatusNotModified)
	if got := at(path, renamed).want(http.StatusOK); got.text("filename") != "b.pdf" {
		t.Errorf("got %s", got.raw)
	}
	if got := at(path, between.Format(time.RFC3339Nano)).want(http.StatusOK); got.text("filename") != "a.pdf" {
		t.Errorf("got %s", got.raw)
	}
	at(path, uploaded-3).want(http.StatusNotFound)
	at(path, "0001-01-01T00:00:00Z").want(http.StatusNotFound)
	at(path, time.Now().Format(time.RFC3339Nano)).want(http.StatusNotFound)
	at(documents+"/"+uuid.NewString(), renamed).want(http.StatusNotFound)
	s.viewer.get(path).want(http.StatusNotFound)

	names := func(moment any) (names []string) {
		for _, d := range at(documents, moment).want(http.StatusOK).items() {
			name, _ := d["filename"].(string)
			names = append(names, name)
		}
		return names
	}
	for moment, want := range map[any]string{
		0: "[]", "0000-01-01T00:00:00+14:00": "[]", uploaded: "[a.pdf]", renamed: "[b.pdf]", renamed + 4: "[c.pdf b.pdf]",
		time.Now().UTC().Format(time.RFC3339Nano): "[c.pdf]",
	} {
		if got := fmt.Sprint(names(moment)); got != want {
			t.Errorf("as of %v: %s, want %s", moment, got, want)
		}
	}
}

// What happened up to a time is shown once the read models hold all of it: until then
// they would show what was not so.
func TestATimeIsShownWhenAllOfItIsHere(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.ProjectionWait = 50 * time.Millisecond })
	s := newScene(w)
	documents := "/api/tenants/" + s.tenant.String() + "/documents"
	document, _ := s.filed(s.tenant)
	path := documents + "/" + document
	between := time.Now()
	s.admin.put(path, object{"filename": "b.pdf"}).want(http.StatusOK)
	w.hold.Store(true)
	s.admin.put(path, object{"filename": "c.pdf"}).want(http.StatusAccepted)
	at := func(path string, moment time.Time) answer {
		return s.viewer.get(path + "?as_of=" + url.QueryEscape(moment.Format(time.RFC3339Nano)))
	}
	after := time.Now()
	at(path, after).wantError(http.StatusServiceUnavailable, "NOT_CONSISTENT_YET")
	at(documents, after).wantError(http.StatusServiceUnavailable, "NOT_CONSISTENT_YET")
	first := at(path, between).want(http.StatusOK) // something later is here, so that nothing can come before
	if first.text("filename") == "b.pdf" {
		t.Errorf("got %s", first.raw)
	}
	w.hold.Store(false)
	if got := at(path, after).want(http.StatusOK); got.text("filename") != "c.pdf" {
		t.Errorf("got %s", got.raw)
	}
	if got := at(path, between).want(http.StatusOK); string(got.raw) != string(first.raw) {
		t.Errorf("got %s, then %s", first.raw, got.raw)
	}
}

func TestTheFutureIsNotShown(t *testing.T) {
	s := newScene(setup(t))
	documents := "/api/tenants/" + s.tenant.String() + "/documents"
	s.filed(s.tenant)
	for _, moment := range []string{
		"1000000", "999999999999999999", "2999-01-01T00:00:00Z", "yesterday", "-1", "2026-02-30T00:00:00Z", "2026-01-01", "1e3",
	} {
		for _, path := range []string{documents, documents + "/" + uuid.NewString()} {
			refused := s.viewer.get(path+"?as_of="+moment).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
			if !strings.Contains(string(refused.raw), `"field":"as_of"`) {
				t.Errorf("as of %s: %s", moment, refused.raw)
			}
		}
	}
	s.stranger.get(documents + "?as_of=0").want(http.StatusNotFound)
}

func TestPagesOfOneMomentAreAskedForWithIt(t *testing.T) {
	s := newScene(setup(t))
	tenant := "/api/tenants/" + s.tenant.String()
	for i := range 3 {
		s.admin.upload(tenant, []part{file(strconv.Itoa(i), fmt.Sprint("bytes ", i))}).want(http.StatusCreated)
	}
	moment := url.QueryEscape(time.Now().Format(time.RFC3339Nano))
	list := tenant + "/documents?limit=2&total=true&as_of="
	first := s.viewer.get(list + moment).want(http.StatusOK)
	s.admin.upload(tenant, []part{file("later", "more bytes")}).want(http.StatusCreated)
	cursor, _ := first.json.Data["next_cursor"].(string)
	second := s.viewer.get(list + moment + "&cursor=" + cursor).want(http.StatusOK)
	if len(second.items()) != 1 || second.json.Data["total"] != 3.0 || fmt.Sprint(second.json.Data["as_of"]) != fmt.Sprint(first.json.Data["as_of"]) {
		t.Errorf("got %s after %s", second.raw, first.raw)
	}
	s.viewer.get(list+"1&cursor="+cursor).wantError(http.StatusBadRequest, "INVALID_CURSOR")
	s.viewer.get(tenant+"/documents?limit=2&cursor="+cursor).wantError(http.StatusBadRequest, "INVALID_CURSOR")
}
