package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/events"
)

// behindProxy lets tests say where they come from.
func behindProxy(c *httpapi.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func from(format string, args ...any) header {
	return header{"X-Forwarded-For", fmt.Sprintf(format, args...)}
}

// platformEvents returns what the platform's ledger holds of a type.
func platformEvents[E events.Event](w *world) []E {
	w.t.Helper()
	messages, err := w.ledger.Read(w.t.Context(), events.PlatformLedger, 0, 1000)
	w.must(err)
	var list []E
	for _, m := range messages {
		r, err := events.Decode(m.Body)
		w.must(err)
		if e, ok := r.Event.(E); ok {
			list = append(list, e)
		}
	}
	return list
}

func (a answer) wantThrottled() answer {
	a.t.Helper()
	a.wantError(http.StatusTooManyRequests, "TOO_MANY_ATTEMPTS")
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 900 {
		a.t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	return a
}

func TestFailedLoginsOfAnAccountAreThrottled(t *testing.T) {
	w := setup(t, behindProxy)
	ada := w.newPerson("ada") // from 127.0.0.1, which is hers from now on
	refused := map[string][]byte{}
	for i, email := range []string{ada.email, "nobody@example.org"} {
		login := object{"email": email, "password": "a wrong one"}
		for n := range 10 {
			w.anonymous().post("/api/auth/login", login, from("198.51.%d.%d", i, n)).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
		}
		for n := range 20 {
			spelling := object{"email": strings.ToUpper(email), "password": ada.password}
			refused[email] = w.anonymous().post("/api/auth/login", spelling, from("203.0.%d.%d", i+113, n)).wantThrottled().raw
		}
	}
	if !bytes.Equal(refused[ada.email], refused["nobody@example.org"]) {
		t.Errorf("a known and an unknown address are refused differently:\n%s\n%s", refused[ada.email], refused["nobody@example.org"])
	}
	ada.post("/api/auth/refresh", object{"refresh_token": ada.refresh}).want(http.StatusOK)
	ada.login() // from home

	known, unknown := platformEvents[events.UserLoginFailed](w), platformEvents[events.EmailLoginFailed](w)
	if len(known) != 11 || known[0].Reason != events.LoginWrongPassword || known[10].Reason != events.LoginThrottled || known[10].Throttled != 1 {
		t.Errorf("in the user's stream: %+v", known)
	}
	if len(unknown) != 11 || unknown[0].Reason != events.LoginUnknownAddress || unknown[10].Reason != events.LoginThrottled {
		t.Errorf("in the address's stream: %+v", unknown)
	}
	for _, e := range known {
		keys, err := w.keys.Keys(t.Context(), ada.id)
		w.must(err)
		var origin events.Origin
		if err := keys.Open(e.Origin, &origin); err != nil || !strings.HasPrefix(origin.Address, "198.51.0.") && !strings.HasPrefix(origin.Address, "203.0.113.") {
			t.Errorf("origin %+v, %v", origin, err)
		}
	}
}

func TestFailedLoginsFromAnAddressAreThrottled(t *testing.T) {
	w := setup(t, behindProxy)
	ada := w.newPerson("ada")
	right := object{"email": ada.email, "password": ada.password}
	for n := range 10 {
		login := object{"email": fmt.Sprintf("somebody-%d@example.org", n), "password": "a wrong one"}
		w.anonymous().post("/api/auth/login", login, from("2001:db8::%x", n)).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
	}
	w.anonymous().post("/api/auth/login", right, from("2001:db8::ffff:0")).wantThrottled()
	w.anonymous().post("/api/auth/login", right, from("2001:db8:0:1::")).want(http.StatusOK)
	w.anonymous().post("/api/auth/login", right, from("2001:db8::ffff:0")).wantThrottled() // is not forgiven elsewhere
	var readable int
	w.must(w.pool.QueryRow(t.Context(), `
select count(*) from identity.login_attempts a where a::text ~ '(example|:db8|@)'`).Scan(&readable))
	if readable > 0 {
		t.Errorf("%d rows hold addresses in clear", readable)
	}
}

// A forged X-Forwarded-For changes nothing where no proxy is trusted.
func TestAForgedAddressDoesNotHelp(t *testing.T) {
	w := setup(t)
	for n := range 10 {
		login := object{"email": fmt.Sprintf("somebody-%d@example.org", n), "password": "a wrong one"}
		w.anonymous().post("/api/auth/login", login, from("198.51.100.%d", n)).want(http.StatusUnauthorized)
	}
	w.anonymous().post("/api/auth/login", object{"email": "a@example.org", "password": "x"}, from("198.51.100.99")).wantThrottled()
}

func TestALoginForgivesItsOwnFailures(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	wrong := object{"email": ada.email, "password": "a wrong one"}
	for range 3 {
		for range 9 {
			w.anonymous().post("/api/auth/login", wrong).want(http.StatusUnauthorized)
		}
		ada.login()
	}
}

func TestChangingThePassword(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	other := *ada
	other.login()
	const next = "another stable of proper horses"
	change := func(p *person, current, next string, headers ...header) answer {
		return p.put("/api/users/me/password", object{"current_password": current, "new_password": next}, headers...)
	}
	for name, test := range map[string]struct{ current, next, field string }{
		"common":    {ada.password, "password1", "new_password"},
		"short":     {ada.password, "short", "new_password"},
		"own name":  {ada.password, "ada@example.org", "new_password"},
		"unchanged": {ada.password, ada.password, "new_password"},
	} {
		a := change(ada, test.current, test.next).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
		if fields := a.json.Error.Details.Fields; len(fields) != 1 || fields[0].Field != test.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	change(w.anonymous(), ada.password, next).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	wrong := change(ada, "a wrong one", next).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
	if fields := wrong.json.Error.Details.Fields; len(fields) != 1 || fields[0].Field != "current_password" || strings.Contains(string(wrong.raw), "e-mail") {
		t.Errorf("a wrong current password: %s", wrong.raw)
	}
	change(ada, ada.password, next, key("k")).want(http.StatusNoContent)
	if again := change(ada, ada.password, next, key("k")).want(http.StatusNoContent); again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("the repetition does not say that it is one")
	}
	change(ada, ada.password, next).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
	change(ada, ada.password, "yet another stable", key("k")).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")

	ada.get("/api/users/me").want(http.StatusOK)
	ada.post("/api/auth/refresh", object{"refresh_token": ada.refresh}).want(http.StatusOK)
	other.get("/api/users/me").wantError(http.StatusUnauthorized, "UNAUTHORIZED") // at once
	other.post("/api/auth/refresh", object{"refresh_token": other.refresh}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	w.anonymous().post("/api/auth/login", object{"email": ada.email, "password": ada.password}).wantError(http.StatusUnauthorized, "INVALID_CREDENTIALS")
	ada.password = next
	ada.login()
	if list := platformEvents[events.UserPasswordChanged](w); len(list) != 1 {
		t.Errorf("the trail tells of %d changes, want 1", len(list))
	}
	for range 7 {
		change(ada, "a wrong one", "yet another stable").want(http.StatusUnauthorized)
	}
	for range 3 {
		change(ada, "a wrong one", "yet another stable")
	}
	change(ada, next, "yet another stable").wantThrottled()
	ada.login() // who guesses in a stolen session locks nobody out
	failed := platformEvents[events.UserLoginFailed](w)
	if last := failed[len(failed)-1]; last.Reason != events.LoginThrottled || failed[0].Reason != events.LoginPasswordConfirm {
		t.Errorf("the trail tells of %+v", failed)
	}
}

func TestSessionsOfTheirUser(t *testing.T) {
	w := setup(t)
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	other := *ada
	a := other.post("/api/auth/login", object{"email": ada.email, "password": ada.password}, header{"User-Agent", "a \xff browser"}).want(http.StatusOK)
	other.access, other.refresh = a.text("access_token"), a.text("refresh_token")

	items := ada.get("/api/users/me/sessions").want(http.StatusOK).items()
	if len(items) != 2 || items[0]["is_current"] != false || items[1]["is_current"] != true || items[0]["user_agent"] != "a \uFFFD browser" {
		t.Fatalf("sessions: %v", items)
	}
	foreign := bob.get("/api/users/me/sessions").want(http.StatusOK).items()[0]["id"]
	path := func(id any) string { return fmt.Sprintf("/api/users/me/sessions/%v", id) }
	ada.delete(path(foreign)).wantError(http.StatusNotFound, "NOT_FOUND")
	ada.delete(path("01928b7c-0000-7000-8000-000000000000")).wantError(http.StatusNotFound, "NOT_FOUND")
	ada.delete(path("malformed")).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	w.anonymous().delete(path(items[0]["id"])).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	w.anonymous().get("/api/users/me/sessions").wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	bob.get("/api/users/me").want(http.StatusOK)

	ada.delete(path(items[0]["id"])).want(http.StatusNoContent)
	ada.delete(path(items[0]["id"])).wantError(http.StatusNotFound, "NOT_FOUND")
	other.get("/api/users/me").wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	ada.get("/api/users/me").want(http.StatusOK)
	if list := platformEvents[events.UserLoggedOut](w); len(list) != 1 || list[0].SessionID.String() != items[0]["id"] {
		t.Errorf("the trail tells of %+v", list)
	}
}

func TestSigningOutEverywhere(t *testing.T) {
	w := setup(t)
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	other := *ada
	other.login()
	w.anonymous().do(http.MethodPost, "/api/auth/logout-everywhere", nil).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	ada.do(http.MethodPost, "/api/auth/logout-everywhere", nil).want(http.StatusOK)
	for _, p := range []*person{ada, &other} {
		p.get("/api/users/me").wantError(http.StatusUnauthorized, "UNAUTHORIZED") // at once
		p.post("/api/auth/refresh", object{"refresh_token": p.refresh}).wantError(http.StatusUnauthorized, "UNAUTHORIZED")
	}
	bob.get("/api/users/me").want(http.StatusOK)
	ada.access = ""
	ada.login()
	ada.get("/api/users/me").want(http.StatusOK)
	if list := platformEvents[events.UserLoggedOutEverywhere](w); len(list) != 1 {
		t.Errorf("the trail tells of it %d times, want once", len(list))
	}
}
