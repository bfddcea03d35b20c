package events

// The Kafka topics of requirements §6.1.
const (
	TopicAudit            = "audit.log" // every event, in order per ledger
	TopicTenantCreated    = "tenant.created"
	TopicTenantDeleted    = "tenant.deleted"
	TopicDocumentUploaded = "document.uploaded"
	TopicDocumentDeleted  = "document.deleted"
	TopicFileProcess      = "file.process"
)

// TopicFileDeleted carries files whose bytes are to be removed.
const TopicFileDeleted = "file.deleted"

// TopicCheckpoint carries the signed checkpoints of ledgers, keyed like [TopicAudit].
// They are no events.
const TopicCheckpoint = "audit.checkpoint"

// Topics lists every topic the platform publishes to.
func Topics() []string {
	return []string{
		TopicAudit, TopicTenantCreated, TopicTenantDeleted,
		TopicDocumentUploaded, TopicDocumentDeleted, TopicFileProcess, TopicFileDeleted, TopicCheckpoint,
	}
}

// TopicOf returns the topic of its own that events of type t go to besides
// [TopicAudit], or "" if there is none.
func TopicOf(t Type) string {
	switch t {
	case TypeTenantCreated:
		return TopicTenantCreated
	case TypeTenantDeleted:
		return TopicTenantDeleted
	case TypeDocumentUploaded:
		return TopicDocumentUploaded
	case TypeDocumentDeleted:
		return TopicDocumentDeleted
	case TypeFileReceived, TypeFileRetried:
		return TopicFileProcess
	case TypeFileDeleted:
		return TopicFileDeleted
	default:
		return ""
	}
}
