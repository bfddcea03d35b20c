package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	cartulary "github.com/cartulary/cartulary"
	httpapi "github.com/cartulary/cartulary/adapters/http"
)

func withDocs(c *httpapi.Config) { c.Docs = true }

func TestTheContractIsNotShownUnlessAskedFor(t *testing.T) {
	w := setup(t)
	for _, path := range []string{"/docs", "/docs/", "/docs/start.js"} {
		w.anonymous().get(path).wantError(http.StatusNotFound, "NOT_FOUND")
	}
}

func TestTheFilesOfTheContractsPage(t *testing.T) {
	w := setup(t, withDocs)
	p := w.anonymous()
	for path, media := range map[string]string{
		"/docs": "text/html", "/docs/": "text/html", "/docs/start.js": "text/javascript", "/docs/swagger-ui.css": "text/css",
		"/docs/swagger-ui-bundle.js": "text/javascript", "/docs/favicon-32x32.png": "image/png",
	} {
		plain := p.get(path, header{"Accept-Encoding", "identity"}).want(http.StatusOK)
		if got := plain.header.Get("Content-Type"); !strings.HasPrefix(got, media) {
			t.Errorf("%s is %s", path, got)
		}
		if policy := plain.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %q", path, policy)
		}
		zipped := p.get(path, header{"Accept-Encoding", "gzip, br"}).want(http.StatusOK)
		unzipped := zipped.raw
		if zipped.header.Get("Content-Encoding") == "gzip" {
			r, err := gzip.NewReader(bytes.NewReader(zipped.raw))
			w.must(err)
			unzipped, err = io.ReadAll(r)
			w.must(err)
		}
		if len(plain.raw) == 0 || !bytes.Equal(unzipped, plain.raw) {
			t.Errorf("%s differs when it is zipped: %d and %d bytes", path, len(plain.raw), len(unzipped))
		}
		again := p.get(path, header{"Accept-Encoding", "identity"}, header{"If-None-Match", plain.header.Get("Etag")})
		if again.want(http.StatusNotModified); len(again.raw) > 0 {
			t.Errorf("%s: a body with 304", path)
		}
	}
	for _, path := range []string{"/docs/index.html", "/docs/..%2Fapi.go", "/docs/embed.go", "/docs/swagger-ui.css.gz"} {
		p.get(path).wantError(http.StatusNotFound, "NOT_FOUND")
	}
}

// browser returns a browser that takes commands.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium on the PATH; `make setup` installs it")
	return ""
}

// The page draws every operation of the contract, in a real browser that reaches
// nothing but this server, and breaks no rule of its own policy.
func TestABrowserShowsEveryOperation(t *testing.T) {
	w := setup(t, withDocs)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	// Without the sandbox, because tests may run as root.
	show := exec.CommandContext(ctx, browser(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--disable-background-networking", "--disable-component-update", "--no-first-run",
		"--virtual-time-budget=30000", "--enable-logging=stderr", "--dump-dom", w.server.URL+"/docs#/documents/uploadDocument")
	var page, console bytes.Buffer
	show.Stdout, show.Stderr = &page, &console
	if err := show.Run(); err != nil {
		t.Fatalf("%v\n%s", err, console.String())
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(cartulary.Contract()))
	w.must(err)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if id := `id="operations-` + operation.Tags[0] + "-" + operation.OperationID + `"`; !strings.Contains(page.String(), id) {
				t.Errorf("the page does not show %s %s", method, path)
			}
		}
	}
	if !strings.Contains(page.String(), "The bytes, at most") {
		t.Error("the page does not open the operation that the link names")
	}
	for line := range strings.Lines(console.String()) {
		if strings.Contains(line, ":CONSOLE") {
			t.Errorf("the browser complains: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("%d bytes of page\n%s", page.Len(), console.String())
	}
}
