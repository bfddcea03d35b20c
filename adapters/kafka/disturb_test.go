package kafka

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartulary/cartulary/events"
)

var errCut = errors.New("connection cut")

// cutter dials connections that break after some traffic: before a request was
// sent, in its middle, or after it was sent and before its answer was read. Mute
// ones do not break: they deliver requests, and never hand over an answer again; one
// does so for sure.
type cutter struct {
	mute bool
	calm atomic.Bool
	cuts atomic.Int64
}

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cutter: c}, nil
}

type cutConn struct {
	net.Conn

	cutter *cutter
	reads  int
}

func (c *cutConn) strikes(often int) bool {
	if c.cutter.calm.Load() || rand.N(often) != 0 {
		return false
	}
	c.cutter.cuts.Add(1)
	return true
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.cutter.mute || !c.strikes(12) {
		return c.Conn.Write(p)
	}
	_ = c.Close()
	return 0, errCut
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		return n, err
	}
	if c.reads++; c.cutter.mute {
		if c.reads > 2 && (c.strikes(6) || c.reads > 4 && c.cutter.cuts.CompareAndSwap(0, 1)) { // the first answers are the connection's set-up
			_, err = io.Copy(io.Discard, c.Conn)
			return 0, errors.Join(errCut, err)
		}
		return n, nil
	}
	if c.strikes(12) {
		_ = c.Close()
		return 0, errCut
	}
	return n, nil
}

func TestRelayKeepsOrderWhenConnectionsAreCut(t *testing.T) {
	b := setup(t)
	cut := &cutter{}
	publisher := NewPublisher(PublisherConfig{Brokers: b.broker.Addrs(), dial: cut.dial})
	t.Cleanup(func() { _ = publisher.Close() })
	outbox, want := newOutbox(), given(5, 300)
	outbox.fill(want)
	b.run(t, NewRelay(outbox, publisher, RelayOptions{Page: 40, Logger: b.logger}), leads)
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	cut.calm.Store(true)
	duplicates := wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want)
	t.Logf("%d cuts, %d duplicates of %d", cut.cuts.Load(), duplicates, len(want))
	if cut.cuts.Load() == 0 {
		t.Error("no connection was cut")
	}
	if duplicates != 0 {
		t.Errorf("%d duplicates though sequence numbers tell them", duplicates)
	}
}

// What a client that was given up has sent lands unseen, and is sent again by the next.
func TestRelayKeepsOrderWhenAnswersAreLost(t *testing.T) {
	b := setup(t)
	cut := &cutter{mute: true}
	publisher := NewPublisher(PublisherConfig{Brokers: b.broker.Addrs(), dial: cut.dial, answer: 200 * time.Millisecond})
	t.Cleanup(func() { _ = publisher.Close() })
	outbox, want := newOutbox(), given(5, 120)
	outbox.fill(want)
	b.run(t, NewRelay(outbox, publisher, RelayOptions{Page: 40, Logger: b.logger}), leads)
	until(b.ctx, t, "an answer is lost", func() bool { return cut.cuts.Load() > 0 })
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	duplicates := wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want)
	t.Logf("%d answers lost, %d duplicates of %d", cut.cuts.Load(), duplicates, len(want))
}
