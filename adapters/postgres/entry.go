package postgres

import (
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// entry is an append that waits for a writer, with all that can be prepared
// before its place in the ledger is known.
type entry struct {
	append command.Append
	events []encoded // of all changes, in order
	bytes  int       // a bound of what it adds to a transaction
	gone   atomic.Bool
	reply  chan reply // holds one
}

type encoded struct {
	id   uuid.UUID
	data []byte
}

type reply struct {
	receipt command.Receipt
	err     error
}

// envelopeBytes is a bound of what an event's envelope and row add to its data.
const envelopeBytes = 1024

// newEntry encodes the events of a. An append that can't be stored fails here,
// before it could spoil a transaction that it shares with others.
func newEntry(a command.Append) (*entry, error) {
	e := &entry{append: a, reply: make(chan reply, 1)}
	if err := storable(a.Meta.TraceParent); err != nil {
		return nil, fmt.Errorf("traceparent: %w", err)
	}
	for _, change := range a.Changes {
		for _, event := range change.Events {
			if kind := events.KindOf(event.EventType()); kind != change.Stream.Kind {
				return nil, fmt.Errorf("event %q does not belong on a stream of kind %q", event.EventType(), change.Stream.Kind)
			}
			data, err := events.EncodeData(event)
			if err != nil {
				return nil, err
			}
			id, err := uuid.NewV7()
			if err != nil {
				return nil, fmt.Errorf("event id: %w", err)
			}
			e.events = append(e.events, encoded{id: id, data: data})
			e.bytes += len(data) + len(a.Meta.RequestID) + 2*len(a.Meta.TraceParent) + envelopeBytes
		}
	}
	return e, nil
}

// storable says whether PostgreSQL can hold s as text.
func storable(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return fmt.Errorf("%q is not text", s)
	}
	return nil
}
