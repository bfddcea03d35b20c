package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

const friend = "https://app.example.org"

func fromOrigin(origin string) header { return header{"Origin", origin} }

// varies reports whether caches are told that an answer depends on a header.
func (a answer) varies(name string) bool {
	return slices.ContainsFunc(a.header.Values("Vary"), func(line string) bool {
		return strings.Contains(strings.ToLower(line), strings.ToLower(name))
	})
}

func TestPagesOfAllowedOriginsOnly(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.AllowedOrigins = []string{friend, "http://localhost:5173"} })
	p := w.anonymous()
	asked := []header{{"Access-Control-Request-Method", "PUT"}, {"Access-Control-Request-Headers", "authorization,content-type,idempotency-key,if-match"}}
	for origin, allowed := range map[string]bool{
		friend: true, "http://localhost:5173": true, "https://evil.example.org": false, "http://app.example.org": false,
		"https://app.example.org:8443": false, "https://app.example.org.evil.com": false, "null": false, "https://xapp.example.org": false,
	} {
		preflight := p.do(http.MethodOptions, "/api/users/me", nil, append(asked, fromOrigin(origin))...).want(http.StatusNoContent)
		actual := p.get("/api/users/me", fromOrigin(origin)).want(http.StatusUnauthorized) // errors, too, can be read
		missing := p.get("/api/nothing", fromOrigin(origin)).want(http.StatusNotFound)
		want := ""
		if allowed {
			want = origin
		}
		for _, a := range []answer{preflight, actual, missing} {
			if got := a.header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s: allowed %q", origin, got)
			}
			if !a.varies("Origin") {
				t.Errorf("%s: Vary %v", origin, a.header.Values("Vary"))
			}
			if a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: credentials", origin)
			}
		}
		if exposed := actual.header.Get("Access-Control-Expose-Headers"); allowed != strings.Contains(strings.ToLower(exposed), "etag") ||
			allowed != strings.Contains(strings.ToLower(exposed), "consistency-token") {
			t.Errorf("%s: exposed %q", origin, exposed)
		}
		if methods := preflight.header.Get("Access-Control-Allow-Methods"); allowed != (methods == "PUT") {
			t.Errorf("%s: methods %q", origin, methods)
		}
	}
	trace := []header{fromOrigin(friend), {"Access-Control-Request-Method", "TRACE"}}
	if a := p.do(http.MethodOptions, "/api/users/me", nil, trace...); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a method that there is not was allowed")
	}
}

// A browser asks before it sends, and may read what a client of tus has to know.
func TestPagesMayResumeUploads(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.AllowedOrigins = []string{friend} })
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	upload := ada.beginTus(tenant, "a.pdf", 5)
	preflight := w.anonymous().do(http.MethodOptions, upload, nil, fromOrigin(friend), header{"Access-Control-Request-Method", "PATCH"},
		header{"Access-Control-Request-Headers", "authorization,content-type,tus-resumable,upload-checksum,upload-offset"}).want(http.StatusNoContent)
	if preflight.header.Get("Access-Control-Allow-Methods") != "PATCH" {
		t.Errorf("%v", preflight.header)
	}
	asked := ada.do(http.MethodHead, upload, nil, fromOrigin(friend)).want(http.StatusOK)
	exposed := strings.ToLower(asked.header.Get("Access-Control-Expose-Headers"))
	for _, name := range []string{"upload-offset", "upload-length", "upload-expires", "upload-document", "tus-resumable", "location"} {
		if !strings.Contains(exposed, name) {
			t.Errorf("%s is not exposed: %s", name, exposed)
		}
	}
}

func TestNoOriginsByDefault(t *testing.T) {
	w := setup(t)
	p := w.anonymous()
	p.do(http.MethodOptions, "/api/users/me", nil, fromOrigin(friend), header{"Access-Control-Request-Method", "GET"}).want(http.StatusNoContent)
	if a := p.get("/healthz", fromOrigin(friend)); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("any origin is allowed")
	}
}
