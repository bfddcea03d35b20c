// Package faultproxy stands between a program and a server, for tests, and does to what
// passes what networks and sick servers do: it refuses connections, cuts them, slows
// them down, lets them hang, and changes bytes.
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
	Refuse       bool          // connections end as soon as they are made
	CutSent      int64         // a connection ends after so many bytes to the server; 0: it does not
	CutReceived  int64         // a connection ends after so many bytes from the server; 0: it does not
	HangSent     int64         // after so many bytes to the server no more are taken, and the connection stays; 0: they are
	HangReceived int64         // after so many bytes from the server no more come, and the connection stays; 0: they do
	Pause        time.Duration // before each piece of at most 16 KiB, either way
	Flip         bool          // the last byte of each piece of 16 KiB from the server is another
}

// Proxy passes on what it is sent.
type Proxy struct {
	Endpoint string // as the server's, but for the address

	server   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	fault Fault
	past  chan struct{} // closed when something else goes wrong
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
	p := &Proxy{server: server.Host, listener: listener, past: make(chan struct{}), open: make(map[net.Conn]bool)}
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
	close(p.past)
	p.past = make(chan struct{})
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
	fault, past, ok := p.enter(client)
	if !ok {
		return
	}
	defer p.leave(client)
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", p.server)
	if err != nil {
		return
	}
	if tcp, ok := client.(*net.TCPConn); ok && fault.HangSent > 0 {
		_ = tcp.SetReadBuffer(chunk) // or much would seem to be taken
	}
	var ways sync.WaitGroup
	for _, way := range []way{
		{to: server, from: client, cut: fault.CutSent, hang: fault.HangSent, pause: fault.Pause},
		{to: client, from: server, cut: fault.CutReceived, hang: fault.HangReceived, pause: fault.Pause, flip: fault.Flip},
	} {
		ways.Go(func() {
			way.pass(past)
			_ = client.Close() // whichever way ended: both do
			_ = server.Close()
		})
	}
	ways.Wait()
}

// enter notes a connection, and returns what goes wrong with it, and what is closed when
// that is past.
func (p *Proxy) enter(conn net.Conn) (Fault, <-chan struct{}, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault.Refuse {
		return Fault{}, nil, false
	}
	p.open[conn] = true
	return p.fault, p.past, true
}

func (p *Proxy) leave(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// way is one of the two directions of a connection.
type way struct {
	to        io.Writer
	from      io.Reader
	cut, hang int64 // see [Fault]
	pause     time.Duration
	flip      bool
}

// pass copies until an end, or as long as cut and hang allow. What hangs does so until
// past is closed.
func (w way) pass(past <-chan struct{}) {
	from := w.from
	if limit := max(w.cut, w.hang); limit > 0 {
		from = io.LimitReader(from, limit)
	}
	piece := make([]byte, chunk)
	for total := int64(0); ; {
		n, err := from.Read(piece)
		if w.pause > 0 {
			<-time.After(w.pause)
		}
		if w.flip && n == len(piece) {
			piece[n-1] ^= 1
		}
		if _, failed := w.to.Write(piece[:n]); failed != nil {
			return
		}
		if total += int64(n); w.hang > 0 && total == w.hang {
			<-past
		}
		if err != nil {
			return
		}
	}
}
