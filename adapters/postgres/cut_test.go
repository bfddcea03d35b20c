package postgres_test

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// cable is a TCP proxy that breaks a connection at a chosen word.
type cable struct {
	listener net.Listener
	target   string
	up, down atomic.Pointer[[]byte] // words that break it; what holds them is not passed on
	dead     atomic.Bool            // nobody gets through any more
	late     atomic.Pointer[lateness]
	conns    sync.WaitGroup
}

// newCable returns a cable to a database's server, and the URL through it.
func newCable(t *testing.T, database string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, target: u.Host}
	c.conns.Go(c.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		c.conns.Wait()
	})
	u.Host = listener.Addr().String()
	return c, u.String()
}

func (c *cable) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.target)
		if err != nil || c.dead.Load() {
			_ = client.Close()
			continue
		}
		answered := make(chan struct{})
		c.conns.Go(func() { c.pass(client, server, &c.up, answered) })
		c.conns.Go(func() {
			defer close(answered)
			c.pass(server, client, &c.down, nil)
		})
	}
}

// pass copies until the word comes by, then ends both connections.
func (c *cable) pass(from, to net.Conn, word *atomic.Pointer[[]byte], answered <-chan struct{}) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buf := make([]byte, 1<<20)
	for {
		n, err := from.Read(buf)
		if late := c.late.Load(); late != nil && answered != nil && bytes.Contains(buf[:n], late.word) {
			c.late.Store(nil)
			_ = from.Close()
			<-late.deliver
			_, _ = to.Write(buf[:n])
			<-answered
			close(late.answered)
			return
		}
		if w := word.Load(); w != nil && bytes.Contains(buf[:n], *w) {
			word.Store(nil)
			return
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// lateness is a message that the client has lost sight of, and that arrives when
// deliver is closed.
type lateness struct {
	word              []byte
	deliver, answered chan struct{}
}

// delay breaks the connection at the client's end when the word comes by.
func (c *cable) delay(at string) *lateness {
	late := &lateness{word: []byte(at), deliver: make(chan struct{}), answered: make(chan struct{})}
	c.late.Store(late)
	return late
}

func (c *cable) cut(word *atomic.Pointer[[]byte], at string) {
	b := []byte(at)
	word.Store(&b)
}

func TestCommitWhoseReplyIsLost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		events int
		keyed  bool
		word   string
		down   bool
		wantOK bool
	}{
		"events, committed":      {events: 2, word: "COMMIT", down: true, wantOK: true},
		"events, never arrived":  {events: 2, word: "0.pdf"},
		"outcome, committed":     {keyed: true, word: "COMMIT", down: true, wantOK: true},
		"outcome, never arrived": {keyed: true, word: "the outcome"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, through := newCable(t, pgtest.Platform(t))
			l := openLedger(t, openPool(t, through), postgres.Options{Writers: 1})
			ledger := newID()
			mustAppend(t, l, rename(ledger, document(), 0, 1))

			a := rename(ledger, document(), 0, tc.events)
			a.Meta.Keyed = tc.keyed
			a.Outcome = func(command.Receipt) []byte { return []byte("the outcome") }
			if tc.down {
				c.cut(&c.down, tc.word)
			} else {
				c.cut(&c.up, tc.word)
			}
			r, err := l.Append(t.Context(), a)
			if tc.wantOK && (err != nil || r.Seq != int64(1+tc.events)) {
				t.Errorf("append: %+v, %v; want it settled as committed", r, err)
			}
			if !tc.wantOK && (err == nil || errors.Is(err, command.ErrUncertain)) {
				t.Errorf("append: %v; want it settled as failed", err)
			}
			want := int64(1)
			if tc.wantOK {
				want += int64(tc.events)
			}
			if head, err := l.Head(t.Context(), ledger); head != want || err != nil {
				t.Errorf("head %d (%v), want %d", head, err, want)
			}
			mustAppend(t, l, rename(ledger, document(), 0, 1))
		})
	}
}

func TestCommitThatCannotBeSettled(t *testing.T) {
	t.Parallel()
	c, through := newCable(t, pgtest.Platform(t))
	l := openLedger(t, openPool(t, through), postgres.Options{Writers: 1, Timeout: 300 * time.Millisecond})
	ledger, s := newID(), document()
	mustAppend(t, l, rename(ledger, s, 0, 1))
	c.dead.Store(true)
	c.cut(&c.down, "COMMIT")
	if _, err := l.Append(t.Context(), rename(ledger, s, 1, 1)); !errors.Is(err, command.ErrUncertain) {
		t.Errorf("append: %v, want %v", err, command.ErrUncertain)
	}
	if _, err := l.Append(t.Context(), rename(ledger, s, 1, 1)); errors.Is(err, command.ErrUncertain) || err == nil {
		t.Errorf("append: %v, want that the connection failed", err)
	}
	c.dead.Store(false)
	if _, err := l.Append(t.Context(), rename(ledger, s, 1, 1)); !errors.Is(err, command.ErrConflict) {
		t.Errorf("append: %v, want %v: the lost one was committed", err, command.ErrConflict)
	}
}
