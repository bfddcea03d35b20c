package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/uuid"

	cartulary "github.com/cartulary/cartulary"
)

// person is a client of the interface, signed in or not.
type person struct {
	w        *world
	router   routers.Router
	id       uuid.UUID
	email    string
	access   string
	refresh  string
	password string
	lines    http.Header // sent with every request
	server   string      // if it is not the world's own
}

// with returns the same person, sending further headers, whose lines stay apart.
func (p *person) with(lines http.Header) *person {
	other := *p
	other.lines = lines
	return &other
}

// answer is what came back, checked against the contract.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	raw    []byte
	json   envelope
}

type envelope struct {
	Success bool
	Data    map[string]any
	Message string
	Error   struct {
		Code    string
		Message string
		Details struct {
			Fields   []struct{ Field, Message string }
			Limit    int64
			NotReady []string `json:"not_ready"`
			Ledger   *struct {
				ID                string
				Events, Published int64
			}
			Hold struct{ Reason, Since, By string }
		}
	}
}

// contractRouter finds the operation of a request. It is made once: that takes half a
// second of a test with -race.
var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(cartulary.Contract()))
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

func (w *world) anonymous() *person {
	w.t.Helper()
	router, err := contractRouter()
	w.must(err)
	return &person{w: w, router: router}
}

// at returns the same person at another server.
func (p *person) at(server string) *person {
	other := *p
	other.server = server
	return &other
}

// newPerson registers and signs in.
func (w *world) newPerson(name string) *person {
	w.t.Helper()
	p := w.anonymous()
	p.email, p.password = name+"@example.org", "correct horse "+name
	made := p.post("/api/auth/register", object{
		"email": p.email, "first_name": name, "last_name": "Tester", "password": p.password,
	}).want(http.StatusCreated)
	p.id = uuid.MustParse(made.text("id"))
	p.login()
	return p
}

func (p *person) login() answer {
	p.w.t.Helper()
	a := p.post("/api/auth/login", object{"email": p.email, "password": p.password}).want(http.StatusOK)
	p.access, p.refresh = a.text("access_token"), a.text("refresh_token")
	return a
}

// newTenant makes a tenant and returns its path.
func (p *person) newTenant(name string) (string, uuid.UUID) {
	p.w.t.Helper()
	id := p.post("/api/tenants", object{"name": name}).want(http.StatusCreated).text("id")
	return "/api/tenants/" + id, uuid.MustParse(id)
}

type object map[string]any

// header is an option of a request.
type header struct{ name, value string }

func (p *person) get(path string, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodGet, path, nil, headers...)
}

func (p *person) post(path string, body any, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodPost, path, p.json(body), append(headers, header{"Content-Type", "application/json"})...)
}

func (p *person) put(path string, body any, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodPut, path, p.json(body), append(headers, header{"Content-Type", "application/json"})...)
}

func (p *person) delete(path string, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodDelete, path, nil, headers...)
}

func (p *person) json(v any) io.Reader {
	if text, ok := v.(string); ok {
		return strings.NewReader(text)
	}
	b, err := json.Marshal(v)
	p.w.must(err)
	return bytes.NewReader(b)
}

func (p *person) do(method, path string, body io.Reader, headers ...header) answer {
	p.w.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, cmp.Or(p.server, p.w.server.URL)+path, body)
	p.w.must(err)
	if p.access != "" {
		request.Header.Set("Authorization", "Bearer "+p.access)
	}
	maps.Copy(request.Header, p.lines)
	for _, h := range headers {
		request.Header.Set(h.name, h.value)
	}
	response, err := p.w.server.Client().Transport.RoundTrip(request)
	p.w.must(err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	p.w.must(err)
	return answer{t: p.w.t, status: response.StatusCode, header: response.Header, raw: raw}.checked(p.router, request)
}

// checked holds an answer against the contract and what every answer must have,
// and returns it decoded.
func (a answer) checked(router routers.Router, request *http.Request) answer {
	a.t.Helper()
	for _, name := range []string{
		"X-Request-Id", "Traceparent", "X-Content-Type-Options", "Content-Security-Policy", "X-Frame-Options",
		"Referrer-Policy", "Strict-Transport-Security", "Cache-Control",
	} {
		if a.header.Get(name) == "" {
			a.t.Errorf("%s %s: no %s", request.Method, request.URL.Path, name)
		}
	}
	media := a.header.Get("Content-Type")
	if len(a.raw) > 0 && strings.HasPrefix(media, "application/json") {
		if err := json.Unmarshal(a.raw, &a.json); err != nil {
			a.t.Fatalf("%s %s: %v in %q", request.Method, request.URL.Path, err, a.raw)
		}
		if a.json.Success != (a.status < 400) || !a.json.Success && (a.json.Error.Code == "" || a.json.Error.Message == "") {
			a.t.Errorf("%s %s: not the envelope: %d %s", request.Method, request.URL.Path, a.status, a.raw)
		}
	}
	request.URL.Host, request.URL.Scheme = "", ""
	route, params, err := router.FindRoute(request)
	if err != nil {
		return a // what the contract does not know has only the envelope
	}
	witness(route.Operation.OperationID, a.status)
	err = openapi3filter.ValidateResponse(request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.raw)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			// Files of the page at /docs are no JSON, and some answers have no body on request.
			ExcludeResponseBody: strings.HasPrefix(request.URL.Path, "/docs") && a.status == http.StatusOK ||
				strings.Contains(a.header.Get("Preference-Applied"), "return=minimal") && len(a.raw) == 0,
		},
	})
	if err != nil {
		a.t.Errorf("%s %s: the answer is not the contract's: %v\n%d %s", request.Method, request.URL.Path, err, a.status, a.raw)
	}
	return a
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d, want %d: %s", a.status, status, a.raw)
	}
	return a
}

func (a answer) wantError(status int, code string) answer {
	a.t.Helper()
	a.want(status)
	if a.json.Error.Code != code {
		a.t.Errorf("got %s, want %s", a.json.Error.Code, code)
	}
	return a
}

func (a answer) text(field string) string {
	a.t.Helper()
	s, ok := a.json.Data[field].(string)
	if !ok {
		a.t.Fatalf("data has no text %q: %s", field, a.raw)
	}
	return s
}

func (a answer) items() []map[string]any {
	a.t.Helper()
	list, ok := a.json.Data["items"].([]any)
	if !ok {
		a.t.Fatalf("data has no items: %s", a.raw)
	}
	items := make([]map[string]any, len(list))
	for i, v := range list {
		items[i], _ = v.(map[string]any)
	}
	return items
}

// part is one part of a form.
type part struct {
	disposition string
	media       string
	body        string
}

func field(name, value string) part { return part{`form-data; name="` + name + `"`, "", value} }

func file(name, body string) part {
	return part{`form-data; name="file"; filename="` + name + `"`, "application/pdf", body}
}

// form encodes parts, and returns them with their Content-Type.
func form(t testing.TB, parts ...part) (io.Reader, header) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {p.disposition}}
		if p.media != "" {
			h.Set("Content-Type", p.media)
		}
		into, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(into, p.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, header{"Content-Type", w.FormDataContentType()}
}

func (p *person) upload(tenant string, parts []part, headers ...header) answer {
	p.w.t.Helper()
	body, media := form(p.w.t, parts...)
	return p.do(http.MethodPost, tenant+"/documents", body, append(headers, media)...)
}
