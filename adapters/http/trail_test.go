package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/events"
)

// types returns the event types of a page, and its cursor.
func (a answer) types() (types []string, next string) {
	a.t.Helper()
	for _, item := range a.items() {
		name, _ := item["type"].(string)
		types = append(types, name)
	}
	next, _ = a.json.Data["next_cursor"].(string)
	return types, next
}

// walk reads all pages of a list of events.
func (p *person) walk(path string) (types []string) {
	p.w.t.Helper()
	for cursor := ""; ; {
		page := path
		if cursor != "" {
			page += "&cursor=" + cursor
		}
		some, next := p.get(page).want(http.StatusOK).types()
		types = append(types, some...)
		if next == "" {
			return types
		}
		cursor = next
	}
}

// trailWorld is a tenant in which something has happened.
func trailWorld(t *testing.T) (w *world, admin, auditor *person, tenant, document string) {
	t.Helper()
	w = setup(t)
	admin, auditor = w.newPerson("admin"), w.newPerson("auditor")
	tenant, id := admin.newTenant("Own")
	w.join(admin, id, auditor, events.RoleAuditor)
	document = admin.upload(tenant, []part{file("=1+1.pdf", "x")}).want(http.StatusCreated).text("id")
	admin.put(tenant+"/documents/"+document, object{"filename": "b.pdf"}, header{"User-Agent", "=cmd|' /C calc'!A0"}).want(http.StatusOK)
	auditor.get(tenant + "/documents/" + document + "/download").want(http.StatusFound)
	admin.delete(tenant + "/documents/" + document).want(http.StatusNoContent)
	return w, admin, auditor, tenant, document
}

func TestTheTrailTellsEverything(t *testing.T) {
	w, admin, auditor, tenant, document := trailWorld(t)
	oldest := auditor.walk(tenant + "/audit?order=oldest&limit=3")
	want := []string{
		"tenant.created", "tenant.member_added", "tenant.provisioned", "tenant.member_added",
		"file.received", "file.stored", "file.referenced", "document.uploaded", "document.renamed",
		"document.download_granted", "document.deleted", "file.dereferenced",
	}
	if diff := cmp.Diff(want, oldest); diff != "" {
		t.Errorf("oldest first (-want +got):\n%s", diff)
	}
	newest := auditor.walk(tenant + "/audit?limit=4")
	slices.Reverse(newest)
	if diff := cmp.Diff(want, newest); diff != "" {
		t.Errorf("newest first, turned round (-want +got):\n%s", diff)
	}

	renamed := auditor.get(tenant + "/audit?type=document.renamed").want(http.StatusOK).items()[0]
	for member, want := range map[string]any{
		"seq": 9.0, "type": "document.renamed",
		"actor":  map[string]any{"id": admin.id.String(), "name": "admin Tester"},
		"stream": map[string]any{"kind": "document", "id": document, "version": 2.0},
		"origin": map[string]any{"address": "127.0.0.1", "user_agent": "=cmd|' /C calc'!A0"},
		"data":   map[string]any{"filename": "b.pdf", "previous": "=1+1.pdf"},
	} {
		if diff := cmp.Diff(want, renamed[member]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", member, diff)
		}
	}
	for _, member := range []string{"event_id", "at", "request_id", "command_id", "traceparent"} {
		if text, _ := renamed[member].(string); text == "" {
			t.Errorf("%s is %v", member, renamed[member])
		}
	}
	platform := auditor.get(tenant + "/audit?type=tenant.provisioned").want(http.StatusOK).items()[0]
	if platform["actor"] != nil || platform["origin"] != nil {
		t.Errorf("the platform's own act is by %v, from %v", platform["actor"], platform["origin"])
	}

	// Whose key is gone can't be located any more.
	w.must(w.keys.Delete(t.Context(), admin.id))
	renamed = auditor.get(tenant + "/audit?type=document.renamed").want(http.StatusOK).items()[0]
	if renamed["origin"] != nil {
		t.Errorf("from %v after the key is gone", renamed["origin"])
	}
}

func TestTheTrailIsFiltered(t *testing.T) {
	_, admin, auditor, tenant, document := trailWorld(t)
	at := func(index int) string {
		text, _ := auditor.get(tenant + "/audit?order=oldest").items()[index]["at"].(string)
		return url.QueryEscape(text)
	}
	for query, want := range map[string]string{
		"actor=" + auditor.id.String():                         "[document.download_granted]",
		"actor=" + admin.id.String() + "&type=file.received":   "[file.received]",
		"document=" + document:                                 "[document.uploaded document.renamed document.download_granted document.deleted]",
		"type=tenant.member_added":                             "[tenant.member_added tenant.member_added]",
		"type=nothing.such":                                    "[]",
		"from=" + at(9):                                        "[document.download_granted document.deleted file.dereferenced]",
		"to=" + at(2):                                          "[tenant.created tenant.member_added]",
		"from=" + at(8) + "&to=" + at(9):                       "[document.renamed]",
		"from=2100-01-01T00:00:00Z":                            "[]",
		"to=2000-01-01T00:00:00Z":                              "[]",
		"from=" + at(8) + "&document=" + document + "&limit=1": "[document.renamed document.download_granted document.deleted]",
	} {
		if got := fmt.Sprint(auditor.walk(tenant + "/audit?order=oldest&" + query)); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	for query, code := range map[string]string{
		"actor=x": "VALIDATION_ERROR", "document=x": "VALIDATION_ERROR", "type=*": "VALIDATION_ERROR", "order=x": "VALIDATION_ERROR",
		"format=x": "VALIDATION_ERROR", "limit=0": "VALIDATION_ERROR", "from=yesterday": "VALIDATION_ERROR",
		"to=2026-01-01": "VALIDATION_ERROR", "cursor=x": "INVALID_CURSOR", "format=csv&limit=1": "VALIDATION_ERROR",
	} {
		auditor.get(tenant+"/audit?"+query).wantError(http.StatusBadRequest, code)
	}
	// A cursor is good for its own list only.
	_, next := auditor.get(tenant + "/audit?limit=2").want(http.StatusOK).types()
	auditor.get(tenant + "/audit?limit=2&cursor=" + next).want(http.StatusOK)
	auditor.get(tenant+"/audit?order=oldest&cursor="+next).wantError(http.StatusBadRequest, "INVALID_CURSOR")
	auditor.get(tenant+"/audit?type=file.received&cursor="+next).wantError(http.StatusBadRequest, "INVALID_CURSOR")
	auditor.get(tenant+"/documents?cursor="+next).wantError(http.StatusBadRequest, "INVALID_CURSOR")
}

func TestTheTrailIsExported(t *testing.T) {
	w, _, auditor, tenant, _ := trailWorld(t)
	lines := auditor.get(tenant+"/audit?order=oldest", header{"Accept", "application/x-ndjson"}).want(http.StatusOK)
	if got := lines.header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("content type %s", got)
	}
	var types []string
	for scanner := bufio.NewScanner(bytes.NewReader(lines.raw)); scanner.Scan(); {
		var entry struct{ Type string }
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		types = append(types, entry.Type)
	}
	if diff := cmp.Diff(auditor.walk(tenant+"/audit?order=oldest&limit=200"), types); diff != "" {
		t.Errorf("lines (-pages +lines):\n%s", diff)
	}

	table := auditor.get(tenant + "/audit?format=csv&type=document.renamed").want(http.StatusOK)
	// Who took what along is in the trail itself.
	var exported []events.Event
	for _, r := range w.accesses(tenantID(tenant)) {
		if r.Type == events.TypeTrailExported && r.Actor == auditor.id {
			exported = append(exported, r.Event)
		}
	}
	if diff := cmp.Diff([]events.Event{
		events.TrailExported{Format: "ndjson"}, events.TrailExported{Filter: "type=document.renamed", Format: "csv"},
	}, exported); diff != "" {
		t.Errorf("exports on record (-want +got):\n%s", diff)
	}
	records, err := csv.NewReader(bytes.NewReader(table.raw)).ReadAll()
	if err != nil || len(records) != 2 {
		t.Fatalf("%d records, %v:\n%s", len(records), err, table.raw)
	}
	row := map[string]string{}
	for i, name := range records[0] {
		row[name] = records[1][i]
	}
	if row["type"] != "document.renamed" || row["origin_user_agent"] != "'=cmd|' /C calc'!A0" || row["actor_name"] != "admin Tester" {
		t.Errorf("got %v", row)
	}
	if _, err := time.Parse(time.RFC3339Nano, row["at"]); err != nil {
		t.Error(err)
	}
	for _, cell := range slices.Concat(records...) {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Errorf("a spreadsheet would compute %q", cell)
		}
	}
}

func TestADocumentsHistoryOutlivesIt(t *testing.T) {
	w, admin, auditor, tenant, document := trailWorld(t)
	viewer := w.newPerson("viewer")
	w.join(admin, tenantID(tenant), viewer, events.RoleViewer)
	path := tenant + "/documents/" + document + "/history"
	want := []string{
		"file.received", "file.stored", "file.referenced", "document.uploaded", "document.renamed",
		"document.download_granted", "document.deleted", "file.dereferenced",
	}
	for _, p := range []*person{admin, auditor, viewer} {
		if diff := cmp.Diff(want, p.walk(path+"?limit=2")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, item := range viewer.get(path).items() {
		if item["origin"] != nil {
			t.Errorf("a viewer is told where %v came from", item["type"])
		}
	}
	// Another document over the same bytes has a history of its own.
	second := admin.upload(tenant, []part{file("c.pdf", "x")}).want(http.StatusCreated).text("id")
	got := viewer.walk(tenant + "/documents/" + second + "/history?limit=50")
	if diff := cmp.Diff([]string{"file.received", "file.stored", "file.referenced", "document.uploaded"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	viewer.get(tenant+"/documents/"+tenantID(tenant).String()+"/history").wantError(http.StatusNotFound, "NOT_FOUND")
}
