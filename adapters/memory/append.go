package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Append implements command.Ledger.
func (l *Ledger) Append(ctx context.Context, a command.Append) (command.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return command.Receipt{}, fmt.Errorf("append to ledger %s: %w", a.Ledger, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, err := l.add(a)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("append to ledger %s: %w", a.Ledger, err)
	}
	return r, nil
}

func (l *Ledger) add(a command.Append) (command.Receipt, error) {
	if a.Meta.Keyed {
		if r, ok, err := l.replay(a.Ledger, a.Meta.ID, a.Meta.Fingerprint); ok || err != nil {
			return r, err
		}
	}
	next, err := l.next(a)
	if err != nil {
		return command.Receipt{}, err
	}
	r := command.Receipt{Ledger: a.Ledger, Seq: next.seq, At: next.at}
	if a.Outcome != nil {
		r.Outcome = a.Outcome(r)
	}
	l.extend(a.Ledger, next)
	if a.Meta.Keyed {
		l.commands[key{a.Ledger, a.Meta.ID}] = known{fingerprint: a.Meta.Fingerprint, receipt: r}
	}
	return r, nil
}

func (l *Ledger) extend(ledger uuid.UUID, next *history) {
	h, ok := l.ledgers[ledger]
	if !ok {
		l.ledgers[ledger] = next
		return
	}
	h.seq, h.at = next.seq, next.at
	maps.Copy(h.streams, next.streams)
}

// next returns the ledger as a's changes make it, with the changed streams only.
func (l *Ledger) next(a command.Append) (*history, error) {
	now := &history{}
	if h, ok := l.ledgers[a.Ledger]; ok {
		now = h
	}
	next := &history{
		seq: now.seq, at: time.Now().UTC().Truncate(time.Microsecond),
		streams: make(map[uuid.UUID][]events.Recorded, len(a.Changes)),
	}
	if next.at.Before(now.at) {
		next.at = now.at
	}
	for _, change := range a.Changes {
		past, changed := next.streams[change.Stream.ID]
		if !changed {
			past = slices.Clip(now.streams[change.Stream.ID])
		}
		if int64(len(past)) != change.Expected {
			return nil, fmt.Errorf("%w: stream %s is at version %d, not %d",
				command.ErrConflict, change.Stream.ID, len(past), change.Expected)
		}
		for _, e := range change.Events {
			next.seq++
			r, err := record(a, change.Stream, e, next.seq, int64(len(past))+1, next.at)
			if err != nil {
				return nil, err
			}
			past = append(past, r)
		}
		next.streams[change.Stream.ID] = past
	}
	return next, nil
}

func record(
	a command.Append, stream events.Stream, e events.Event, seq, version int64, at time.Time,
) (events.Recorded, error) {
	t := e.EventType()
	if kind := events.KindOf(t); kind != stream.Kind {
		return events.Recorded{}, fmt.Errorf("event %q does not belong on a stream of kind %q", t, stream.Kind)
	}
	data, err := events.EncodeData(e)
	if err != nil {
		return events.Recorded{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return events.Recorded{}, fmt.Errorf("event id: %w", err)
	}
	return events.Decode(events.Encode(events.Recorded{
		ID: id, Ledger: a.Ledger, Seq: seq, Stream: stream, StreamVersion: version,
		Type: t, SchemaVersion: events.SchemaVersion(t), Actor: a.Meta.Actor,
		CommandID: a.Meta.ID, RequestID: a.Meta.RequestID, TraceParent: a.Meta.TraceParent,
		Origin: a.Origin, At: at, Data: data,
	}))
}
