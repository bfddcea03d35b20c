package kafka

import (
	"github.com/IBM/sarama"
)

// maxChunk bounds a record batch, uncompressed, below Kafka's default limit
// (message.max.bytes, 1 MiB). A record that is larger travels alone.
const maxChunk = 900_000

type topicPartition struct {
	topic     string
	partition int32
}

// chunk is one record batch.
type chunk struct {
	*sarama.RecordBatch
	size int
}

// lane holds what is still to be acknowledged of one partition, oldest first.
type lane struct {
	topicPartition
	chunks []*chunk
}

// batch is a set of records on their way. It remembers what has landed, so that
// a retry sends only the rest.
type batch struct {
	records   []Record // until they are spread over lanes
	lanes     []*lane
	abandoned bool // a request may still be under way: never send this again
}

// spread sorts the records into lanes.
func (b *batch) spread(codec sarama.CompressionCodec, partitions func(topic string) (int, error)) error {
	lanes := make(map[topicPartition]*lane)
	counts := make(map[string]int)
	records := make([]sarama.Record, len(b.records))
	for i := range b.records {
		r := &b.records[i]
		count, ok := counts[r.Topic]
		if !ok {
			var err error
			if count, err = partitions(r.Topic); err != nil {
				return err
			}
			counts[r.Topic] = count
		}
		at := topicPartition{topic: r.Topic, partition: partitionOf(r.Key, count)}
		l, ok := lanes[at]
		if !ok {
			l = &lane{topicPartition: at}
			lanes[at] = l
			b.lanes = append(b.lanes, l)
		}
		l.add(r, &records[i], codec)
	}
	b.records = nil
	return nil
}

// add appends r, using to as its wire form.
func (l *lane) add(r *Record, to *sarama.Record, codec sarama.CompressionCodec) {
	size := r.size()
	var c *chunk
	if n := len(l.chunks); n > 0 && l.chunks[n-1].size+size <= maxChunk {
		c = l.chunks[n-1]
	} else {
		c = &chunk{RecordBatch: &sarama.RecordBatch{
			Version: 2, Codec: codec, CompressionLevel: sarama.CompressionLevelDefault,
			FirstTimestamp: r.At, MaxTimestamp: r.At,
		}}
		l.chunks = append(l.chunks, c)
	}
	offset := len(c.Records)
	*to = sarama.Record{
		Key: r.Key, Value: r.Value, Headers: r.Headers,
		OffsetDelta: int64(offset), TimestampDelta: r.At.Sub(c.FirstTimestamp),
	}
	c.Records = append(c.Records, to)
	c.LastOffsetDelta = int32(offset) //nolint:gosec // bounded by maxChunk
	if r.At.After(c.MaxTimestamp) {
		c.MaxTimestamp = r.At
	}
	c.size += size
}

// pending returns the lanes that are not done.
func (b *batch) pending() []*lane {
	var rest []*lane
	for _, l := range b.lanes {
		if len(l.chunks) > 0 {
			rest = append(rest, l)
		}
	}
	return rest
}
