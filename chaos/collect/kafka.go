package collect

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cartulary/cartulary/chaos/check"
)

// Ping checks that a broker answers.
func Ping(ctx context.Context, brokers []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	return client.Ping(ctx)
}

// topics reads all messages that topics hold now, in the order of partitions and
// offsets.
func topics(ctx context.Context, brokers, names []string) (map[string][]check.Message, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	first, err := offsets(ctx, client, names, -2)
	if err != nil {
		return nil, err
	}
	end, err := offsets(ctx, client, names, -1)
	if err != nil {
		return nil, err
	}
	read := make(map[string][]check.Message, len(names))
	for _, topic := range names {
		for partition := range int32(len(end[topic])) { //nolint:gosec // partitions are few
			messages, err := messages(ctx, brokers, topic, partition, first[topic][partition], end[topic][partition])
			if err != nil {
				return nil, fmt.Errorf("kafka: read %s/%d: %w", topic, partition, err)
			}
			read[topic] = append(read[topic], messages...)
		}
	}
	return read, nil
}

// offsets returns an offset of each partition: the first (-2) or the next to be
// written (-1).
func offsets(ctx context.Context, client *kgo.Client, topics []string, which int64) (map[string]map[int32]int64, error) {
	ask := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(topic)
		ask.Topics = append(ask.Topics, t)
	}
	metadata, err := ask.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("kafka: metadata: %w", err)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	for _, t := range metadata.Topics {
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = *t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewListOffsetsRequestTopicPartition()
			partition.Partition, partition.Timestamp = p.Partition, which
			topic.Partitions = append(topic.Partitions, partition)
		}
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("kafka: offsets: %w", err)
	}
	found := make(map[string]map[int32]int64, len(topics))
	for _, t := range response.Topics {
		found[t.Topic] = make(map[int32]int64, len(t.Partitions))
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return nil, fmt.Errorf("kafka: offset of %s/%d: error %d", t.Topic, p.Partition, p.ErrorCode)
			}
			found[t.Topic][p.Partition] = p.Offset
		}
	}
	return found, nil
}

// messages reads a partition from an offset up to, but not including, another.
func messages(ctx context.Context, brokers []string, topic string, partition int32, from, end int64) ([]check.Message, error) {
	if from >= end {
		return nil, nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {partition: kgo.NewOffset().At(from)},
	}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var read []check.Message
	for next := from; next < end; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for record := range fetches.RecordsAll() {
			if record.Offset >= end {
				break
			}
			read = append(read, check.Message{
				Partition: partition, Offset: record.Offset, Key: string(record.Key), Value: record.Value,
			})
			next = record.Offset + 1
		}
	}
	return read, nil
}
