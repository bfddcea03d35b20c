// Package redistest gives tests a real Redis server, each its own.
package redistest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

const (
	host         = "127.0.0.1"
	patience     = 20 * time.Second
	pollInterval = 5 * time.Millisecond
)

// Server is a Redis server of one test, which keeps nothing.
type Server struct {
	URL string

	port int
	cmd  *exec.Cmd
}

// Start runs a server until the test ends. It needs redis-server on the PATH.
func Start(t testing.TB) *Server {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	s := &Server{port: l.Addr().(*net.TCPAddr).Port} //nolint:errcheck // a TCP listener
	_ = l.Close()
	s.URL = "redis://" + s.address() + "/0"
	s.run(t)
	t.Cleanup(s.Kill)
	return s
}

func (s *Server) address() string { return net.JoinHostPort(host, strconv.Itoa(s.port)) }

// Kill ends the server at once (SIGKILL) and waits until it is gone.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may be gone already
	_ = s.cmd.Wait()         // says that it was killed
}

// Restart runs the server again where it was, empty, after Kill.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.run(t)
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), "redis-server",
		"--bind", host, "--port", strconv.Itoa(s.port), "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	dieWithUs(s.cmd)
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.awaitReady(ctx); err != nil {
		s.Kill()
		t.Fatalf("redistest: the server does not answer: %v", err)
	}
}

func (s *Server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", s.address())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
