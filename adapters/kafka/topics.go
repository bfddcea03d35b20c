package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/events"
)

// Defaults of [TopicsConfig].
const (
	DefaultPartitions  = 12
	defaultReplication = 3
	maxMessageBytes    = 8 << 20
)

// TopicsConfig says how topics are made.
type TopicsConfig struct {
	Brokers     []string
	Security    Security
	Partitions  int32 // of a new topic; DefaultPartitions if zero
	Replication int16 // of a new topic; 3, or the number of brokers if that is less, if zero
}

// EnsureTopics creates the platform's topics where they are missing, verifies
// them, and returns when each partition has a leader. It fails with a
// [*TopicError] when a topic's settings would lose events. It does not change a
// topic that exists.
func EnsureTopics(ctx context.Context, config TopicsConfig) error {
	if config.Partitions <= 0 {
		config.Partitions = DefaultPartitions
	}
	cfg := clientConfig("cartulary", config.Security)
	cfg.Admin.Timeout = produceTimeout
	cfg.Metadata.Full = true
	admin, err := sarama.NewClusterAdmin(config.Brokers, cfg)
	if err != nil {
		return fmt.Errorf("ensure topics: connect to kafka: %w", err)
	}
	defer func() { _ = admin.Close() }()
	if config.Replication <= 0 {
		brokers, _, err := admin.DescribeCluster()
		if err != nil {
			return fmt.Errorf("ensure topics: describe cluster: %w", err)
		}
		config.Replication = int16(min(len(brokers), defaultReplication))
	}
	for _, topic := range events.Topics() {
		if err := createTopic(admin, topic, config); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return await(ctx, func() error {
		described, err := admin.DescribeTopics(events.Topics())
		if err != nil {
			return err
		}
		if err := leaderless(described); err != nil {
			return err
		}
		return verifyTopics(admin, events.Topics())
	})
}

func createTopic(admin sarama.ClusterAdmin, topic string, config TopicsConfig) error {
	detail := &sarama.TopicDetail{
		NumPartitions: config.Partitions, ReplicationFactor: config.Replication,
		ConfigEntries: make(map[string]*string),
	}
	for name, value := range newTopicSettings(topic, config.Replication) {
		detail.ConfigEntries[name] = &value
	}
	if err := admin.CreateTopic(topic, detail, false); err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return err
	}
	return nil
}

// await tries until check succeeds, which it may fail to do for a while after
// topics were created: brokers learn of them one after the other. What a topic's
// settings say is final.
func await(ctx context.Context, check func() error) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check()
		var refused *TopicError
		if err == nil || errors.As(err, &refused) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ensure topics: %w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

func leaderless(topics []*sarama.TopicMetadata) error {
	for _, t := range topics {
		if t.Err != sarama.ErrNoError {
			return fmt.Errorf("topic %s: %w", t.Name, t.Err)
		}
		for _, p := range t.Partitions {
			if p.Err != sarama.ErrNoError {
				return fmt.Errorf("%s/%d: %w", t.Name, p.ID, p.Err)
			}
		}
	}
	return nil
}
