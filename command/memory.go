package command

import (
	"fmt"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cartulary/cartulary/events"
)

// rememberedStates bounds what a process remembers of streams.
const rememberedStates = 20_000

// memory holds states of streams as this process last knew them. A state in it
// may be older than the ledger's: whoever decides on one must let the ledger check
// it, by an append that expects that very stream at its version.
type memory struct {
	states *lru.Cache[place, snapshot]
}

// place is a stream in a ledger.
type place struct{ ledger, stream uuid.UUID }

// snapshot is the state of a stream at a version. The state is never changed.
type snapshot struct {
	state   any
	version int64
}

func newMemory() memory {
	states, err := lru.New[place, snapshot](rememberedStates)
	if err != nil {
		panic(fmt.Sprintf("command: %v", err)) //nolint:forbidigo // only a size below one is refused
	}
	return memory{states}
}

// recall returns the snapshots of those streams that it holds.
func (m memory) recall(ledger uuid.UUID, streams []events.Stream) map[uuid.UUID]snapshot {
	known := make(map[uuid.UUID]snapshot, len(streams))
	for _, s := range streams {
		if snap, ok := m.states.Get(place{ledger, s.ID}); ok {
			known[s.ID] = snap
		}
	}
	return known
}

func (m memory) forget(ledger uuid.UUID, streams []events.Stream) {
	for _, s := range streams {
		m.states.Remove(place{ledger, s.ID})
	}
}

// remember notes the states that an append led to, of streams that were folded for
// it; others it forgets.
func (m memory) remember(ledger uuid.UUID, h *history, meta Meta, changes []Change, receipt Receipt) {
	for _, c := range changes {
		evolve, ok := h.folds[c.Stream.ID]
		if !ok {
			m.states.Remove(place{ledger, c.Stream.ID})
			continue
		}
		added := make([]events.Recorded, len(c.Events))
		for i, e := range c.Events {
			added[i] = events.Recorded{
				Stream: c.Stream, StreamVersion: c.Expected + int64(i) + 1,
				Type: e.EventType(), Actor: meta.Actor, At: receipt.At, Event: e,
			}
		}
		m.states.Add(place{ledger, c.Stream.ID}, snapshot{evolve(added), c.Expected + int64(len(added))})
	}
}
