package roles

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/kafka"
)

// openDemo starts the demo if it is on; it returns nil if not.
func (p *Platform) openDemo(ctx context.Context) (httpapi.Demo, func(), error) {
	if !p.cfg.Demo {
		return nil, func() {}, nil
	}
	d, err := kafka.NewDemo(p.cfg.Kafka.Brokers, p.kafkaSecurity(), p.logger) //nolint:contextcheck // lives until it is closed
	if err != nil {
		return nil, nil, fmt.Errorf("set up the demo: %w", err)
	}
	running, stop := context.WithCancel(ctx)
	var runs sync.WaitGroup
	runs.Go(func() { d.Run(running) })
	return demo{d}, func() {
		stop()
		runs.Wait()
		d.Close()
	}, nil
}

// demo is Kafka's demo as the API sees it.
type demo struct{ kafka *kafka.Demo }

func (d demo) Produce(ctx context.Context, request httpapi.ProduceDemoRequest) (httpapi.DemoRecord, error) {
	key := ""
	if request.Key != nil {
		key = *request.Key
	}
	m, err := d.kafka.Produce(ctx, key, request.Message)
	return httpapi.DemoRecord{Topic: kafka.DemoTopic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.At}, err
}

func (d demo) Status(ctx context.Context) (httpapi.DemoStatus, error) {
	s, err := d.kafka.Status(ctx)
	if err != nil {
		return httpapi.DemoStatus{}, err
	}
	answer := httpapi.DemoStatus{
		Group: kafka.DemoGroup, State: s.State, Consumed: s.Consumed,
		Members: []httpapi.DemoMember{}, Partitions: []httpapi.DemoPartition{}, Messages: []httpapi.DemoMessage{},
	}
	for _, id := range slices.Sorted(maps.Keys(s.Members)) {
		answer.Members = append(answer.Members, httpapi.DemoMember{ID: id, Partitions: s.Members[id]})
	}
	for _, p := range s.Partitions {
		partition := httpapi.DemoPartition{Partition: p.Partition, End: p.End, Lag: p.Lag}
		if p.Committed >= 0 {
			partition.Committed = &p.Committed
		}
		answer.Partitions = append(answer.Partitions, partition)
	}
	for _, m := range s.Recent {
		answer.Messages = append(answer.Messages, httpapi.DemoMessage{
			Key: m.Key, Value: m.Value, Partition: m.Partition, Offset: m.Offset, Timestamp: m.At,
		})
	}
	return answer, nil
}
