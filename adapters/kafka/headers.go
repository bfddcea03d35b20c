package kafka

// Names of the headers of a message: CloudEvents 1.0, Kafka protocol binding,
// binary content mode; "sequence" is the CloudEvents extension of that name,
// "traceparent" W3C trace context.
const (
	headerSpecVersion = "ce_specversion"
	headerID          = "ce_id"
	headerSource      = "ce_source"
	headerType        = "ce_type"
	headerTime        = "ce_time"
	headerSubject     = "ce_subject"  // the stream's id
	headerSequence    = "ce_sequence" // position in the ledger
	headerContentType = "content-type"
	headerTraceParent = "traceparent"
)

const (
	specVersion  = "1.0"
	contentType  = "application/json; charset=utf-8"
	sourcePrefix = "/ledgers/" // followed by the ledger's id
	timeLayout   = "2006-01-02T15:04:05.000000Z"
)
