package httpapi_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

// counter allows so many requests of each caller, for good.
type counter struct {
	limit int

	mu   sync.Mutex
	seen map[string]int
}

func (l *counter) Take(_ context.Context, caller string) httpapi.Allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[caller]++
	left := l.limit - l.seen[caller]
	a := httpapi.Allowance{Allowed: left >= 0, Limit: l.limit, Window: time.Hour, Remaining: max(0, left), Reset: 90 * time.Second}
	if !a.Allowed {
		a.RetryAfter = 3500 * time.Millisecond
	}
	return a
}

func (l *counter) of(caller string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[caller]
}

func limited(t *testing.T, limit int) (*world, *counter) {
	t.Helper()
	l := &counter{limit: limit, seen: map[string]int{}}
	return setup(t, behindProxy, func(c *httpapi.Config) { c.Limiter = l }), l
}

func (a answer) wantLimited() {
	a.t.Helper()
	a.wantError(http.StatusTooManyRequests, "RATE_LIMITED")
	if got := a.header.Get("Retry-After"); got != "4" {
		a.t.Errorf("Retry-After %q", got)
	}
}

func TestAUserIsCountedWhereverHeComesFrom(t *testing.T) {
	w, l := limited(t, 5)
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	for n := range 5 {
		a := ada.get("/api/users/me", from("198.51.100.%d", n)).want(http.StatusOK)
		if got, want := a.header.Get("RateLimit"), `"default";r=`+strconv.Itoa(4-n)+`;t=90`; got != want {
			t.Errorf("RateLimit %s, want %s", got, want)
		}
		if got := a.header.Get("RateLimit-Policy"); got != `"default";q=5;w=3600` {
			t.Errorf("RateLimit-Policy %s", got)
		}
	}
	ada.get("/api/users/me", from("198.51.100.77")).wantLimited()
	ada.post("/api/tenants", object{"name": "Late"}).wantLimited()
	bob.get("/api/users/me").want(http.StatusOK)
	if n := l.of("u:" + ada.id.String()); n != 7 {
		t.Errorf("counted %d requests", n)
	}
	if l.of("a:198.51.100.0") != 0 {
		t.Error("a request of a user was counted for his address")
	}
}

func TestWhoIsNotSignedInIsCountedByNetwork(t *testing.T) {
	w, l := limited(t, 3)
	login := object{"email": "nobody@example.org", "password": "a wrong one"}
	for _, test := range []struct{ caller, address, same, other string }{
		{"a:198.51.100.7", "198.51.100.7", "::ffff:198.51.100.7", "198.51.100.8"},
		{"a:2001:db8:0:1::/64", "2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:2::1"},
	} {
		nobody := w.anonymous()
		nobody.post("/api/auth/login", login, from("%s", test.address)).want(http.StatusUnauthorized)
		nobody.get("/api/users/me", from("%s", test.same)).want(http.StatusUnauthorized)
		nobody.get("/api/users/me", from("%s", test.same), header{"Authorization", "Bearer forged"}).want(http.StatusUnauthorized)
		nobody.post("/api/auth/login", login, from("%s", test.same)).wantLimited()
		nobody.get("/api/users/me", from("%s", test.same), header{"Authorization", "Bearer forged"}).wantLimited()
		nobody.post("/api/auth/login", login, from("%s", test.other)).want(http.StatusUnauthorized)
		if n := l.of(test.caller); n != 5 {
			t.Errorf("%s: counted %d requests", test.caller, n)
		}
	}
}

func TestProbesAndTheContractAreNotCounted(t *testing.T) {
	w, _ := limited(t, 0)
	for _, path := range []string{"/healthz", "/readyz", "/swagger.yaml"} {
		if a := w.anonymous().get(path).want(http.StatusOK); a.header.Get("RateLimit") != "" {
			t.Errorf("%s: RateLimit %s", path, a.header.Get("RateLimit"))
		}
	}
	w.anonymous().get("/api/users/me").wantLimited()
}

// What is refused leaves no trace of the command.
func TestALimitedCommandDoesNothing(t *testing.T) {
	w, l := limited(t, 1)
	nobody := w.anonymous()
	nobody.post("/api/auth/register", object{
		"email": "first@example.org", "first_name": "F", "last_name": "T", "password": "correct horse f",
	}).want(http.StatusCreated)
	nobody.post("/api/auth/register", object{
		"email": "late@example.org", "first_name": "L", "last_name": "T", "password": "correct horse l",
	}).wantLimited()
	if _, err := (accounts{w}).AccountByEmail(t.Context(), "late@example.org"); err == nil {
		t.Error("the account was opened")
	}
	if n := l.of("a:127.0.0.1"); n != 2 {
		t.Errorf("counted %d requests", n)
	}
}
