// Package faultproxy stands between a program and a server, for tests, and does to what
// passes what networks and sick servers do: it refuses connections, cuts them, slows
// them down, and changes bytes.
package faultproxy

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// chunk is how many bytes are passed on at once.
const chunk = 16 << 10

// Fault says what goes wrong; the zero value, that nothing does.
type Fault struct {
	Refuse      bool          // connections end as soon as they are made
	CutSent     int64         // a connection ends after so many bytes to the server; 0: it does not
	CutReceived int64         // a connection ends after so many bytes from the server; 0: it does not
	Pause       time.Duration // before each piece of at most 16 KiB, either way
	Flip        bool          // the last byte of each piece of 16 KiB from the server is another
}

// Proxy passes on what it is sent.
type Proxy struct {
	Endpoint string // as the server's, but for the address

	server   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	fault Fault
	open  map[net.Conn]bool
}

// Start returns a proxy before the server at an endpoint, which works until the test
// ends.
func Start(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	server, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: server.Host, listener: listener, open: make(map[net.Conn]bool)}
	server.Host = listener.Addr().String()
	p.Endpoint = server.String()
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Set(Fault{Refuse: true})
		p.running.Wait()
	})
	return p
}

// Set has something else go wrong from now on. Connections that are open end.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(conn) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	fault, ok := p.enter(client)
	if !ok {
		return
	}
	defer p.leave(client)
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", p.server)
	if err != nil {
		return
	}
	var ways sync.WaitGroup
	for _, way := range []func(){
		func() { pass(server, client, fault.CutSent, fault.Pause, false) },
		func() { pass(client, server, fault.CutReceived, fault.Pause, fault.Flip) },
	} {
		ways.Go(func() {
			way()
			_ = client.Close() // whichever way ended: both do
			_ = server.Close()
		})
	}
	ways.Wait()
}

// enter notes a connection, and returns what goes wrong with it.
func (p *Proxy) enter(conn net.Conn) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault.Refuse {
		return Fault{}, false
	}
	p.open[conn] = true
	return p.fault, true
}

func (p *Proxy) leave(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// pass copies until an end, or until so many bytes were copied if cut is positive.
func pass(to io.Writer, from io.Reader, cut int64, pause time.Duration, flip bool) {
	if cut > 0 {
		from = io.LimitReader(from, cut)
	}
	piece := make([]byte, chunk)
	for {
		n, err := from.Read(piece)
		if pause > 0 {
			<-time.After(pause)
		}
		if flip && n == len(piece) {
			piece[n-1] ^= 1
		}
		if _, failed := to.Write(piece[:n]); err != nil || failed != nil {
			return
		}
	}
}
