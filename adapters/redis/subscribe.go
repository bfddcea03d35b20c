package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// quiet is how long a subscription may hear nothing before it asks whether the
// server is still there.
const quiet = 10 * time.Second

// Subscribe calls the handler of a channel for each hint on it, one after the
// other, until ctx ends; it then returns nil. While Redis is away it tries again
// and again, with growing pauses; hints of that time are lost.
func (b *Bus) Subscribe(ctx context.Context, handlers map[string]func(payload []byte)) error {
	channels := slices.Collect(maps.Keys(handlers))
	if len(channels) == 0 {
		<-ctx.Done()
		return nil
	}
	var away outage
	for ctx.Err() == nil {
		err := b.receive(ctx, channels, handlers, func() {
			if away.recovered() {
				b.logger.LogAttrs(ctx, slog.LevelInfo, "hints are received again")
			}
		})
		b.report(ctx, away.failed(), "receiving", err)
		pause(ctx, away.pause())
	}
	return nil
}

// receive hands hints on until it fails; it calls joined when it is subscribed.
func (b *Bus) receive(
	ctx context.Context, channels []string, handlers map[string]func([]byte), joined func(),
) error {
	subscription := b.client.Subscribe(ctx, channels...)
	defer func() { _ = subscription.Close() }()
	// Reading does not heed a context that ends without a deadline.
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() })
	defer stop()
	pinged := false
	for {
		received, err := subscription.ReceiveTimeout(ctx, quiet)
		var timeout net.Error
		switch {
		case err == nil:
			pinged = false
		case errors.As(err, &timeout) && timeout.Timeout() && !pinged:
			pinged = true
			if err := subscription.Ping(ctx); err != nil {
				return fmt.Errorf("ping: %w", err)
			}
			continue
		default:
			return err
		}
		switch m := received.(type) {
		case *redis.Subscription:
			joined()
		case *redis.Message:
			if handle := handlers[m.Channel]; handle != nil {
				handle([]byte(m.Payload))
			}
		}
	}
}
