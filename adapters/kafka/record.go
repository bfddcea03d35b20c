package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

// Record is one message to publish.
type Record struct {
	Topic   string
	Key     []byte // picks the partition; records of one key keep their order
	Value   []byte
	Headers []*sarama.RecordHeader
	At      time.Time // millisecond precision on the wire
}

// size returns an upper bound of the record's bytes on the wire, uncompressed.
func (r *Record) size() int {
	const fixed, perHeader = 48, 10 // lengths are varints
	n := fixed + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += perHeader + len(h.Key) + len(h.Value)
	}
	return n
}
