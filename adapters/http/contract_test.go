package httpapi

import (
	_ "embed"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/events"
)

func TestEveryOperationHasAPolicyAndEveryPolicyAnOperation(t *testing.T) {
	routes, err := compileRoutes(rules())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"GET /api/tenants/{tenant_id}/documents", "POST /api/auth/login"} {
		less := maps.Clone(rules())
		delete(less, name)
		if _, err := compileRoutes(less); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without a policy for %s: %v", name, err)
		}
	}
	more := maps.Clone(rules())
	more["GET /api/secrets"] = signedIn
	if _, err := compileRoutes(more); err == nil {
		t.Error("a policy for nothing was accepted")
	}
	looser := maps.Clone(rules())
	looser["GET /api/users/me"] = anyone
	if _, err := compileRoutes(looser); err == nil {
		t.Error("a policy looser than the contract was accepted")
	}
	wider := maps.Clone(rules())
	wider["GET /api/tenants/{tenant_id}"] = signedIn
	if _, err := compileRoutes(wider); err == nil {
		t.Error("a tenant's route without a membership was accepted")
	}
	if len(routes) != len(rules()) {
		t.Errorf("%d routes for %d policies", len(routes), len(rules()))
	}
}

func TestPoliciesAdmitRoles(t *testing.T) {
	for _, test := range []struct {
		role events.Role
		want map[policy]bool
	}{
		{events.RoleAdmin, map[policy]bool{viewers: true, contributor: true, auditors: true}},
		{events.RoleUser, map[policy]bool{viewers: true, contributor: true, auditors: false}},
		{events.RoleViewer, map[policy]bool{viewers: true, contributor: false, auditors: false}},
		{events.RoleAuditor, map[policy]bool{viewers: true, contributor: false, auditors: true}},
		{"", map[policy]bool{viewers: false, contributor: false, auditors: false}},
		{"root", map[policy]bool{viewers: false, contributor: false, auditors: false}},
	} {
		for p, want := range test.want {
			if got := p.admits(test.role); got != want {
				t.Errorf("policy %d, role %q: %v", p, test.role, got)
			}
		}
	}
}

//go:embed contract.gen.go
var generated string

// The generated routes, the contract and the policies meet in New; this makes sure
// that the generated file is the contract's.
func TestGeneratedCodeKnowsEveryOperation(t *testing.T) {
	routes, err := compileRoutes(rules())
	if err != nil {
		t.Fatal(err)
	}
	for key, r := range routes {
		method, path, _ := strings.Cut(key, " ")
		if want := `router.` + method + `(options.BaseURL+"` + path + `"`; !strings.Contains(generated, want) {
			t.Errorf("%s (%s) was not generated", key, r.id)
		}
	}
}

func fieldsOf(t *testing.T, err error) map[string]string {
	t.Helper()
	if err == nil {
		return nil
	}
	p := (&API{}).problemOf(err)
	if p.status != http.StatusBadRequest || p.code != CodeValidation {
		t.Fatalf("got %d %s: %v", p.status, p.code, err)
	}
	fields := map[string]string{}
	for _, f := range *p.details.Fields {
		if _, twice := fields[f.Field]; !twice {
			fields[f.Field] = f.Message
		}
	}
	return fields
}

func bodyContext(media, body string) *gin.Context {
	gin.SetMode(gin.ReleaseMode)
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	c.Request.Header.Set("Content-Type", media)
	return c
}

func TestBodiesAreCheckedAgainstTheContract(t *testing.T) {
	routes, err := compileRoutes(rules())
	if err != nil {
		t.Fatal(err)
	}
	register := routes["POST /api/auth/register"]
	rename := routes["PUT /api/tenants/:tenant_id/documents/:document_id"]
	profile := routes["PUT /api/users/me"]
	for name, test := range map[string]struct {
		route *route
		body  string
		want  map[string]string
	}{
		"good": {register, `{"email":"a@b.org","first_name":"A","last_name":"B","password":"12345678"}`, nil},
		"everything missing": {register, `{}`, map[string]string{
			"email": "is required", "first_name": "is required", "last_name": "is required", "password": "is required",
		}},
		"everything wrong": {
			register, `{"email":"nobody","first_name":"","last_name":" ","password":"short"}`,
			map[string]string{
				"email": "must be an e-mail address such as name@example.org", "first_name": "must be more than white space, without control characters",
				"last_name": "must be more than white space, without control characters", "password": "must have at least 8 characters",
			},
		},
		"wrong types": {
			register, `{"email":1,"first_name":null,"last_name":[],"password":{}}`,
			map[string]string{
				"email": "must be of type string", "first_name": "must not be null",
				"last_name": "must be of type string", "password": "must be of type string",
			},
		},
		"unknown fields": {
			rename, `{"filename":"a","role":"admin","created_by":"x"}`,
			map[string]string{"role": "is not a field of this request", "created_by": "is not a field of this request"},
		},
		"too long":         {rename, `{"filename":"` + strings.Repeat("x", 256) + `"}`, map[string]string{"filename": "must have at most 255 characters"}},
		"longer in UTF-16": {rename, `{"filename":"` + strings.Repeat("😀", 255) + `"}`, nil},
		"too long in characters": {
			rename, `{"filename":"` + strings.Repeat("😀", 256) + `"}`, map[string]string{"filename": "must have at most 255 characters"},
		},
		"long enough":  {rename, `{"filename":"` + strings.Repeat("é", 255) + `"}`, nil},
		"no object":    {rename, `[]`, map[string]string{"body": "must be of type object"}},
		"null":         {rename, `null`, map[string]string{"body": "must not be null"}},
		"no field":     {profile, `{}`, map[string]string{"body": "must have at least one field"}},
		"one field":    {profile, `{"last_name":"King"}`, nil},
		"explicit nul": {profile, `{"last_name":null}`, map[string]string{"last_name": "must not be null"}},
	} {
		t.Run(name, func(t *testing.T) {
			body, fields, err := test.route.checkBody(bodyContext("application/json; charset=UTF-8", test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, fieldsOf(t, invalid(fields))); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if string(body) != test.body {
				t.Errorf("the body came back as %q", body)
			}
		})
	}
}

func TestBodiesThatAreNotJSON(t *testing.T) {
	routes, err := compileRoutes(rules())
	if err != nil {
		t.Fatal(err)
	}
	rename := routes["PUT /api/tenants/:tenant_id/documents/:document_id"]
	for name, test := range map[string]struct {
		media, body string
		want        int
	}{
		"empty":      {"application/json", "", 400},
		"cut off":    {"application/json", `{"filename":"a`, 400},
		"two values": {"application/json", `{"filename":"a"}{}`, 400},
		"twice":      {"application/json", `{"filename":"a","filename":"b"}`, 400},
		"not UTF-8":  {"application/json", "{\"filename\":\"\xff\"}", 400},
		"deeper":     {"application/json", strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), 400},
		"deep in fields": {
			"application/json", strings.Repeat(`{"filename":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1), 400,
		},
		"deep":          {"application/json", strings.Repeat("[", 200_000), 400},
		"no media type": {"", `{"filename":"a"}`, 415},
		"form":          {"application/x-www-form-urlencoded", `filename=a`, 415},
		"text":          {"text/plain", `{"filename":"a"}`, 415},
		"latin-1":       {"application/json; charset=iso-8859-1", `{"filename":"a"}`, 415},
		"huge":          {"application/json", `{"filename":"` + strings.Repeat("x", maxBody) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := rename.checkBody(bodyContext(test.media, test.body))
			if err == nil {
				t.Fatal("accepted")
			}
			if got := (&API{}).problemOf(err).status; got != test.want {
				t.Errorf("got %d, want %d: %v", got, test.want, err)
			}
		})
	}
}

func BenchmarkCheckRename(b *testing.B) {
	routes, err := compileRoutes(rules())
	if err != nil {
		b.Fatal(err)
	}
	rename := routes["PUT /api/tenants/:tenant_id/documents/:document_id"]
	const body = `{"filename":"sketch of the engine, second draft.pdf"}`
	c := bodyContext("application/json", body)
	c.Params = gin.Params{
		{Key: "tenant_id", Value: "0192f0c1-7a58-7cc3-9d7e-2f4c6f0b9d85"},
		{Key: "document_id", Value: "0192f0c2-11f0-7d1a-8a1b-5b0e6a1f3c77"},
	}
	c.Request.Header.Set("Idempotency-Key", "6f0c3d53-4b9e-4f0a-9c0e-7b1d5c1f2a90")
	b.ReportAllocs()
	for b.Loop() {
		c.Request.Body = http.NoBody
		c.Request = httptest.NewRequest(http.MethodPut, "/", strings.NewReader(body)).WithContext(b.Context())
		c.Request.Header.Set("Content-Type", "application/json")
		c.Request.Header.Set("Idempotency-Key", "6f0c3d53-4b9e-4f0a-9c0e-7b1d5c1f2a90")
		if wrong := rename.checkParameters(c); len(wrong) > 0 {
			b.Fatal(wrong)
		}
		if _, _, err := rename.checkBody(c); err != nil {
			b.Fatal(err)
		}
	}
}
