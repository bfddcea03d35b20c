package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

// serve serves on a socket of its own and returns its address.
func (w *world) serve() string {
	w.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", "127.0.0.1:0")
	w.must(err)
	ctx, stop := context.WithCancel(w.t.Context())
	served := make(chan error, 1)
	go func() { served <- w.api.Serve(ctx, listener) }()
	w.t.Cleanup(func() {
		stop()
		<-served // what tests leave behind on purpose is cut off
	})
	return listener.Addr().String()
}

func (w *world) connect(address string) net.Conn {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", address)
	w.must(err)
	w.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// status reads the status of the answer, 0 if the connection ends without one.
func status(conn net.Conn) int {
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func quickly(c *httpapi.Config) {
	c.HeaderTimeout, c.BodyTimeout, c.ShutdownGrace = 300*time.Millisecond, 300*time.Millisecond, time.Second
}

func TestHeadersThatAreTooLarge(t *testing.T) {
	w := setup(t, quickly)
	address := w.serve()
	for size, want := range map[int]int{16 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		conn := w.connect(address)
		_, err := fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Padding: %s\r\n\r\n", strings.Repeat("x", size))
		if err != nil && want == http.StatusOK {
			t.Fatal(err)
		}
		if got := status(conn); got != want {
			t.Errorf("a header of %d bytes: %d, want %d", size, got, want)
		}
	}
}

// Hundreds of connections whose headers never end are cut off, and meanwhile others
// are served.
func TestSlowHeadersAreCut(t *testing.T) {
	w := setup(t, quickly)
	address := w.serve()
	var cut atomic.Int64
	var group sync.WaitGroup
	const many = 400
	for range many {
		conn := w.connect(address)
		group.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			line := "GET /healthz HTTP/1.1\r\nHost: x\r\n"
			for {
				if _, err := io.WriteString(conn, line); err != nil {
					cut.Add(1) // the server has closed
					return
				}
				line = "X-Slow: 1\r\n"
				<-tick.C
			}
		})
	}
	w.server.URL = "http://" + address
	w.anonymous().get("/healthz").want(http.StatusOK)
	begin := time.Now()
	group.Wait()
	if n := cut.Load(); n != many {
		t.Errorf("%d of %d were cut off", n, many)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("that took %v", took)
	}
}

func TestASlowBodyIsCutOff(t *testing.T) {
	w := setup(t, quickly)
	conn := w.connect(w.serve())
	_, err := io.WriteString(conn, "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	w.must(err)
	begin := time.Now()
	if got := status(conn); got != http.StatusRequestTimeout {
		t.Errorf("got %d", got)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is still open: %v", err)
	}
}

// A body that arrives just in time does not cost the request the rest of its time.
func TestARequestMayTakeLongerThanItsBody(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.BodyTimeout, c.ProjectionWait = 300*time.Millisecond, time.Second })
	w.server.URL = "http://" + w.serve()
	ada := w.newPerson("ada")
	w.hold.Store(true)
	begin := time.Now()
	ada.post("/api/tenants", object{"name": "Late"}).want(http.StatusAccepted)
	if took := time.Since(begin); took < time.Second {
		t.Errorf("it took only %v", took)
	}
}

// More connections than are taken wait until others end.
func TestConnectionsAreBounded(t *testing.T) {
	w := setup(t, quickly, func(c *httpapi.Config) { c.MaxConnections = 4 })
	address := w.serve()
	ask := func(conn net.Conn) int {
		_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		w.must(err)
		return status(conn)
	}
	var first net.Conn
	for range 4 {
		first = w.connect(address)
		if got := ask(first); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
	}
	fifth := w.connect(address) // in the system's queue
	answered := make(chan int, 1)
	go func() { answered <- ask(fifth) }()
	select {
	case got := <-answered:
		t.Errorf("a fifth connection was served: %d", got)
	case <-time.After(300 * time.Millisecond):
	}
	w.must(first.Close())
	if got := <-answered; got != http.StatusOK {
		t.Errorf("got %d once there was room", got)
	}
}
