package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestFilesAreListedAndDeleted(t *testing.T) {
	s := newScene(setup(t))
	tenant := "/api/tenants/" + s.tenant.String()
	document, id := s.filed(s.tenant)
	_, second := s.filed(s.tenant)
	files := tenant + "/files"
	path := files + "/" + id.String()

	got := s.viewer.get(path).want(http.StatusOK)
	if got.json.Data["references"] != 1.0 || got.text("status") != "ready" || got.json.Data["version"] == nil {
		t.Errorf("got %s", got.raw)
	}
	s.viewer.get(path, header{"If-None-Match", got.header.Get("Etag")}).want(http.StatusNotModified)
	list := s.viewer.get(files + "?status=ready&total=true&limit=1").want(http.StatusOK)
	if items := list.items(); len(items) != 1 || items[0]["id"] != second.String() || list.json.Data["total"] != 2.0 {
		t.Errorf("got %s", list.raw)
	}
	md5 := got.text("md5_hash")
	if items := s.viewer.get(files + "?md5=" + md5).want(http.StatusOK).items(); len(items) != 1 || items[0]["id"] != id.String() {
		t.Errorf("by MD5: %v", items)
	}
	if items := s.viewer.get(files + "?status=processing").want(http.StatusOK).items(); len(items) != 0 {
		t.Errorf("processing: %v", items)
	}

	s.user.delete(path).want(http.StatusForbidden)
	s.admin.delete(path).wantError(http.StatusConflict, "FILE_REFERENCED")
	s.admin.delete(tenant + "/documents/" + document).want(http.StatusNoContent)
	s.admin.put(tenant+"/hold", object{"reason": "A case"}).want(http.StatusOK)
	s.admin.delete(path).wantError(http.StatusConflict, "LEGAL_HOLD")
	s.admin.delete(tenant + "/hold").want(http.StatusNoContent)
	s.admin.delete(path).want(http.StatusNoContent)
	s.admin.get(path).want(http.StatusNotFound)
	s.admin.delete(path).want(http.StatusNotFound)
	s.admin.delete(files + "/" + uuid.NewString()).want(http.StatusNotFound)

	processing := s.admin.upload(tenant, []part{file("p.pdf", large())}).want(http.StatusCreated)
	s.admin.delete(tenant + "/documents/" + processing.text("id")).want(http.StatusNoContent)
	s.admin.delete(files+"/"+processing.text("file_id")).wantError(http.StatusConflict, "CONFLICT")
}

func TestAFailedFileTellsWhyAndIsRetried(t *testing.T) {
	s := newScene(setup(t))
	tenant := "/api/tenants/" + s.tenant.String()
	document, id := s.failing(s.tenant, "the received bytes are gone")
	path := tenant + "/files/" + id.String()
	failed := s.viewer.get(path).want(http.StatusOK)
	shown := s.viewer.get(tenant + "/documents/" + document).want(http.StatusOK)
	listed := s.viewer.get(tenant + "/files?status=failed").want(http.StatusOK).items()
	renamed := s.admin.put(tenant+"/documents/"+document, object{"filename": "b.pdf"}).want(http.StatusOK)
	for where, why := range map[string]any{
		"file": failed.text("failure"), "document": shown.text("failure"), "list": listed[0]["failure"], "answer to a change": renamed.text("failure"),
	} {
		if why != "the received bytes are gone" {
			t.Errorf("%s: failed because of %q", where, why)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		s.viewer.do(method, tenant+"/documents/"+document+"/download", nil).want(http.StatusConflict)
	}
	s.viewer.retry(path).want(http.StatusForbidden)
	s.user.retry(path, header{"If-Match", `"1"`}).wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	key := header{"Idempotency-Key", uuid.NewString()}
	retried := s.user.retry(path, key, header{"If-Match", failed.header.Get("Etag")}).want(http.StatusOK)
	read := s.viewer.get(path).want(http.StatusOK)
	if retried.text("id") != id.String() || read.text("status") != "processing" || read.json.Data["failure"] != nil {
		t.Errorf("answered %s, read %s", retried.raw, read.raw)
	}
	for field, value := range read.json.Data {
		if retried.json.Data[field] != value {
			t.Errorf("%s: %v answered, %v read", field, retried.json.Data[field], value)
		}
	}
	s.user.retry(path).wantError(http.StatusConflict, "FILE_NOT_FAILED")
	s.failAgain(s.tenant, id, "another reason")
	if again := s.user.retry(path, key).want(http.StatusOK); string(again.raw) != string(retried.raw) {
		t.Errorf("the same key: %s, was %s", again.raw, retried.raw)
	}
	later := s.viewer.get(tenant + "/documents/" + document).want(http.StatusOK)
	if later.text("failure") != "another reason" || later.header.Get("Etag") == renamed.header.Get("Etag") {
		t.Errorf("failed again: %s, with tag %s", later.raw, later.header.Get("Etag"))
	}
	_, ready := s.filed(s.tenant)
	s.admin.retry(tenant+"/files/"+ready.String()).wantError(http.StatusConflict, "FILE_NOT_FAILED")
	s.admin.retry(tenant + "/files/" + uuid.NewString()).want(http.StatusNotFound)
}

// retry asks for a file to be verified once more.
func (p *person) retry(file string, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodPost, file+"/retry", nil, headers...)
}

func TestDocumentsAreFilteredAndOrdered(t *testing.T) {
	s := newScene(setup(t))
	tenant := "/api/tenants/" + s.tenant.String()
	documents := tenant + "/documents"
	for name, by := range map[string]*person{"Alpha report.pdf": s.admin, "beta REPORT.pdf": s.user, "gamma.pdf": s.user} {
		by.upload(tenant, []part{file(name, strings.Repeat(name, len(name)))}).want(http.StatusCreated)
	}
	names := func(query string) (list []string) {
		for path := documents + "?limit=2&" + query; path != ""; {
			page := s.viewer.get(path).want(http.StatusOK)
			for _, d := range page.items() {
				name, _ := d["filename"].(string)
				list = append(list, name)
			}
			path = ""
			if next, ok := page.json.Data["next_cursor"].(string); ok {
				path = documents + "?limit=2&" + query + "&cursor=" + url.QueryEscape(next)
			}
		}
		return list
	}
	for query, want := range map[string]string{
		"sort=filename":             "Alpha report.pdf|beta REPORT.pdf|gamma.pdf",
		"sort=-filename":            "gamma.pdf|beta REPORT.pdf|Alpha report.pdf",
		"sort=size":                 "gamma.pdf|beta REPORT.pdf|Alpha report.pdf",
		"name=report&sort=filename": "Alpha report.pdf|beta REPORT.pdf",
		"user_id=" + s.user.id.String() + "&sort=filename": "beta REPORT.pdf|gamma.pdf",
		"mime_type=application/pdf&sort=filename":          "Alpha report.pdf|beta REPORT.pdf|gamma.pdf",
		"mime_type=image/*":                                "",
		"from=2999-01-01T00:00:00Z":                        "",
		"to=2999-01-01T00:00:00Z&sort=filename":            "Alpha report.pdf|beta REPORT.pdf|gamma.pdf",
	} {
		if got := strings.Join(names(query), "|"); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	page := s.viewer.get(documents + "?limit=1&sort=filename&total=true").want(http.StatusOK)
	if page.json.Data["total"] != 3.0 {
		t.Errorf("got %s", page.raw)
	}
	cursor, _ := page.json.Data["next_cursor"].(string)
	s.viewer.get(documents+"?limit=1&sort=size&cursor="+url.QueryEscape(cursor)).wantError(http.StatusBadRequest, "INVALID_CURSOR")
	s.viewer.get(documents+"?sort=colour").wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	s.viewer.get(documents + "?from=yesterday").want(http.StatusBadRequest)
}

func TestADocumentsMetadataIsChanged(t *testing.T) {
	s := newScene(setup(t))
	document, _ := s.filed(s.tenant)
	path := "/api/tenants/" + s.tenant.String() + "/documents/" + document
	changed := s.admin.put(path, object{"filename": "b.txt", "mime_type": "text/plain"}).want(http.StatusOK)
	read := s.admin.get(path).want(http.StatusOK)
	for _, field := range []string{"filename", "mime_type", "status", "md5_hash", "updated_at"} {
		if changed.text(field) != read.text(field) {
			t.Errorf("%s: %s answered, %s read", field, changed.text(field), read.text(field))
		}
	}
	if changed.text("filename") != "b.txt" || changed.text("mime_type") != "text/plain" || changed.header.Get("Etag") != read.header.Get("Etag") {
		t.Errorf("got %s", changed.raw)
	}
	s.admin.put(path, object{"mime_type": "text"}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	s.admin.put(path, object{}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
}
