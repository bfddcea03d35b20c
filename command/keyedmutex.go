package command

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// keyedMutex is a mutex a key, made on first use and dropped after its last.
type keyedMutex struct {
	mu   sync.Mutex
	held map[uuid.UUID]*turn
}

// turn is a mutex that can be waited for with a context.
type turn struct {
	token   chan struct{}
	waiting int
}

// lock takes the mutexes of all streams and returns what gives them back. They are
// taken in order, so that two callers never wait for each other.
func (m *keyedMutex) lock(ctx context.Context, streams []events.Stream) (unlock func(), err error) {
	ordered := make([]uuid.UUID, len(streams))
	for i, s := range streams {
		ordered[i] = s.ID
	}
	slices.SortFunc(ordered, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	ordered = slices.Compact(ordered)
	for i, key := range ordered {
		if err := m.lockOne(ctx, key); err != nil {
			m.unlockAll(ordered[:i])
			return nil, err
		}
	}
	return func() { m.unlockAll(ordered) }, nil
}

func (m *keyedMutex) lockOne(ctx context.Context, key uuid.UUID) error {
	m.mu.Lock()
	if m.held == nil {
		m.held = make(map[uuid.UUID]*turn)
	}
	t, ok := m.held[key]
	if !ok {
		t = &turn{token: make(chan struct{}, 1)}
		m.held[key] = t
	}
	t.waiting++
	m.mu.Unlock()

	select {
	case t.token <- struct{}{}:
		return nil
	case <-ctx.Done():
		m.leave(key, t)
		return ctx.Err()
	}
}

func (m *keyedMutex) unlockAll(keys []uuid.UUID) {
	for _, key := range keys {
		m.mu.Lock()
		t := m.held[key]
		m.mu.Unlock()
		<-t.token
		m.leave(key, t)
	}
}

func (m *keyedMutex) leave(key uuid.UUID, t *turn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.waiting--; t.waiting == 0 {
		delete(m.held, key)
	}
}
