package kafka

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/events"
)

var errCut = errors.New("connection cut")

// cutter dials connections that break after some traffic: before a request was
// sent, in its middle, or after it was sent and before its answer was read.
type cutter struct {
	calm atomic.Bool
	cuts atomic.Int64
}

// Dial implements proxy.Dialer.
func (c *cutter) Dial(network, addr string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, addr, time.Second)
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
	producer := NewProducer(ProducerConfig{Brokers: b.broker.Addrs(), dialer: cut})
	t.Cleanup(func() { _ = producer.Close() })
	outbox, want := newOutbox(), given(5, 300)
	outbox.fill(want)
	b.run(t, NewRelay(outbox, producer, RelayOptions{Page: 40, Logger: b.logger}), leads)
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

func TestSequencesFollowEachOther(t *testing.T) {
	s := newSession(7, 1)
	at := topicPartition{topic: "t", partition: 2}
	first := &chunk{RecordBatch: &sarama.RecordBatch{Records: make([]*sarama.Record, 3)}}
	s.stamp(at, first)
	s.acknowledge(at, first)
	second := &chunk{RecordBatch: &sarama.RecordBatch{Records: make([]*sarama.Record, 2)}}
	s.stamp(at, second)
	if first.FirstSequence != 0 || second.FirstSequence != 3 {
		t.Errorf("sequences %d, %d, want 0, 3", first.FirstSequence, second.FirstSequence)
	}
	s.next[at] = 1<<31 - 2
	s.acknowledge(at, first)
	if s.next[at] != 1 {
		t.Errorf("sequence after the last is %d, want 1", s.next[at])
	}
}
