package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/kafkatest"
)

func TestEnsureTopicsCreatesWhatIsMissing(t *testing.T) {
	broker := kafkatest.Start(t)
	config := TopicsConfig{Brokers: broker.Addrs()}
	for range 2 { // the second time everything is there
		if err := EnsureTopics(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := broker.Admin(t).ListTopics()
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range events.Topics() {
		if got := topics[topic].NumPartitions; got != DefaultPartitions {
			t.Errorf("%s has %d partitions, want %d", topic, got, DefaultPartitions)
		}
	}
	for topic, settings := range map[string]map[string]string{
		events.TopicAudit: {
			settingRetentionTime: "-1", settingRetentionBytes: "-1", settingPolicy: "delete",
			settingMessageBytes: "8388608", settingTimestamp: "CreateTime",
		},
		// What waits for a worker must not expire by the age of its event.
		events.TopicFileProcess: {settingRetentionTime: "2592000000", settingTimestamp: "LogAppendTime"},
	} {
		for setting, want := range settings {
			resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{setting}}
			results, err := broker.Admin(t).DescribeConfigs([]*sarama.ConfigResource{&resource}, sarama.DescribeConfigsOptions{})
			if err != nil || len(results) != 1 || len(results[0].Configs) != 1 {
				t.Fatalf("describe %s of %s: %v", setting, topic, err)
			}
			if got := results[0].Configs[0].Value; got != want {
				t.Errorf("%s has %s=%s, want %s", topic, setting, got, want)
			}
		}
	}
}

func TestEnsureTopicsRefusesToLoseTheTrail(t *testing.T) {
	for name, tc := range map[string]struct {
		topic    string
		settings map[string]string
		setting  string
	}{
		"it expires by default":      {events.TopicAudit, nil, settingRetentionTime},
		"it expires by time":         {events.TopicAudit, map[string]string{settingRetentionTime: "1000"}, settingRetentionTime},
		"it expires by size":         {events.TopicAudit, map[string]string{settingRetentionTime: "-1", settingRetentionBytes: "1000000"}, settingRetentionBytes},
		"it is compacted":            {events.TopicAudit, map[string]string{settingRetentionTime: "-1", settingPolicy: "compact"}, settingPolicy},
		"it is compacted as well":    {events.TopicAudit, map[string]string{settingRetentionTime: "-1", settingPolicy: "compact,delete"}, settingPolicy},
		"another topic is compacted": {events.TopicFileProcess, map[string]string{settingPolicy: "compact"}, settingPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Start(t)
			settings := make(map[string]*string)
			for k, v := range tc.settings {
				settings[k] = &v
			}
			detail := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: settings}
			if err := broker.Admin(t).CreateTopic(tc.topic, detail, false); err != nil {
				t.Fatal(err)
			}
			err := EnsureTopics(t.Context(), TopicsConfig{Brokers: broker.Addrs(), Partitions: 1})
			var refused *TopicError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v, want a TopicError", err)
			}
			if refused.Topic != tc.topic || refused.Setting != tc.setting {
				t.Errorf("refused %s of %s, want %s of %s", refused.Setting, refused.Topic, tc.setting, tc.topic)
			}
			if remedy := tc.setting + "=" + refused.Want; !strings.Contains(err.Error(), "--add-config "+remedy) {
				t.Errorf("%v does not tell the remedy", err)
			}
		})
	}
}

func TestEnsureTopicsWithoutBroker(t *testing.T) {
	err := EnsureTopics(t.Context(), TopicsConfig{Brokers: []string{"127.0.0.1:1"}})
	if !errors.Is(err, sarama.ErrOutOfBrokers) {
		t.Errorf("error %v, want ErrOutOfBrokers", err)
	}
}
