package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// readyTimeout is how long a process may take until it serves; a first start may
// have to fetch or build what it runs.
const readyTimeout = 4 * time.Minute

// Ready waits until a probe of a process succeeds. It fails when the process ends,
// or takes too long.
func (p *Process) Ready(ctx context.Context, probe func(context.Context) error) error {
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
			return fmt.Errorf("%s is not ready (see %s): %w", p.name, p.log(), err)
		}
	}
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

// Get returns a probe that succeeds when a URL is answered 200.
func Get(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := new(http.Client).Do(request)
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

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts returns ports of the loopback address that nobody listens on now.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			return nil, fmt.Errorf("free port: %w", err)
		}
		defer func() { _ = listener.Close() }() // all at the end, so that they differ
		tcp, _ := listener.Addr().(*net.TCPAddr)
		ports = append(ports, tcp.Port)
	}
	return ports, nil
}
