package kafka

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// deliveryTimeout is how long a record waits that no broker has got: none can
	// be reached, or all refuse it for now. (kgo.RecordDeliveryTimeout will not do:
	// it counts from the record's timestamp, and a backlog's events are old.)
	deliveryTimeout = 5 * time.Second

	// answerTimeout is how long one send may take. Then it is unknown which of its
	// records have landed.
	answerTimeout = netTimeout

	// maxRecordBytes is above what any topic takes, so that the broker judges.
	maxRecordBytes = 64 << 20
)

// dialFunc opens a connection.
type dialFunc func(ctx context.Context, network, host string) (net.Conn, error)

// newClient returns a client that has not connected yet. It is idempotent, waits
// for all in-sync replicas, picks partitions as Kafka's own (Java) producer does
// and sends nothing until it is flushed, so that all of a partition's records
// that are waiting then are one batch.
func newClient(config PublisherConfig) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(config.Brokers...),
		kgo.ClientID(config.ClientID),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ManualFlushing(),
		kgo.MaxBufferedRecords(maxFlush),
		kgo.ProducerBatchMaxBytes(maxRecordBytes),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProduceRequestTimeout(produceTimeout),
		kgo.RequestTimeoutOverhead(netTimeout - produceTimeout),
		kgo.RetryTimeout(time.Second),
		kgo.RetryBackoffFn(func(failures int) time.Duration { return pauseAfter(failures) }),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.MetadataMaxAge(time.Minute),
		kgo.DisableClientMetrics(),
	}
	secure, err := config.Security.options()
	if err != nil {
		return nil, err
	}
	options = append(options, secure...)
	if config.dial != nil {
		options = append(options, kgo.Dialer(config.dial))
	} else {
		options = append(options, kgo.DialTimeout(dialTimeout))
	}
	return kgo.NewClient(options...)
}
