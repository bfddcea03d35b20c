package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/embedded/postgres"
	"github.com/cartulary/cartulary/internal/dirlock"
)

const (
	dirPrefix      = "cartulary-pgtest-"
	maxConnections = 200

	// The role that the product runs as. It may not rewrite the trail.
	product         = "product"
	productPassword = "product"

	patience = time.Minute // for everything a test waits for here
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
	dir, err := os.MkdirTemp(place(), dirPrefix)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := postgres.Start(ctx, postgres.Config{Dir: dir, MaxConnections: maxConnections})
	if err != nil {
		return nil, err
	}
	started <- struct{}{}
	if err := server.EnsureRole(ctx, product, productPassword); err != nil {
		return nil, err
	}
	return &cluster{dir: dir, server: server, templates: make(map[[32]byte]string)}, nil
}

// Main runs a package's tests, stops the cluster if one was started, fails when
// goroutines are left over but those to overlook, and exits.
func Main(m *testing.M, overlook ...goleak.Option) { Exit(m.Run(), overlook...) }

// Exit does what [Main] does after the tests, for who has more to check: code is
// what they came to.
func Exit(code int, overlook ...goleak.Option) {
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	if err := goleak.Find(overlook...); err != nil && code == 0 {
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

// sweep removes what killed test binaries left: old directories that nobody owns.
// A younger one may have a server that is still shutting down.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(place(), dirPrefix+"*")) // a well-formed pattern
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < patience {
			continue
		}
		if lock, err := dirlock.Acquire(dir); err == nil {
			_ = os.RemoveAll(dir) // another sweep may be at it too
			_ = lock.Release()
		}
	}
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
