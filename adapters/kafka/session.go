package kafka

import "math"

// session is an idempotent producer's identity with the sequence number that
// each partition expects next. A sequence number that may have reached a broker
// is used again only for the same chunk; when that can't be kept, a new session
// is begun.
type session struct {
	id    int64
	epoch int16
	next  map[topicPartition]int32
}

func newSession(id int64, epoch int16) *session {
	return &session{id: id, epoch: epoch, next: make(map[topicPartition]int32)}
}

// stamp makes c the next chunk of the partition at.
func (s *session) stamp(at topicPartition, c *chunk) {
	c.ProducerID, c.ProducerEpoch, c.FirstSequence = s.id, s.epoch, s.next[at]
}

// acknowledge counts the records of c as landed.
func (s *session) acknowledge(at topicPartition, c *chunk) {
	s.next[at] = int32((int64(s.next[at]) + int64(len(c.Records))) & math.MaxInt32)
}
