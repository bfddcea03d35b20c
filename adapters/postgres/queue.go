package postgres

import (
	"context"
	"runtime"
	"sync"

	"github.com/google/uuid"
)

// maxYields bounds how often a writer lets others go first.
const maxYields = 8

// queue holds the entries that wait for a writer, in order of arrival for each
// ledger. A ledger is with one writer at a time: entries that arrive meanwhile
// gather for the next transaction instead of waiting for the head's lock in one of
// their own.
type queue struct {
	slots   chan struct{} // one taken for each entry that waits
	closing chan struct{}

	mu     sync.Mutex
	some   sync.Cond // a lane is ready, or there will be none any more
	lanes  map[uuid.UUID]*lane
	ready  []*lane // have entries, and no writer; oldest first
	closed bool
}

// lane is what waits for one ledger.
type lane struct {
	ledger  uuid.UUID
	entries []*entry
	busy    bool // with a writer
}

func newQueue(capacity int) *queue {
	q := &queue{
		slots:   make(chan struct{}, capacity),
		closing: make(chan struct{}),
		lanes:   make(map[uuid.UUID]*lane),
	}
	q.some.L = &q.mu
	return q
}

// put adds an entry. It blocks while the queue is full.
func (q *queue) put(ctx context.Context, e *entry) error {
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-q.closing:
		return ErrClosed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		<-q.slots
		return ErrClosed
	}
	l, ok := q.lanes[e.append.Ledger]
	if !ok {
		l = &lane{ledger: e.append.Ledger}
		q.lanes[l.ledger] = l
	}
	l.entries = append(l.entries, e)
	if len(l.entries) == 1 && !l.busy {
		q.offer(l)
	}
	return nil
}

func (q *queue) offer(l *lane) {
	q.ready = append(q.ready, l)
	q.some.Signal()
}

// take fills b with what waits, up to limit entries; it blocks while nothing does.
// It returns false when the queue is closed and nothing will come any more.
func (q *queue) take(b *batch, limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.ready) == 0 {
			if q.closed && len(q.lanes) == 0 {
				return false
			}
			q.some.Wait()
		}
		q.gather()
		if len(q.ready) > 0 {
			q.scoop(b, limit)
			return true
		}
	}
}

// gather lets those append who are about to: whoever was just answered, or woken
// by the same event, and is ready to run. It goes on for as long as that brings
// something in, and waits for nobody.
func (q *queue) gather() {
	for range maxYields {
		waiting := len(q.slots)
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
		if len(q.slots) == waiting {
			return
		}
	}
}

// scoop moves entries of ready lanes into b.
func (q *queue) scoop(b *batch, limit int) {
	n := 0
	for ; n < len(q.ready) && len(b.entries) < limit && b.bytes < maxBatchBytes; n++ {
		l := q.ready[n]
		l.busy = true
		b.lanes = append(b.lanes, l)
		taken := 0
		for taken < len(l.entries) && len(b.entries) < limit && b.bytes < maxBatchBytes {
			b.add(l.entries[taken])
			taken++
			<-q.slots
		}
		left := copy(l.entries, l.entries[taken:])
		clear(l.entries[left:])
		l.entries = l.entries[:left]
	}
	left := copy(q.ready, q.ready[n:])
	clear(q.ready[left:])
	q.ready = q.ready[:left]
}

// release gives the ledgers of a batch back, to be taken again.
func (q *queue) release(lanes []*lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range lanes {
		l.busy = false
		if len(l.entries) > 0 {
			q.offer(l)
		} else {
			delete(q.lanes, l.ledger)
		}
	}
	if q.closed {
		q.some.Broadcast()
	}
}

// close refuses further entries.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.closing)
		q.some.Broadcast()
	}
}
