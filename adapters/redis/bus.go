package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	queueSize   = 1024             // hints that wait to be sent
	pipelineMax = 64               // hints in one round trip
	gather      = time.Millisecond // between round trips, so that hints go together
	ioTimeout   = 2 * time.Second
	minPause    = 50 * time.Millisecond // after a failure, doubled up to maxPause
	maxPause    = 5 * time.Second
)

// ErrDropped says that a hint was not sent, since too many wait or the bus is
// closed.
var ErrDropped = errors.New("hint dropped")

type hint struct {
	channel string
	payload []byte
}

// Bus is a connection to a Redis server. Its methods may be called concurrently.
type Bus struct {
	client *redis.Client
	logger *slog.Logger
	queue  chan hint

	cancel context.CancelFunc
	sender sync.WaitGroup
}

// New returns a bus over the server at url (redis:// or rediss://). It does not
// need the server to be there yet. Close it after use.
func New(url string, logger *slog.Logger) (*Bus, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("open hint bus: malformed Redis URL") // which may hold a password
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = ioTimeout, ioTimeout, ioTimeout
	options.MaxRetries = -1   // pausing is done here
	options.DialerRetries = 1 // as above
	options.PoolSize = 4      // one sends; subscriptions have connections of their own
	ctx, cancel := context.WithCancel(context.Background())
	b := &Bus{
		client: redis.NewClient(options), logger: logger,
		queue: make(chan hint, queueSize), cancel: cancel,
	}
	b.sender.Go(func() { b.send(ctx) })
	return b, nil
}

// Close ends the bus; hints that wait are dropped.
func (b *Bus) Close() error {
	b.cancel()
	b.sender.Wait()
	if err := b.client.Close(); err != nil {
		return fmt.Errorf("close hint bus: %w", err)
	}
	return nil
}

// Publish queues a hint for all subscribers, this process's own included. It
// never blocks: it fails with [ErrDropped] when too many hints wait. Payload must
// not change afterwards.
func (b *Bus) Publish(_ context.Context, channel string, payload []byte) error {
	select {
	case b.queue <- hint{channel, payload}:
		return nil
	default:
		return fmt.Errorf("publish on %s: %w", channel, ErrDropped)
	}
}

// send sends what is queued, as much as waits at a time, until ctx ends. A hint
// that comes alone goes at once.
func (b *Bus) send(ctx context.Context) {
	var away outage
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-b.queue:
			if err := b.sendBatch(ctx, first); err != nil {
				b.report(ctx, away.failed(), "sending", err)
				if !pause(ctx, away.pause()) {
					return
				}
				b.drain() // what is this old says nothing any more
				continue
			}
			if away.recovered() {
				b.logger.LogAttrs(ctx, slog.LevelInfo, "hints are sent again")
			}
			if !pause(ctx, gather) {
				return
			}
		}
	}
}

// sendBatch sends hints, of several that are the same the first.
func (b *Bus) sendBatch(ctx context.Context, first hint) error {
	pipeline := b.client.Pipeline()
	type text struct{ channel, payload string }
	sent := make(map[text]struct{}, 1)
	publish := func(h hint) {
		t := text{h.channel, string(h.payload)}
		if _, ok := sent[t]; !ok {
			sent[t] = struct{}{}
			pipeline.Publish(ctx, h.channel, h.payload)
		}
	}
	publish(first)
	for range pipelineMax - 1 {
		select {
		case h := <-b.queue:
			publish(h)
			continue
		default:
		}
		break
	}
	_, err := pipeline.Exec(ctx)
	return err
}

func (b *Bus) drain() {
	for range len(b.queue) {
		<-b.queue // the sender alone takes from the queue, so that many are there
	}
}

// report logs the first failure in a row only.
func (b *Bus) report(ctx context.Context, first bool, doing string, err error) {
	if first && ctx.Err() == nil {
		b.logger.LogAttrs(ctx, slog.LevelWarn, "hints are lost: Redis is away",
			slog.String("while", doing), slog.Any("error", err))
	}
}
