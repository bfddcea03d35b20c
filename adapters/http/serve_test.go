package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	cartulary "github.com/cartulary/cartulary"
	httpapi "github.com/cartulary/cartulary/adapters/http"
)

func TestHealthAndReadiness(t *testing.T) {
	var broken atomic.Bool
	w := setup(t, func(c *httpapi.Config) {
		check := func(context.Context) error {
			if broken.Load() {
				return errors.New("secret reason")
			}
			return nil
		}
		c.Checks = []httpapi.Check{
			{Name: "postgres", Run: func(context.Context) error { return nil }},
			{Name: "s3", Run: check},
			{Name: "kafka", Run: check},
		}
	})
	p := w.anonymous()
	p.get("/healthz").want(http.StatusOK)
	p.get("/readyz").want(http.StatusOK)
	broken.Store(true)
	p.get("/healthz").want(http.StatusOK)
	a := p.get("/readyz").wantError(http.StatusServiceUnavailable, "NOT_READY")
	if got := fmt.Sprint(a.json.Error.Details.NotReady); got != "[kafka s3]" {
		t.Errorf("not ready: %s", got)
	}
	if strings.Contains(string(a.raw), "secret reason") {
		t.Error("the answer tells why")
	}
	p.get("/readyz").wantError(http.StatusServiceUnavailable, "NOT_READY")
	broken.Store(false)
	p.get("/readyz").want(http.StatusOK)
	for line, want := range map[string]int{`"msg":"not ready"`: 2, `"secret reason"`: 2, `"msg":"ready again"`: 2} {
		if got := strings.Count(w.log.String(), line); got != want {
			t.Errorf("%d lines with %s, want one for each check that changed, %d", got, line, want)
		}
	}
}

func TestReadyzTellsWhichLedgerIsNotWhatWasPublished(t *testing.T) {
	ledger := uuid.New()
	var verdict httpapi.MismatchError
	w := setup(t, func(c *httpapi.Config) {
		c.Checks = []httpapi.Check{{Name: "trail", Run: func(context.Context) error { return fmt.Errorf("guard: %w", &verdict) }}}
	})
	for _, test := range []struct {
		events, published int64
		says              string
	}{
		{8, 9, "Not ready: ledger " + ledger.String() + " holds 8 events, and is behind its last published checkpoint, of 9."},
		{0, 9, "Not ready: ledger " + ledger.String() + " holds 0 events, and is behind its last published checkpoint, of 9."},
		{9, 9, "Not ready: ledger " + ledger.String() + ", of 9 events, is not what was published of its first 9."},
		{9, 0, "Not ready: the last published checkpoint of ledger " + ledger.String() + " is not signed by a key that the database knows."},
	} {
		verdict = httpapi.MismatchError{Ledger: ledger, Events: test.events, Published: test.published, Cause: errors.New("secret reason")}
		a := w.anonymous().get("/readyz").wantError(http.StatusServiceUnavailable, "NOT_READY")
		d := a.json.Error.Details
		if a.json.Error.Message != test.says || fmt.Sprint(d.NotReady) != "[trail]" || d.Ledger == nil || d.Ledger.ID != ledger.String() ||
			d.Ledger.Events != test.events || d.Ledger.Published != test.published || strings.Contains(string(a.raw), "secret reason") {
			t.Errorf("got %s", a.raw)
		}
	}
}

func TestTheContractIsServed(t *testing.T) {
	w := setup(t)
	a := w.anonymous().get("/swagger.yaml").want(http.StatusOK)
	if string(a.raw) != cartulary.Contract() || !strings.HasPrefix(a.header.Get("Content-Type"), "application/yaml") {
		t.Errorf("%s: %d bytes", a.header.Get("Content-Type"), len(a.raw))
	}
}

// A request under way finishes; before connections are refused, the process says
// that it is not ready.
func TestGracefulEnd(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) {
		c.ShutdownDelay, c.ProjectionWait = 100*time.Millisecond, 500*time.Millisecond
	})
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.api.Serve(ctx, listener) }()
	w.server.URL = "http://" + listener.Addr().String()

	ada.get("/readyz").want(http.StatusOK)
	under := make(chan answer, 1)
	w.hold.Store(true)
	go func() { under <- ada.upload(tenant, []part{file("a.pdf", "x")}) }()
	// Created, added, provisioned, and the upload's three: recorded, but held.
	w.until(func() bool { return head(w, tenantID(tenant)) >= 6 })
	stop()
	w.until(func() bool { return ada.get("/readyz").status == http.StatusServiceUnavailable })
	w.hold.Store(false)
	w.server.Client().CloseIdleConnections()
	w.follow(tenantID(tenant))
	if a := <-under; a.status != http.StatusCreated && a.status != http.StatusAccepted {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String()); err == nil {
		t.Error("connections are still taken")
	}
}

func TestProxiesAreTrustedOnlyWhenConfigured(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	w.anonymous().post("/api/auth/login", object{"email": ada.email, "password": ada.password},
		header{"X-Forwarded-For", "203.0.113.9"}).want(http.StatusOK)
	for _, origin := range w.origins() {
		if origin.Address != "127.0.0.1" {
			t.Errorf("a login from %s was recorded", origin.Address)
		}
	}
}

// A header that is too large is refused before anything is made of it.
func TestAnOversizedHeaderIsRefused(t *testing.T) {
	w := setup(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.api.Serve(ctx, listener) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/api/users/me", http.NoBody)
	w.must(err)
	request.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 64<<10))
	response, err := w.server.Client().Do(request)
	w.must(err)
	w.must(response.Body.Close())
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s, want 431", response.Status)
	}
	stop()
	w.must(<-served)
}
