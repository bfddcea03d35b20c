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
)

// taskRetention is how long messages stay on topics other than the audit topic:
// longer than any worker is away.
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
	}
	if topic == events.TopicAudit {
		settings[settingRetentionTime] = "-1"
		settings[settingRetentionBytes] = "-1"
	}
	return settings
}

// verifyTopic reads a topic's settings and refuses what would lose events.
func verifyTopic(admin sarama.ClusterAdmin, topic string) error {
	entries, err := admin.DescribeConfig(sarama.ConfigResource{
		Type: sarama.TopicResource, Name: topic,
		ConfigNames: []string{settingPolicy, settingRetentionTime, settingRetentionBytes},
	})
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	settings := make(map[string]string, len(entries))
	for _, e := range entries {
		settings[e.Name] = e.Value
	}
	return judge(topic, settings)
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
	if topic != events.TopicAudit {
		return nil
	}
	for _, setting := range []string{settingRetentionTime, settingRetentionBytes} {
		if value := settings[setting]; value != "-1" {
			return &TopicError{Topic: topic, Setting: setting, Value: value, Want: "-1", Why: "the trail would expire"}
		}
	}
	return nil
}
