package httpapi_test

import (
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/internal/tokentest"
)

const awkward = `Été – رسالة "final".pdf`

func TestADocumentsWholeLife(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")

	me := ada.get("/api/users/me").want(http.StatusOK)
	if me.text("email") != "ada@example.org" || me.text("id") != ada.id.String() {
		t.Errorf("me: %s", me.raw)
	}
	ada.put("/api/users/me", object{"last_name": "King"}).want(http.StatusOK)
	if got := ada.get("/api/users/me/").want(http.StatusOK).text("last_name"); got != "King" {
		t.Errorf("last name %q", got)
	}

	tenant, id := ada.newTenant("Analytical Engines")
	for _, path := range []string{"/api/tenants", "/api/users/me/tenants"} {
		if items := ada.get(path).want(http.StatusOK).items(); len(items) != 1 || items[0]["id"] != id.String() ||
			items[0]["role"] != "admin" || items[0]["is_ready"] != true {
			t.Errorf("%s: %v", path, items)
		}
	}
	if got := ada.get(tenant).want(http.StatusOK).text("name"); got != "Analytical Engines" {
		t.Errorf("tenant's name %q", got)
	}
	if tenants, _ := ada.login().json.Data["tenants"].([]any); len(tenants) != 1 {
		t.Errorf("login told of %d tenants", len(tenants))
	}

	const bytes = "%PDF-1.7 not really"
	made := ada.upload(tenant, []part{file(strings.ReplaceAll(awkward, `"`, "%22"), bytes)}).want(http.StatusCreated)
	if got := made.text("filename"); got != awkward {
		t.Errorf("filename %q", got)
	}
	document := tenant + "/documents/" + made.text("id")
	if items := ada.get(tenant + "/documents").want(http.StatusOK).items(); len(items) != 1 || items[0]["filename"] != awkward {
		t.Errorf("documents: %v", items)
	}
	found := ada.get(document).want(http.StatusOK)
	if found.text("mime_type") != "application/pdf" || found.json.Data["file_size"] != float64(len(bytes)) ||
		found.text("user_id") != ada.id.String() {
		t.Errorf("document: %s", found.raw)
	}

	link := ada.get(document + "/download").want(http.StatusFound).header
	if link.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", link.Get("Cache-Control"))
	}
	saved, body := w.fetch(link.Get("Location"))
	if string(body) != bytes {
		t.Errorf("downloaded %q", body)
	}
	if _, params, err := mime.ParseMediaType(saved.Get("Content-Disposition")); err != nil || params["filename"] != awkward {
		t.Errorf("saved as %q, %v", params["filename"], err)
	}

	renamed := ada.put(document, object{"filename": "draft.pdf"}).want(http.StatusOK)
	if renamed.text("filename") != "draft.pdf" || renamed.text("created_at") != found.text("created_at") {
		t.Errorf("renamed: %s", renamed.raw)
	}
	if again := ada.get(document).want(http.StatusOK); again.text("filename") != "draft.pdf" ||
		again.text("updated_at") != renamed.text("updated_at") {
		t.Errorf("after renaming: %s", again.raw)
	}
	if gone := ada.delete(document).want(http.StatusNoContent); len(gone.raw) != 0 {
		t.Errorf("204 with a body: %q", gone.raw)
	}
	ada.get(document).wantError(http.StatusNotFound, "NOT_FOUND")
	ada.get(document+"/download").wantError(http.StatusNotFound, "NOT_FOUND")
	ada.delete(document).wantError(http.StatusNotFound, "NOT_FOUND")
	if items := ada.get(tenant + "/documents").want(http.StatusOK).items(); len(items) != 0 {
		t.Errorf("documents: %v", items)
	}
}

func TestSessions(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	first := *ada
	renewed := ada.post("/api/auth/refresh", object{"refresh_token": ada.refresh}).want(http.StatusOK)
	ada.access, ada.refresh = renewed.text("access_token"), renewed.text("refresh_token")
	ada.get("/api/users/me").want(http.StatusOK)
	first.get("/api/users/me").want(http.StatusOK) // an access token lives until it expires or its session ends

	// Refresh and access tokens are not each other.
	w.anonymous().post("/api/auth/refresh", object{"refresh_token": ada.access}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	swapped := *ada
	swapped.access = ada.refresh
	swapped.get("/api/users/me").wantError(http.StatusUnauthorized, "UNAUTHORIZED")

	// A spent refresh token ends the session, at once in this process.
	first.post("/api/auth/refresh", object{"refresh_token": first.refresh}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	ada.get("/api/users/me").wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	ada.post("/api/auth/refresh", object{"refresh_token": ada.refresh}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")

	ada.access = ""
	ada.login()
	other := *ada
	other.login()
	ada.do(http.MethodPost, "/api/auth/logout", nil).want(http.StatusOK)
	ada.get("/api/users/me").wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	ada.post("/api/auth/refresh", object{"refresh_token": ada.refresh}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	other.get("/api/users/me").want(http.StatusOK)
}

func TestSigningIn(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	nobody := w.anonymous()
	for name, body := range map[string]object{
		"wrong password":  {"email": ada.email, "password": "wrong"},
		"unknown address": {"email": "nobody@example.org", "password": ada.password},
		"no address":      {"email": "nobody", "password": ada.password},
		"longer password": {"email": ada.email, "password": ada.password + "x"},
	} {
		t.Run(name, func(t *testing.T) {
			a := nobody.post("/api/auth/login", body).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
			if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("WWW-Authenticate %q", a.header.Get("WWW-Authenticate"))
			}
		})
	}
	nobody.post("/api/auth/login", object{"email": " ADA@Example.ORG ", "password": ada.password}).want(http.StatusOK)
	for name, email := range map[string]string{"same": "ada@example.org", "case": "Ada@EXAMPLE.org", "width": "ａda@example.org"} {
		t.Run(name, func(*testing.T) {
			nobody.post("/api/auth/register", object{
				"email": email, "first_name": "A", "last_name": "B", "password": "8 chars!",
			}).wantError(http.StatusConflict, "EMAIL_TAKEN")
		})
	}
	eve := w.newPerson("eve")
	eve.put("/api/users/me", object{"email": ada.email}).wantError(http.StatusConflict, "EMAIL_TAKEN")
}

// Tokens that are forged with the secret at hand, of a session that is good.
func TestForgedTokensOpenNothing(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	claims, err := w.signer.ParseAccess(ada.access)
	w.must(err)
	good, forged := tokentest.Forger{Secret: []byte(secret), Now: time.Now(), User: ada.id, Session: claims.SessionID}.Forge(t)
	w.anonymous().get("/api/users/me", header{"Authorization", "Bearer " + good}).want(http.StatusOK)
	delete(forged, "white space around") // is no part of a token in a header (RFC 6750 §2.1)
	if len(forged) < 40 {
		t.Fatalf("only %d forgeries", len(forged))
	}
	for name, forgery := range forged {
		t.Run(name, func(*testing.T) {
			if len(forgery) < 64<<10 { // more is refused before it is a request
				w.anonymous().get("/api/users/me", header{"Authorization", "Bearer " + forgery}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
			}
			want := http.StatusUnauthorized
			switch {
			case len(forgery) > 1<<20:
				want = http.StatusRequestEntityTooLarge
			case forgery == "", len(forgery) > 4096:
				want = http.StatusBadRequest
			}
			w.anonymous().post("/api/auth/refresh", object{"refresh_token": forgery}).want(want)
		})
	}
}

func TestNoTokenOpensAnything(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	stranger, err := w.signer.Issue(ada.id, uuid.New())
	w.must(err)
	parts := strings.Split(ada.access, ".")
	for name, authorization := range map[string]string{
		"none": "", "no scheme": ada.access, "basic": "Basic " + ada.access, "empty": "Bearer ",
		"no signature": "Bearer " + parts[0] + "." + parts[1] + ".", "garbage": "Bearer garbage",
		"unknown session": "Bearer " + stranger.Access, "refresh token": "Bearer " + ada.refresh,
		"oversized": "Bearer " + strings.Repeat("x", 16<<10), "two": "Bearer " + ada.access + " " + ada.access,
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/api/users/me", "/api/tenants", "/api/tenants/" + uuid.NewString()} {
				a := w.anonymous().get(path, header{"Authorization", authorization}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
				if a.header.Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate")
				}
			}
		})
	}
	w.anonymous().get("/api/users/me", header{"Authorization", "bearer " + ada.access}).want(http.StatusOK)
}
