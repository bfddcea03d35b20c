package main

import (
	"context"
	"errors"
	"os"

	"github.com/cartulary/cartulary/adapters/kafka"
	broker "github.com/cartulary/cartulary/embedded/kafka"
)

// topics is a broker of its own, in this process, with the platform's topics.
type topics struct {
	broker *broker.Broker
	dir    string
}

// startBroker starts a broker with empty topics, whose writes are synced.
func (b *bench) startBroker(ctx context.Context) (*topics, error) {
	dir, err := os.MkdirTemp(b.scratch, "kafka-")
	if err != nil {
		return nil, err
	}
	started, err := broker.Start(broker.Config{Dir: dir, Durable: true})
	if err != nil {
		return nil, err
	}
	t := &topics{broker: started, dir: dir}
	if err := kafka.EnsureTopics(ctx, kafka.TopicsConfig{Brokers: t.addresses()}); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *topics) addresses() []string { return []string{t.broker.Addr()} }

func (t *topics) close() error {
	t.broker.Close()
	return os.RemoveAll(t.dir) //nolint:gosec // below the directory of the user's own choice
}
