package catalogue

import (
	"slices"
	"strings"

	"github.com/cartulary/cartulary/events"
)

// group is a consumer group of the platform's own.
type group struct {
	name, does string
	topics     []string
}

// groups lists the platform's consumer groups.
func groups() []group {
	return []group{
		{"cartulary-projector", "Writes read models.", []string{events.TopicAudit}},
		{"cartulary-worker", "Makes tenants' databases, verifies and files what was uploaded.", []string{events.TopicTenantCreated, events.TopicFileProcess}},
		{"cartulary-remover", "Removes the bytes of deleted files, after a while.", []string{events.TopicFileDeleted}},
	}
}

// channel describes a topic.
func (c *Catalogue) channel(topic string) object {
	messages := object{}
	for _, name := range c.messageNames(topic) {
		messages[name] = object{"$ref": "#/components/messages/" + name}
	}
	settings := object{"cleanup.policy": []string{"delete"}, "retention.ms": 2592000000, "max.message.bytes": 8388608}
	what := "What its readers act on. Messages go after 30 days: this topic is for reacting, not for rebuilding."
	switch topic {
	case events.TopicAudit:
		what = "Every event of every ledger, in order per ledger. Nothing ever leaves it."
	case events.TopicCheckpoint:
		what = "The signed checkpoints of ledgers. Nothing ever leaves it."
	}
	if topic == events.TopicAudit || topic == events.TopicCheckpoint {
		settings["retention.ms"], settings["retention.bytes"] = -1, -1
	}
	return object{
		"address": topic, "description": what, "messages": messages,
		"servers":  []any{object{"$ref": "#/servers/kafka"}},
		"bindings": object{"kafka": object{"topic": topic, "topicConfiguration": settings, "bindingVersion": "0.5.0"}},
	}
}

// operations says who writes to the topics, and which of the platform's own groups
// read them.
func operations() object {
	list := object{}
	for _, topic := range events.Topics() {
		does := "The relay publishes what was committed, at least once, and in order per ledger."
		if topic == events.TopicCheckpoint {
			does = "The notary publishes what it signed."
		}
		list["publish."+topic] = object{
			"action": "send", "channel": object{"$ref": "#/channels/" + topic}, "summary": does,
		}
	}
	for _, g := range groups() {
		for _, topic := range g.topics {
			list[strings.TrimPrefix(g.name, "cartulary-")+"."+topic] = object{
				"action": "receive", "channel": object{"$ref": "#/channels/" + topic}, "summary": g.does,
				"bindings": object{"kafka": object{
					"groupId": object{"type": "string", "const": g.name}, "bindingVersion": "0.5.0",
				}},
			}
		}
	}
	return list
}

const (
	ledgerSource = "^/ledgers/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
	uuidText     = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
)

// headerSchemas describes the headers: CloudEvents 1.0, Kafka protocol binding,
// binary content mode.
func headerSchemas() object {
	text := func(description, key string, value any) object {
		return object{"type": "string", "description": description, key: value}
	}
	of := func(properties object, optional string) object {
		var required []string
		for name := range properties {
			if name != optional {
				required = append(required, name)
			}
		}
		slices.Sort(required)
		return object{
			"type": "object", "description": "CloudEvents 1.0, Kafka protocol binding, binary content mode.",
			"properties": properties, "required": required, "additionalProperties": false,
		}
	}
	specification := text("The version of CloudEvents.", "const", "1.0")
	source := text("The ledger.", "pattern", ledgerSource)
	sequence := text("The position in the ledger; of a checkpoint, the ledger's size.", "pattern", "^[1-9][0-9]*$")
	return object{
		"headers": of(object{
			"ce_specversion": specification, "ce_source": source, "ce_sequence": sequence,
			"ce_id":        text("The event's id.", "pattern", uuidText),
			"ce_type":      text("The event's name.", "pattern", "^[a-z_]+[.][a-z_]+$"),
			"ce_subject":   text("The id of the stream.", "pattern", uuidText),
			"ce_time":      text("When the event was recorded.", "format", "date-time"),
			"content-type": text("The media type of the value.", "const", contentJSON),
			"traceparent":  text("The trace that the event belongs to (W3C Trace Context); absent if there is none.", "pattern", "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"),
		}, "traceparent"),
		"checkpointHeaders": of(object{
			"ce_specversion": specification, "ce_source": source, "ce_sequence": sequence,
			"ce_id":        text("The ledger's id, an at sign and its size.", "pattern", "^[0-9a-f-]{36}@[1-9][0-9]*$"),
			"ce_type":      text("What it is.", "const", events.TopicCheckpoint),
			"content-type": text("The media type of the value.", "const", contentText),
		}, ""),
	}
}
