package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// readyTimeout is how long a process may take until it serves; a first start may
// have to fetch or build what it runs.
const readyTimeout = 4 * time.Minute

// ready waits until a probe of a process succeeds, or the process ends.
func (s *Stack) ready(ctx context.Context, p *Process, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := probe(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-p.done():
			return errors.Join(fmt.Errorf("%s is not ready: %w", p.name, err), errors.New(fmt.Sprint(p.Crashes())))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (see %s): %w", p.name, s.logs(), err)
		}
	}
}

// done is closed when the program has ended.
func (p *Process) done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

// crashed reports whether the program should run and does not.
func (p *Process) crashed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
		return !p.stopped
	default:
		return false
	}
}

// succeed waits for a program that ends by itself.
func (p *Process) succeed(ctx context.Context) error {
	select {
	case <-p.done():
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", p.name, ctx.Err())
	}
	if !p.current.ProcessState.Success() {
		return fmt.Errorf("%s: %s (see %s)", p.name, p.current.ProcessState, p.dir)
	}
	return nil
}

func dial(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func get(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		client := &http.Client{}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	}
}
