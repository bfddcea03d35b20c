package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cartulary/cartulary/internal/kafkatest"
)

func TestDemoConsumesWhatItProduces(t *testing.T) {
	b := setup(t)
	d, err := NewDemo(b.broker.Addrs(), Security{}, b.logger)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); d.Run(b.ctx) }()
	t.Cleanup(func() { d.Close() })
	var sent DemoMessage
	until(b.ctx, t, "a message is produced", func() bool {
		sent, err = d.Produce(b.ctx, "k", "hello")
		return err == nil
	})
	var status DemoStatus
	until(b.ctx, t, "it is consumed with no lag", func() bool {
		status, err = d.Status(b.ctx)
		if err != nil || len(status.Recent) == 0 {
			return false
		}
		for _, p := range status.Partitions {
			if p.Lag != 0 {
				return false
			}
		}
		return status.State == "Stable"
	})
	newest := status.Recent[0]
	if newest.Key != "k" || newest.Value != "hello" || newest.Partition != sent.Partition || newest.Offset != sent.Offset {
		t.Errorf("consumed %+v, sent %+v", newest, sent)
	}
	if len(status.Partitions) != demoPartitions || len(status.Members) != 1 {
		t.Errorf("%d partitions, %d members", len(status.Partitions), len(status.Members))
	}
	if p := status.Partitions[sent.Partition]; p.Committed != sent.Offset+1 || p.End != p.Committed {
		t.Errorf("partition: %+v, sent %+v", p, sent)
	}
}

func TestDemoWithoutBrokerFailsSoon(t *testing.T) {
	broker := kafkatest.Start(t)
	broker.Kill(t)
	d, err := NewDemo(broker.Addrs(), Security{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	began := time.Now()
	if _, err := d.Produce(t.Context(), "", "hello"); !errors.Is(err, ErrDemoUnavailable) {
		t.Errorf("produce: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("produce took %s", took)
	}
	began = time.Now()
	if _, err := d.Status(t.Context()); !errors.Is(err, ErrDemoUnavailable) {
		t.Errorf("status: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("status took %s", took)
	}
}

func TestDemoThatStillJoinsIsClosedSoon(t *testing.T) {
	b := setup(t)
	start := func() (*Demo, func()) {
		d, err := NewDemo(b.broker.Addrs(), Security{}, b.logger)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.ctx)
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		return d, func() { stop(); running.Wait(); d.Close() }
	}
	state := func(d *Demo, want string) {
		t.Helper()
		until(b.ctx, t, "the group is "+want, func() bool {
			status, err := d.Status(b.ctx)
			return err == nil && status.State == want
		})
	}
	// Given a member that died, which the broker does not know yet
	dead, stop := start()
	state(dead, "Stable")
	dead.cut()
	stop()
	joining, stop := start()
	state(joining, "PreparingRebalance")

	began := time.Now()
	stop()

	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
