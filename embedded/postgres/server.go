package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/cartulary/cartulary/internal/dirlock"
)

// Server is a running cluster. Its methods may be called concurrently.
type Server struct {
	cfg      Config
	home     home
	id       identity
	bin      binaries
	password string
	lock     *dirlock.Lock
	port     int

	mu      sync.Mutex // guards what follows, and makes life changes one by one
	current *process
	stopped bool
}

// Start runs the cluster in cfg.Dir, which it makes if there is none, and
// returns when the cluster accepts connections. A cluster that was not shut down
// recovers first, for as long as ctx allows. ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s, err := start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start embedded PostgreSQL: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, cfg Config) (_ *Server, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg}
	if s.lock, err = dirlock.Acquire(cfg.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.lock.Release()
		}
	}()
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare finds the place and the programs, ends what runs on the data, and
// makes the cluster.
func (s *Server) prepare(ctx context.Context) (err error) {
	if s.home, s.id, err = findHome(ctx, s.cfg.Dir, s.cfg.Logger); err != nil {
		return err
	}
	major, err := clusterMajor(s.home.data())
	if err != nil {
		return err
	}
	found := false
	if s.bin, found = findBinaries(ctx, major); !found {
		root, err := fetchRoot(s.id)
		if err != nil {
			return err
		}
		if s.bin, err = fetchBinaries(ctx, root, major, s.cfg.Logger); err != nil {
			return err
		}
	}
	if err := endLeftover(ctx, s.home.data(), s.cfg.Logger); err != nil {
		return err
	}
	s.password, err = initialise(ctx, s.bin, s.home, s.id, s.cfg.Durable)
	return err
}

// Port returns the TCP port on the loopback address; Restart keeps it.
func (s *Server) Port() int { return s.port }

// Bin returns the directory of PostgreSQL's programs.
func (s *Server) Bin() string { return s.bin.dir }

// URL returns the superuser's connection string for a database.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: net.JoinHostPort(loopback, strconv.Itoa(s.port)), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Done is closed when the cluster has ended, whoever ended it. After a Restart
// ask again.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.done
}

// Stop disconnects everyone, shuts the cluster down and gives the directory up.
// When ctx ends first, the cluster is cut off, to recover at its next start, and
// ctx's error returned. Stopping again does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	err := end(ctx, s.current, syscall.SIGINT)
	if closeErr := s.lock.Release(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("stop embedded PostgreSQL: %w", err)
	}
	return nil
}

// Crash ends the cluster as pg_ctl's immediate mode does, without a checkpoint,
// and returns when it is gone. Follow it with Restart or Stop.
func (s *Server) Crash(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := end(ctx, s.current, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash embedded PostgreSQL: %w", err)
	}
	return nil
}

// Restart shuts the cluster down if it runs, starts it on the same port and
// returns when it accepts connections.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("restart embedded PostgreSQL: it was stopped")
	}
	err := end(ctx, s.current, syscall.SIGINT)
	if err == nil {
		err = endLeftover(ctx, s.home.data(), s.cfg.Logger)
	}
	if err == nil {
		err = s.run(ctx)
	}
	if err != nil {
		return fmt.Errorf("restart embedded PostgreSQL: %w", err)
	}
	return nil
}

// end signals the cluster and waits until it is gone, by force when ctx ends.
func end(ctx context.Context, p *process, signal syscall.Signal) error {
	p.asked.Store(true)
	_ = p.cmd.Process.Signal(signal) // it may end by itself right now
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	grace := time.NewTimer(5 * time.Second)
	defer grace.Stop()
	select {
	case <-p.done:
	case <-grace.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return ctx.Err()
}
