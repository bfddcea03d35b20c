package command

import (
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// history is what a use case decides on: the streams it names, as loaded from the
// ledger or as remembered.
type history struct {
	past  map[uuid.UUID][]events.Recorded
	known map[uuid.UUID]snapshot // instead of a past
	// folds holds, of each stream that was folded, what applies further events.
	folds map[uuid.UUID]func([]events.Recorded) any
}

// loaded returns a history that holds nothing but what the ledger does.
func loaded(past map[uuid.UUID][]events.Recorded) *history {
	return &history{past: past, folds: make(map[uuid.UUID]func([]events.Recorded) any, len(past))}
}

// version returns how many events a stream has.
func (h *history) version(stream events.Stream) int64 {
	if s, ok := h.known[stream.ID]; ok {
		return s.version
	}
	return int64(len(h.past[stream.ID]))
}

// unchecked reports whether the history holds a remembered stream that the
// changes don't name, so that the ledger would not check it.
func (h *history) unchecked(changes []Change) bool {
	checked := 0
	for _, c := range changes {
		if _, ok := h.known[c.Stream.ID]; ok {
			checked++
		}
	}
	return checked < len(h.known)
}

// fold returns the state that a stream's events lead to.
func fold[S any](h *history, stream events.Stream, evolve func(S, events.Recorded) S) S {
	state, _ := h.known[stream.ID].state.(S)
	for _, r := range h.past[stream.ID] {
		state = evolve(state, r)
	}
	h.folds[stream.ID] = func(added []events.Recorded) any {
		next := state
		for _, r := range added {
			next = evolve(next, r)
		}
		return next
	}
	return state
}
