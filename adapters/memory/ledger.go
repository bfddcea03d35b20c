package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Ledger implements command.Ledger. It is safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	ledgers  map[uuid.UUID]*history
	commands map[key]known
}

type history struct {
	seq     int64
	at      time.Time
	streams map[uuid.UUID][]events.Recorded
}

type key struct{ ledger, command uuid.UUID }

type known struct {
	fingerprint [32]byte
	receipt     command.Receipt
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{ledgers: make(map[uuid.UUID]*history), commands: make(map[key]known)}
}

// Load implements command.Ledger.
func (l *Ledger) Load(
	ctx context.Context, ledger uuid.UUID, streams ...uuid.UUID,
) (map[uuid.UUID][]events.Recorded, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("load from ledger %s: %w", ledger, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	loaded := make(map[uuid.UUID][]events.Recorded, len(streams))
	h, ok := l.ledgers[ledger]
	if !ok {
		return loaded, nil
	}
	for _, id := range streams {
		if past := h.streams[id]; len(past) > 0 {
			loaded[id] = append([]events.Recorded(nil), past...)
		}
	}
	return loaded, nil
}

// Find implements command.Ledger.
func (l *Ledger) Find(
	ctx context.Context, ledger, id uuid.UUID, fingerprint [32]byte,
) (command.Receipt, bool, error) {
	if err := ctx.Err(); err != nil {
		return command.Receipt{}, false, fmt.Errorf("find command %s: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok, err := l.replay(ledger, id, fingerprint)
	if err != nil {
		return command.Receipt{}, false, fmt.Errorf("find command %s: %w", id, err)
	}
	return r, ok, nil
}

func (l *Ledger) replay(ledger, id uuid.UUID, fingerprint [32]byte) (command.Receipt, bool, error) {
	k, ok := l.commands[key{ledger, id}]
	switch {
	case !ok:
		return command.Receipt{}, false, nil
	case k.fingerprint != fingerprint:
		return command.Receipt{}, false, command.ErrCommandReused
	}
	r := k.receipt
	r.Replayed = true
	return r, true, nil
}
