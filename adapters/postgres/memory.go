package postgres

import (
	"sync"

	"github.com/google/uuid"
	"github.com/transparency-dev/merkle/compact"
)

// maxRemembered bounds the ledgers that are remembered. Each takes some 2 KiB.
const maxRemembered = 4096

// past is how a ledger was left.
type past struct {
	head  head
	tree  *compact.Range
	alone bool // it was found as it had been left before: nobody else writes to it
}

// memory is how this process left the ledgers that it wrote to last. It may be
// out of date: what stands on it is checked where it is written.
type memory struct {
	mu      sync.Mutex
	ledgers map[uuid.UUID]*past
}

func newMemory() *memory { return &memory{ledgers: make(map[uuid.UUID]*past)} }

// recall hands each book what is remembered of its ledger, and forgets it: a book
// may change it before it comes to nothing.
func (m *memory) recall(books []*book) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range books {
		k.past = m.ledgers[k.id]
		delete(m.ledgers, k.id)
	}
}

// keep remembers books as their transaction left them.
func (m *memory) keep(books []*book) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range books {
		if _, ok := m.ledgers[k.id]; !ok && len(m.ledgers) >= maxRemembered {
			for id := range m.ledgers { // whichever comes first
				delete(m.ledgers, id)
				break
			}
		}
		left := k.head
		if k.grown() {
			left = head{seq: k.seq, at: k.at}
		}
		m.ledgers[k.id] = &past{head: left, tree: k.tree, alone: k.past != nil && k.past.head.is(k.head)}
	}
}
