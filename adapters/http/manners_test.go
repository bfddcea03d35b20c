package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestErrorsInBothShapes(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	for name, ask := range map[string]func(h ...header) answer{
		"no such route":  func(h ...header) answer { return ada.get("/api/nothing", h...) },
		"no such method": func(h ...header) answer { return ada.do("PATCH", "/api/users/me", nil, h...) },
		"not signed in":  func(h ...header) answer { return w.anonymous().get("/api/users/me", h...) },
		"no such thing":  func(h ...header) answer { return ada.get(tenant+"/documents/"+uuid.NewString(), h...) },
		"bad fields":     func(h ...header) answer { return ada.put("/api/users/me", object{"last_name": "", "x": 1}, h...) },
		"bad parameter":  func(h ...header) answer { return ada.get("/api/tenants?limit=0", h...) },
		"too large": func(h ...header) answer {
			return ada.put("/api/users/me", `{"last_name":"`+strings.Repeat("x", 1<<20)+`"}`, h...)
		},
		"media type": func(h ...header) answer { return ada.do("PUT", "/api/users/me", nil, h...) },
		"no match": func(h ...header) answer {
			return ada.put("/api/users/me", object{"last_name": "X"}, append(h, ifMatch(`"99"`))...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			enveloped, told := ask(), ask(header{"Accept", "application/problem+json"})
			if got := told.header.Get("Content-Type"); got != "application/problem+json" {
				t.Fatalf("Content-Type %q: %s", got, told.raw)
			}
			var problem struct {
				Type, Title, Detail, Code string
				Status                    int
				Details                   json.RawMessage
			}
			var envelope struct {
				Error struct {
					Code, Message string
					Details       json.RawMessage
				}
			}
			w.must(json.Unmarshal(told.raw, &problem))
			w.must(json.Unmarshal(enveloped.raw, &envelope))
			if problem.Code != envelope.Error.Code || problem.Detail != envelope.Error.Message ||
				string(problem.Details) != string(envelope.Error.Details) {
				t.Errorf("they differ:\n%s\n%s", told.raw, enveloped.raw)
			}
			if problem.Type != "about:blank" || problem.Status != enveloped.status || told.status != enveloped.status ||
				problem.Title != http.StatusText(told.status) {
				t.Errorf("%d: %s", told.status, told.raw)
			}
			for _, a := range []answer{enveloped, told} {
				if !strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Accept") {
					t.Error("caches are not told that it depends on Accept")
				}
			}
		})
	}
}

func TestHeadWorksWhereGetDoes(t *testing.T) {
	w := setup(t, withDocs)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	document := ada.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated).header.Get("Location")
	for path, status := range map[string]int{
		"/healthz": 200, "/swagger.yaml": 200, "/docs": 200, "/api/users/me": 200, "/api/tenants": 200, tenant: 200, tenant + "/": 200,
		document: 200, document + "/download": 302, tenant + "/documents/x": 400, tenant + "/documents/" + uuid.NewString(): 404,
		"/api/nothing": 404, "/api/auth/login": 405,
	} {
		got, asked := ada.do(http.MethodHead, path, nil).want(status), ada.get(path).want(status)
		if len(got.raw) > 0 {
			t.Errorf("%s: a body", path)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Etag", "Allow"} {
			if name == "Content-Length" && len(asked.raw) == 0 {
				continue // nothing has no length
			}
			if got.header.Get(name) != asked.header.Get(name) {
				t.Errorf("%s: %s is %q, with GET %q", path, name, got.header.Get(name), asked.header.Get(name))
			}
		}
	}
	ada.do(http.MethodHead, document, nil, ifNoneMatch("*")).want(http.StatusNotModified)
	if !strings.Contains(w.log.String(), `"method":"HEAD"`) {
		t.Error("the log takes HEAD for GET")
	}
}

func TestMethodsThatAPathHas(t *testing.T) {
	w := setup(t, withDocs)
	p := w.anonymous()
	tenant := "/api/tenants/" + uuid.NewString()
	for path, want := range map[string][]string{
		"/api/auth/login": {"POST", "OPTIONS"},
		"/api/users/me":   {"GET", "PUT", "DELETE", "HEAD", "OPTIONS"},
		"/api/tenants":    {"GET", "POST", "HEAD", "OPTIONS"},
		tenant + "/documents/" + uuid.NewString():               {"GET", "PUT", "DELETE", "HEAD", "OPTIONS"},
		tenant + "/documents/" + uuid.NewString() + "/download": {"GET", "HEAD", "OPTIONS"},
		"/healthz": {"GET", "HEAD", "OPTIONS"},
		"/docs":    {"GET", "HEAD", "OPTIONS"},
	} {
		for _, a := range []answer{
			p.do(http.MethodOptions, path, nil).want(http.StatusNoContent),
			p.do(http.MethodPatch, path, nil).wantError(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED"),
			p.do("PROPFIND", path, nil).wantError(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED"),
		} {
			got := map[string]bool{}
			for method := range strings.SplitSeq(a.header.Get("Allow"), ", ") {
				got[method] = true
			}
			for _, method := range want {
				if !got[method] {
					t.Errorf("%s: Allow %q lacks %s", path, a.header.Get("Allow"), method)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s: Allow %q, want %v", path, a.header.Get("Allow"), want)
			}
		}
	}
	for _, path := range []string{
		"/api/nothing", "/nothing", "/api", "/api/users", "/api/auth/nothing", tenant + "/nothing", tenant + "/documents/x/y",
		"/api/demo", "/docs/a/b", "/%2e%2e/etc/passwd", "//api/tenants", "/api/tenants/%00/nothing",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE", "TRACE"} {
			p.do(method, path, nil).wantError(http.StatusNotFound, "NOT_FOUND")
		}
	}
}
