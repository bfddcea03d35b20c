package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

var (
	errPortTaken   = errors.New("the port is taken")
	errMemoryInUse = errors.New("processes of the cluster's former run are still there")
)

const (
	retryPause  = 100 * time.Millisecond
	runAttempts = 100 // with a pause after each that may help to repeat
	maxLogSize  = 16 << 20
)

// run starts PostgreSQL and waits until it is ready. A port that is free to
// choose is chosen again when someone else was faster, and the processes of a
// server that was killed get a while to notice.
func (s *Server) run(ctx context.Context) error {
	port := s.port // of the former run
	if port == 0 {
		port = s.cfg.Port
	}
	for attempt := 1; ; attempt++ {
		chosen := port
		if chosen == 0 {
			var err error
			if chosen, err = freePort(); err != nil {
				return err
			}
		}
		p, err := s.runOnce(ctx, chosen)
		if err == nil {
			s.port, s.current = chosen, p
			go s.watch(p) //nolint:contextcheck,gosec // it lives as long as the cluster
			return nil
		}
		again := errors.Is(err, errMemoryInUse) || errors.Is(err, errPortTaken) && port == 0
		if !again || attempt == runAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(retryPause):
		}
	}
}

func (s *Server) runOnce(ctx context.Context, port int) (*process, error) {
	log, from, err := s.openLog()
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.bin.path("postgres"), settings(s.cfg, s.home.data(), port)...) //nolint:gosec,noctx // it outlives ctx
	prepare(cmd, s.home.data(), s.id)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx, p); err != nil {
		return nil, err
	}
	if !p.ended() {
		return p, nil
	}
	said, _ := io.ReadAll(io.NewSectionReader(log, from, maxLogSize))
	switch text := string(said); {
	case strings.Contains(text, "could not bind"):
		err = errPortTaken
	case strings.Contains(text, "shared memory block"):
		err = errMemoryInUse
	default:
		err = errors.New("PostgreSQL gave up")
	}
	return nil, fmt.Errorf("%w (port %d, %w): %s", err, port, p.err, lastLines(said))
}

// awaitReady returns when the cluster accepts connections, or has ended.
func (s *Server) awaitReady(ctx context.Context, p *process) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		file, ok := readPidFile(s.home.data())
		if ok && file.pid() == p.cmd.Process.Pid && file.ready() {
			return nil
		}
		select {
		case <-p.done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL was not ready in time: %w", end(ctx, p, syscall.SIGINT))
		case <-tick.C:
		}
	}
}

// watch reports a cluster that ended unasked.
func (s *Server) watch(p *process) {
	<-p.done
	if !p.asked.Load() {
		s.cfg.Logger.LogAttrs(context.Background(), slog.LevelError, "embedded PostgreSQL ended",
			slog.Any("error", p.err), slog.String("log", s.logPath()))
	}
}

func (s *Server) logPath() string {
	if s.cfg.LogFile != "" {
		return s.cfg.LogFile
	}
	return s.home.log()
}

// openLog opens the log for appending, setting an overlong one aside, and
// returns its length.
func (s *Server) openLog() (*os.File, int64, error) {
	path := s.logPath()
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
