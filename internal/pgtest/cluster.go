package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/embedded/postgres"
)

const (
	dirPrefix      = "cartulary-pgtest-"
	maxConnections = 200
	patience       = time.Minute // for everything a test waits for here
)

// cluster is the one cluster of a test binary.
type cluster struct {
	dir    string
	server *postgres.Server

	mu        sync.Mutex
	templates map[[32]byte]string // name of the template database, by content of its migrations
	databases int                 // made so far
}

// shared starts the cluster once.
var shared = sync.OnceValues(startCluster)

// started tells Main whether there is a cluster to stop.
var started = make(chan struct{}, 1)

func startCluster() (*cluster, error) {
	sweep()
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // PostgreSQL's user passes through
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := postgres.Start(ctx, postgres.Config{Dir: dir, MaxConnections: maxConnections})
	if err != nil {
		return nil, err
	}
	started <- struct{}{}
	return &cluster{dir: dir, server: server, templates: make(map[[32]byte]string)}, nil
}

// Main runs a package's tests, stops the cluster if one was started, fails when
// goroutines are left over, and exits.
func Main(m *testing.M) {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = 1
	}
	os.Exit(code)
}

func stop() error {
	select {
	case <-started:
	default:
		return nil
	}
	c, err := shared()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Nobody needs the data again, so there is no point in a checkpoint.
	if err := c.server.Crash(ctx); err != nil {
		return err
	}
	if err := c.server.Stop(ctx); err != nil {
		return err
	}
	return os.RemoveAll(c.dir)
}

// sweep removes what killed test binaries left: directories with a cluster whose
// lock nobody holds.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, "lock")) //nolint:gosec // our own
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); err != nil || orphaned(dir) {
				_ = os.RemoveAll(dir) // another sweep may be at it too
			}
		}
		_ = f.Close()
	}
}

// orphaned tells whether a cluster's directory is so old that no server of it
// can be shutting down any more.
func orphaned(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && time.Since(info.ModTime()) > time.Minute
}

// Cluster returns the server on which all databases of this test binary are. A
// test that restarts it must not run in parallel with others.
func Cluster(t testing.TB) *postgres.Server {
	t.Helper()
	return get(t).server
}

func get(t testing.TB) *cluster {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return c
}
