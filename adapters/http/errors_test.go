package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestErrorsComeInTheEnvelope(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	document := tenant + "/documents/" + uuid.NewString()
	json := header{"Content-Type", "application/json"}
	for name, test := range map[string]struct {
		method, path, body string
		headers            []header
		status             int
		code               string
	}{
		"no such route":          {"GET", "/api/nothing", "", nil, 404, "NOT_FOUND"},
		"root":                   {"GET", "/", "", nil, 404, "NOT_FOUND"},
		"no such method":         {"PATCH", "/api/users/me", "", nil, 405, "METHOD_NOT_ALLOWED"},
		"no media type":          {"PUT", "/api/users/me", "{}", nil, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"form instead of JSON":   {"PUT", "/api/users/me", "a=b", []header{{"Content-Type", "application/x-www-form-urlencoded"}}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"JSON instead of form":   {"POST", tenant + "/documents", "{}", []header{json}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"form without boundary":  {"POST", tenant + "/documents", "x", []header{{"Content-Type", "multipart/form-data"}}, 400, "BAD_REQUEST"},
		"no JSON":                {"PUT", "/api/users/me", "{", []header{json}, 400, "BAD_REQUEST"},
		"no fields":              {"PUT", "/api/users/me", "{}", []header{json}, 400, "VALIDATION_ERROR"},
		"too large":              {"PUT", "/api/users/me", `{"last_name":"` + strings.Repeat("x", 1<<20) + `"}`, []header{json}, 413, "PAYLOAD_TOO_LARGE"},
		"malformed tenant":       {"GET", "/api/tenants/1/documents", "", nil, 400, "VALIDATION_ERROR"},
		"braced tenant":          {"GET", "/api/tenants/{" + uuid.NewString() + "}", "", nil, 400, "VALIDATION_ERROR"},
		"malformed document":     {"GET", tenant + "/documents/x", "", nil, 400, "VALIDATION_ERROR"},
		"no such tenant":         {"GET", "/api/tenants/" + uuid.NewString(), "", nil, 404, "NOT_FOUND"},
		"no such document":       {"GET", document, "", nil, 404, "NOT_FOUND"},
		"rename no document":     {"PUT", document, `{"filename":"a"}`, []header{json}, 404, "NOT_FOUND"},
		"delete no document":     {"DELETE", document, "", nil, 404, "NOT_FOUND"},
		"limit no number":        {"GET", "/api/tenants?limit=x", "", nil, 400, "VALIDATION_ERROR"},
		"limit too small":        {"GET", "/api/tenants?limit=0", "", nil, 400, "VALIDATION_ERROR"},
		"limit too large":        {"GET", "/api/tenants?limit=201", "", nil, 400, "VALIDATION_ERROR"},
		"forged cursor":          {"GET", tenant + "/documents?cursor=AAAA", "", nil, 400, "INVALID_CURSOR"},
		"forged token":           {"GET", "/api/users/me", "", []header{{"Consistency-Token", "v1.x"}}, 400, "VALIDATION_ERROR"},
		"idempotency key blank":  {"DELETE", document, "", []header{{"Idempotency-Key", "é"}}, 400, "VALIDATION_ERROR"},
		"idempotency key length": {"DELETE", document, "", []header{{"Idempotency-Key", strings.Repeat("x", 256)}}, 400, "VALIDATION_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ada.do(test.method, test.path, strings.NewReader(test.body), test.headers...)
			a.wantError(test.status, test.code)
			if test.status == 405 && a.header.Get("Allow") == "" {
				t.Error("no Allow")
			}
		})
	}
}

func TestEveryBadFieldIsNamedAtOnce(t *testing.T) {
	w := setup(t)
	a := w.anonymous().post("/api/auth/register", object{
		"email": "nobody", "first_name": "", "password": "short", "role": "admin", "is_active": true,
	}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	named := map[string]bool{}
	for _, f := range a.json.Error.Details.Fields {
		named[f.Field] = f.Message != ""
	}
	for _, want := range []string{"email", "first_name", "last_name", "password", "role", "is_active"} {
		if !named[want] {
			t.Errorf("%s is not named: %s", want, a.raw)
		}
	}
	if strings.Contains(string(a.raw), "short") {
		t.Error("the answer repeats the password")
	}
	for name, body := range map[string]object{
		"email":      {"email": "a@b..org", "first_name": "A", "last_name": "B", "password": "8 chars!"},
		"first_name": {"email": "a@b.org", "first_name": "A\u0000", "last_name": "B", "password": "8 chars!"},
		"password":   {"email": "a@b.org", "first_name": "A", "last_name": "B", "password": strings.Repeat("é", 513)},
	} {
		a := w.anonymous().post("/api/auth/register", body).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
		if fields := a.json.Error.Details.Fields; len(fields) != 1 || fields[0].Field != name {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
}

func TestGuessablePasswordsAreRefused(t *testing.T) {
	w := setup(t)
	for pw, rule := range map[string]string{
		"Password1": "most common", "ＰＡＳＳＷＯＲＤ": "most common", "Lovelace1843": "your name", "ada.l@example..org": "your e-mail address",
		"ééééééé": "at least 8 characters",
	} {
		a := w.anonymous().post("/api/auth/register", object{
			"email": "ada.l@example..org", "first_name": "Ada", "last_name": "Lovelace", "password": pw,
		}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
		if rule == "at least 8 characters" {
			continue // the contract says so, before anything else is looked at
		}
		fields := a.json.Error.Details.Fields
		if len(fields) != 2 || fields[0].Field != "email" || fields[1].Field != "password" || !strings.Contains(fields[1].Message, rule) {
			t.Errorf("%s: %s", pw, a.raw)
		}
		if strings.Contains(string(a.raw), pw) {
			t.Error("the answer repeats the password")
		}
	}
}

func TestLongPasswordsAreAccepted(t *testing.T) {
	w := setup(t)
	for i, pw := range []string{strings.Repeat("x", 64), strings.Repeat("x", 1024), "8 chars!"} {
		email := string(rune('a'+i)) + "@example.org"
		w.anonymous().post("/api/auth/register", object{
			"email": email, "first_name": "A", "last_name": "B", "password": pw,
		}).want(http.StatusCreated)
		w.anonymous().post("/api/auth/login", object{"email": email, "password": pw}).want(http.StatusOK)
	}
}

func TestAPanicIsA500WithoutDetails(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	w.fail.Store(true)
	a := ada.get(tenant+"/documents").wantError(http.StatusInternalServerError, "INTERNAL_ERROR")
	if strings.Contains(string(a.raw), "planted") {
		t.Errorf("the answer tells: %s", a.raw)
	}
	if !strings.Contains(w.log.String(), "planted") {
		t.Error("the log does not tell")
	}
	w.fail.Store(false)
	ada.get(tenant + "/documents").want(http.StatusOK)
}

func TestADatabaseThatIsAwayIs503(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	w.pool.Reset()
	w.must(pgRefuse(w))
	a := ada.get("/api/users/me").wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if strings.Contains(string(a.raw), "SQLSTATE") {
		t.Errorf("the answer tells: %s", a.raw)
	}
	w.must(pgAdmit(w))
	ada.get("/api/users/me").want(http.StatusOK)
}

func TestRequestIDsAndTraces(t *testing.T) {
	w := setup(t)
	p := w.anonymous()
	if got := p.get("/healthz", header{"X-Request-ID", "mine-1"}).header.Get("X-Request-Id"); got != "mine-1" {
		t.Errorf("request id %q", got)
	}
	if got := p.get("/healthz", header{"X-Request-ID", "<script>"}).header.Get("X-Request-Id"); got == "<script>" || got == "" {
		t.Errorf("request id %q", got)
	}
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if got := p.get("/healthz", header{"traceparent", trace}).header.Get("Traceparent"); !strings.HasPrefix(got, trace[:36]) {
		t.Errorf("traceparent %q", got)
	}
}

func TestTheLogHoldsNoSecrets(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	made := ada.upload(tenant, []part{file("a secret name.pdf", "x")}).want(http.StatusCreated)
	link := ada.get(tenant + "/documents/" + made.text("id") + "/download?secret=query").want(http.StatusFound).header.Get("Location")
	ada.post("/api/auth/refresh", object{"refresh_token": ada.refresh}).want(http.StatusOK)
	ada.post("/api/auth/login", object{"email": ada.email, "password": "wrong password"}).want(http.StatusUnauthorized)
	log := w.log.String()
	for name, secret := range map[string]string{
		"password": ada.password, "wrong password": "wrong password", "access token": ada.access, "refresh token": ada.refresh,
		"e-mail address": ada.email, "link": link, "query": "secret=query", "IP address": "127.0.0.1", "file name": "a secret name",
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
	for _, want := range []string{`"route":"/api/tenants/:tenant_id/documents"`, `"tenant_id":"` + id.String() + `"`, `"user_id":"` + ada.id.String() + `"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}
