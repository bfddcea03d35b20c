package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	ready := true
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer api.Close()
	_, port, err := net.SplitHostPort(api.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string { return map[string]string{"HOST": "0.0.0.0", "PORT": port}[name] }
	check := func() error { return run(t.Context(), []string{"healthcheck"}, getenv, io.Discard) }
	if err := check(); err != nil {
		t.Errorf("a ready API: %v", err)
	}
	ready = false
	if err := check(); err == nil {
		t.Error("an API that is not ready passes")
	}
	api.Close()
	if err := check(); err == nil {
		t.Error("an API that is away passes")
	}
}
