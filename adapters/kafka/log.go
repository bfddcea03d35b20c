package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cartulary/cartulary/events"
)

const (
	logBatch     = 20_000           // events handed over at once, or fewer at the end
	logReadAhead = 32 << 20         // bytes read ahead
	logPatience  = 30 * time.Second // for a broker that does not answer
)

// Log reads all of audit.log, from its beginning, without being a member of a
// group: it changes nothing that others see. It is not safe for concurrent use.
type Log struct {
	client  *kgo.Client
	decoder *decoder
	logger  *slog.Logger
	next    map[int32]int64 // the offset up to which partitions were read
}

// OpenLog returns a reader at the beginning of audit.log. [Log.Close] must follow.
func OpenLog(ctx context.Context, brokers []string, security Security, logger *slog.Logger) (*Log, error) {
	options, err := security.options()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", events.TopicAudit, err)
	}
	client, err := kgo.NewClient(append(options,
		kgo.SeedBrokers(brokers...),
		kgo.ClientID("cartulary-replay"),
		kgo.ConsumeTopics(events.TopicAudit),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(logReadAhead),
		kgo.FetchMaxPartitionBytes(fetchBytes),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.MaxConcurrentFetches(1),
		kgo.DialTimeout(dialTimeout),
		kgo.DisableClientMetrics(),
	)...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", events.TopicAudit, err)
	}
	l := &Log{client: client, decoder: newDecoder(), logger: logger, next: make(map[int32]int64)}
	if _, err := l.ends(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return l, nil
}

// Close ends the reader.
func (l *Log) Close() { l.client.Close() }

// ends returns where the partitions end now, of those that hold anything that was
// not read yet.
func (l *Log) ends(ctx context.Context) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	admin := kadm.NewClient(l.client)
	starts, err := admin.ListStartOffsets(ctx, events.TopicAudit)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", events.TopicAudit, err)
	}
	list, err := admin.ListEndOffsets(ctx, events.TopicAudit)
	if err == nil {
		err = list.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", events.TopicAudit, err)
	}
	ends := make(map[int32]int64)
	list.Each(func(o kadm.ListedOffset) {
		start, _ := starts.Lookup(o.Topic, o.Partition)
		if o.Offset > max(l.next[o.Partition], start.Offset) {
			ends[o.Partition] = o.Offset
		}
	})
	return ends, nil
}

// Follow hands over the events of the wanted ledgers, from where the last call
// stopped to where the topic ends at the time of this one: those of a ledger in
// order, and as often as they were published. What yield gets is its to keep.
func (l *Log) Follow(ctx context.Context, wanted func(ledger uuid.UUID) bool, yield func([]events.Message) error) error {
	ends, err := l.ends(ctx)
	if err != nil {
		return err
	}
	var batch []events.Message
	for len(ends) > 0 {
		fetches, err := l.poll(ctx)
		if err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			l.next[r.Partition] = r.Offset + 1
			if ledger, err := parseUUID(r.Key); err == nil && !wanted(ledger) {
				return
			}
			m, err := l.decoder.decodeRecord(r)
			if err != nil {
				l.logger.LogAttrs(ctx, slog.LevelWarn, "foreign message skipped", slog.Any("error", err),
					slog.String("topic", r.Topic), slog.Int("partition", int(r.Partition)), slog.Int64("offset", r.Offset))
				return
			}
			batch = append(batch, m)
		})
		for partition, end := range ends {
			if l.next[partition] >= end {
				delete(ends, partition)
			}
		}
		if len(batch) >= logBatch {
			if err := yield(batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if len(batch) > 0 {
		return yield(batch)
	}
	return nil
}

// poll waits for records, for as long as a broker may take.
func (l *Log) poll(ctx context.Context) (kgo.Fetches, error) {
	limited, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	fetches := l.client.PollRecords(limited, logBatch)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	err := fetches.Err()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("read %s: nothing came for %s; is Kafka up?", events.TopicAudit, logPatience)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", events.TopicAudit, err)
	}
	return fetches, nil
}
