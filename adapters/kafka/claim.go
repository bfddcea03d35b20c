package kafka

import (
	"context"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"github.com/cartulary/cartulary/events"
)

// sessionHandler handles the partitions that the group gave to this member, each
// in a goroutine of its own.
type sessionHandler struct {
	subscriber *Subscriber
	handle     Handler
	joined     func()
}

// Setup implements [sarama.ConsumerGroupHandler].
func (h *sessionHandler) Setup(sarama.ConsumerGroupSession) error {
	h.joined()
	return nil
}

// Cleanup implements [sarama.ConsumerGroupHandler]. Marks are committed after it.
func (h *sessionHandler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim implements [sarama.ConsumerGroupHandler]: batch, handle, mark.
func (h *sessionHandler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	ctx := session.Context()
	status := h.subscriber.claims.add(claim)
	defer h.subscriber.claims.remove(status)
	batch := make([]events.Message, 0, h.subscriber.config.MaxBatch)
	for {
		var first *sarama.ConsumerMessage
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			first = m
		case <-ctx.Done():
			return nil
		}
		var last *sarama.ConsumerMessage
		batch, last = h.subscriber.collect(ctx, claim, first, batch[:0])
		if len(batch) > 0 && !h.apply(ctx, claim, batch) {
			return nil
		}
		session.MarkMessage(last, "")
		status.handled(last.Offset)
		clear(batch) // let go of the bodies
	}
}

// collect appends first, and what is there or on its way, to batch. It returns the last message it took off the claim.
func (s *Subscriber) collect(ctx context.Context, claim sarama.ConsumerGroupClaim, first *sarama.ConsumerMessage, batch []events.Message) ([]events.Message, *sarama.ConsumerMessage) {
	last, foreign := first, 0
	take := func(m *sarama.ConsumerMessage) {
		last = m
		e, err := s.decoder.decode(m)
		if err == nil {
			batch = append(batch, e)
			return
		}
		if foreign++; foreign == 1 {
			s.config.Logger.WarnContext(ctx, "foreign message skipped", slog.Any("error", err),
				slog.String("topic", m.Topic), slog.Int("partition", int(m.Partition)), slog.Int64("offset", m.Offset))
		}
	}
	take(first)
	var deadline *time.Timer
	for len(batch) < s.config.MaxBatch {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return batch, last
			}
			take(m)
			continue
		default:
		}
		if last.Offset+1 >= claim.HighWaterMarkOffset() {
			return batch, last // nothing more is known to be there
		}
		if deadline == nil {
			deadline = time.NewTimer(s.config.MaxWait)
			defer deadline.Stop()
		}
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return batch, last
			}
			take(m)
		case <-deadline.C:
			return batch, last
		case <-ctx.Done():
			return batch, last
		}
	}
	return batch, last
}

// apply calls the handler until it succeeds; false if ctx ended before.
func (h *sessionHandler) apply(ctx context.Context, claim sarama.ConsumerGroupClaim, batch []events.Message) bool {
	var wait backoff
	for failures := 0; ; failures++ {
		if ctx.Err() != nil {
			return false
		}
		err := h.handle(ctx, batch)
		logger := h.subscriber.config.Logger.With(slog.String("topic", claim.Topic()), slog.Int("partition", int(claim.Partition())))
		switch {
		case err == nil && failures == 0:
			return true
		case err == nil:
			logger.InfoContext(ctx, "batch handled after failures", slog.Int("failures", failures))
			return true
		case ctx.Err() != nil:
			return false
		case failures == 0:
			logger.WarnContext(ctx, "batch failed, retrying", slog.Any("error", err), slog.Int("events", len(batch)))
		}
		if !wait.pause(ctx) {
			return false
		}
	}
}
