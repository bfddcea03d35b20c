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

	processing := s.admin.upload(tenant, []part{file("p.pdf", uuid.NewString())}).want(http.StatusCreated)
	s.admin.delete(tenant + "/documents/" + processing.text("id")).want(http.StatusNoContent)
	s.admin.delete(files+"/"+processing.text("file_id")).wantError(http.StatusConflict, "CONFLICT")
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
