package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartulary/cartulary/events"
)

var errCut = errors.New("connection cut")

// cutter dials connections that break after some traffic: before a request was
// sent, in its middle, or after it was sent and before its answer was read.
type cutter struct {
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
}

func (c *cutConn) strike() bool {
	const often = 12
	if c.cutter.calm.Load() || rand.N(often) != 0 {
		return false
	}
	c.cutter.cuts.Add(1)
	_ = c.Close()
	return true
}

func (c *cutConn) Write(p []byte) (int, error) {
	if !c.strike() {
		return c.Conn.Write(p)
	}
	return 0, errCut
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.strike() {
		return 0, errCut
	}
	return n, err
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
