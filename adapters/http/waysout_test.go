package httpapi_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

func TestWhatBrowsersMayShow(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	for media, shown := range map[string]bool{
		"image/png": true, "application/pdf": true, "text/plain; charset=utf-8": true, "audio/mpeg": true, "video/mp4": true,
		"image/svg+xml": false, "IMAGE/SVG+XML; charset=utf-8": false, "text/html": false, "application/xhtml+xml": false,
		"application/octet-stream": false, "text/javascript": false, "text/xml": false,
	} {
		a := ada.rawText(tenant, "filename=a", media, header{"Content-Type", media}).want(http.StatusCreated)
		path := tenant + "/documents/" + a.text("id") + "/download"
		for query, want := range map[string]bool{"": false, "?inline=1": shown} {
			head, body := w.fetch(ada.get(path + query).want(http.StatusFound).header.Get("Location"))
			if got := strings.HasPrefix(head.Get("Content-Disposition"), "inline;"); got != want {
				t.Errorf("%s%s: %q", media, query, head.Get("Content-Disposition"))
			}
			if head.Get("Content-Type") != media || string(body) != media {
				t.Errorf("%s: %q, %q", media, head.Get("Content-Type"), body)
			}
		}
		ada.get(path+"?inline=yes").wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	}
}

func TestDownloadsInRangesAndHeads(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	path := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "0123456789")}).want(201).text("id") + "/download"
	type got struct {
		status int
		length int64
		ranges string
		body   string
	}
	ask := func(method, link, ranges string) got {
		request, err := http.NewRequestWithContext(t.Context(), method, link, nil)
		w.must(err)
		if ranges != "" {
			request.Header.Set("Range", ranges)
		}
		response, err := w.server.Client().Transport.RoundTrip(request)
		w.must(err)
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		w.must(err)
		return got{response.StatusCode, response.ContentLength, response.Header.Get("Content-Range"), string(body)}
	}
	some := ask(http.MethodGet, ada.get(path).want(302).header.Get("Location"), "bytes=2-4")
	if want := (got{http.StatusPartialContent, 3, "bytes 2-4/10", "234"}); some != want {
		t.Errorf("got %+v, want %+v", some, want)
	}
	link := ada.do(http.MethodHead, path, nil).want(http.StatusFound).header.Get("Location")
	if head := ask(http.MethodHead, link, ""); head.status != http.StatusOK || head.length != 10 {
		t.Errorf("got %+v", head)
	}
}

func TestArchives(t *testing.T) {
	w := setup(t)
	ada, viewer, stranger := w.newPerson("ada"), w.newPerson("viewer"), w.newPerson("stranger")
	tenant, id := ada.newTenant("Engines")
	w.join(ada, id, viewer, events.RoleViewer)
	var ids []string
	want := map[string]string{}
	for _, f := range []struct{ name, as, body string }{
		{"a.txt", "a.txt", "one"},
		{"A.TXT", "A (2).TXT", "two"},
		{"a.txt", "a (3).txt", ""},
		{"a:b?\u202e.txt", "a_b__.txt", "three"},
		{awkward, strings.ReplaceAll(awkward, `"`, "_"), strings.Repeat("x", 1<<20)},
	} {
		ids = append(ids, ada.upload(tenant, []part{field("filename", f.name), file("x", f.body)}).want(201).text("id"))
		want[f.as] = f.body
	}
	path := tenant + "/archive?ids=" + strings.Join(append(ids, ids[0]), ",")
	granted := func() (documents []string) {
		w.follow(id)
		query := "/audit?order=oldest&type=document.download_granted&actor=" + viewer.id.String()
		for _, e := range ada.get(tenant + query).want(http.StatusOK).items() {
			data, _ := e["data"].(map[string]any)
			documents = append(documents, fmt.Sprint(data["document_id"]))
		}
		return documents
	}
	looked := viewer.do(http.MethodHead, path, nil).want(http.StatusOK)
	if got := granted(); len(got) != 0 || len(looked.raw) != 0 || looked.header.Get("Content-Type") != "application/zip" {
		t.Errorf("HEAD answers %v, and hands out %v", looked.header, got)
	}
	a := viewer.get(path).want(http.StatusOK)
	if got := granted(); !slices.Equal(got, ids) {
		t.Errorf("the trail tells of %v, not of %v", got, ids)
	}
	archive, err := zip.NewReader(bytes.NewReader(a.raw), int64(len(a.raw)))
	w.must(err)
	if len(archive.File) != len(want) {
		t.Errorf("%d files, want %d", len(archive.File), len(want))
	}
	for _, f := range archive.File {
		body, err := f.Open()
		w.must(err)
		got, err := io.ReadAll(body) // checks the sum
		w.must(err)
		if text, ok := want[f.Name]; !ok || text != string(got) || f.Method != zip.Store {
			t.Errorf("%q: %d bytes, method %d", f.Name, len(got), f.Method)
		}
	}
	missing := uuid.NewString()
	refused := ada.get(tenant+"/archive?ids="+ids[0]+","+missing).wantError(http.StatusNotFound, "NOT_FOUND")
	if f := refused.json.Error.Details.Fields; len(f) != 1 || !strings.Contains(f[0].Message, missing) {
		t.Errorf("%s", refused.raw)
	}
	for _, bad := range []string{"", "?ids=", "?ids=x", "?ids=" + strings.Repeat("-", 36), "?ids=" + strings.Repeat(missing+",", 100) + missing} {
		ada.get(tenant+"/archive"+bad).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	}
	stranger.get(tenant + "/archive?ids=" + ids[0]).want(http.StatusNotFound)
	stranger.do(http.MethodHead, tenant+"/archive?ids="+ids[0], nil).want(http.StatusNotFound)
	w.anonymous().get(tenant + "/archive?ids=" + ids[0]).want(http.StatusUnauthorized)
}
