package kafka

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/events"
)

// Settings of topics that matter to the platform.
const (
	settingPolicy         = "cleanup.policy"
	settingRetentionTime  = "retention.ms"
	settingRetentionBytes = "retention.bytes"
	settingMessageBytes   = "max.message.bytes"
	settingMinReplicas    = "min.insync.replicas"
	settingTimestamp      = "message.timestamp.type"
)

// taskRetention is how long messages stay on topics other than the audit topic:
// longer than any worker is away. It counts from when a message was stored, not
// from when its event happened, which may be long before it could be published.
const taskRetention = 30 * 24 * time.Hour

// TopicError says that a topic's setting would lose events.
type TopicError struct {
	Topic   string
	Setting string
	Value   string // what it is
	Want    string // what it must be
	Why     string
}

func (e *TopicError) Error() string {
	return fmt.Sprintf("topic %s has %s=%s: %s; set it with: kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name %s --add-config %s=%s",
		e.Topic, e.Setting, e.Value, e.Why, e.Topic, e.Setting, e.Want)
}

// newTopicSettings returns the settings that a topic is created with.
func newTopicSettings(topic string, replication int16) map[string]string {
	settings := map[string]string{
		settingPolicy:        "delete",
		settingMessageBytes:  strconv.Itoa(maxMessageBytes),
		settingMinReplicas:   strconv.Itoa(max(1, int(replication)-1)),
		settingRetentionTime: strconv.FormatInt(taskRetention.Milliseconds(), 10),
		settingTimestamp:     "LogAppendTime",
	}
	if keptForGood(topic) {
		settings[settingTimestamp] = "CreateTime"
		settings[settingRetentionTime] = "-1"
		settings[settingRetentionBytes] = "-1"
	}
	return settings
}

// verifyTopics reads the topics' settings and refuses what would lose events.
func verifyTopics(admin sarama.ClusterAdmin, topics []string) error {
	resources := make([]*sarama.ConfigResource, len(topics))
	for i, topic := range topics {
		resources[i] = &sarama.ConfigResource{
			Type: sarama.TopicResource, Name: topic,
			ConfigNames: []string{settingPolicy, settingRetentionTime, settingRetentionBytes},
		}
	}
	results, err := admin.DescribeConfigs(resources, sarama.DescribeConfigsOptions{})
	if err != nil {
		return fmt.Errorf("describe topics: %w", err)
	}
	judged := 0
	for _, result := range results {
		if result.ErrorCode != sarama.ErrNoError {
			return fmt.Errorf("describe topic %s: %w", result.Name, result.ErrorCode)
		}
		settings := make(map[string]string, len(result.Configs))
		for _, entry := range result.Configs {
			settings[entry.Name] = entry.Value
		}
		if err := judge(result.Name, settings); err != nil {
			return err
		}
		judged++
	}
	if judged != len(topics) {
		return fmt.Errorf("describe topics: settings of %d, want %d", judged, len(topics))
	}
	return nil
}

// keptForGood reports whether nothing may ever leave a topic.
func keptForGood(topic string) bool {
	return topic == events.TopicAudit || topic == events.TopicCheckpoint
}

// judge returns a [*TopicError] if the settings of a topic would lose events. No
// topic may be compacted: that keeps the last message of each ledger only. The
// audit topic must keep everything for good.
func judge(topic string, settings map[string]string) error {
	if policy := settings[settingPolicy]; strings.Contains(policy, "compact") {
		return &TopicError{
			Topic: topic, Setting: settingPolicy, Value: policy, Want: "delete",
			Why: "compaction would keep only the last event of each ledger",
		}
	}
	if !keptForGood(topic) {
		return nil
	}
	for _, setting := range []string{settingRetentionTime, settingRetentionBytes} {
		if value := settings[setting]; value != "-1" {
			return &TopicError{Topic: topic, Setting: setting, Value: value, Want: "-1", Why: "the trail would expire"}
		}
	}
	return nil
}
