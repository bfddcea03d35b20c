package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// memoryOutbox behaves as the one in PostgreSQL does: ids are drawn before a row
// is committed, under the lock of its ledger only.
type memoryOutbox struct {
	mu      sync.Mutex
	drawn   int64
	rows    map[int64][]events.Message // committed
	failing bool
	reads   int
	ahead   func() // called before each read that does not start at the beginning

	ledgers sync.Map // uuid.UUID → *sync.Mutex
}

func newOutbox() *memoryOutbox { return &memoryOutbox{rows: make(map[int64][]events.Message)} }

// append commits a row of events that share a ledger; between runs while its id
// is drawn and the row can't be seen.
func (o *memoryOutbox) append(row []events.Message, between func()) {
	held, _ := o.ledgers.LoadOrStore(row[0].Ledger, &sync.Mutex{})
	ledger := held.(*sync.Mutex) //nolint:forcetypeassert // nothing else is stored
	ledger.Lock()
	defer ledger.Unlock()
	o.mu.Lock()
	o.drawn++
	id := o.drawn
	o.mu.Unlock()
	between()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows[id] = row
}

// fill commits a row for each message.
func (o *memoryOutbox) fill(messages []events.Message) {
	for _, m := range messages {
		o.append([]events.Message{m}, func() {})
	}
}

func (o *memoryOutbox) fail(failing bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failing = failing
}

func (o *memoryOutbox) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.rows) == 0
}

var errOutbox = errors.New("outbox is away")

// Pending implements [Outbox].
func (o *memoryOutbox) Pending(ctx context.Context, after int64, limit int) ([]events.Message, []int64, error) {
	if after > 0 && o.ahead != nil {
		o.ahead()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads++
	if o.failing || ctx.Err() != nil {
		return nil, nil, errOutbox
	}
	var all []int64
	for id := range o.rows {
		if id > after {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	var messages []events.Message
	var ids []int64
	for _, id := range all {
		if len(ids) > 0 && len(messages)+len(o.rows[id]) > limit {
			break
		}
		messages, ids = append(messages, o.rows[id]...), append(ids, id)
	}
	return messages, ids, nil
}

// Done implements [Outbox].
func (o *memoryOutbox) Done(ctx context.Context, ids []int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing || ctx.Err() != nil {
		return errOutbox
	}
	for _, id := range ids {
		delete(o.rows, id)
	}
	return nil
}

// chain makes a ledger's events as one after the other.
type chain struct {
	ledger uuid.UUID
	seq    int64
}

func (c *chain) next(n int) []events.Message {
	row := make([]events.Message, n)
	for i := range row {
		c.seq++
		row[i] = event(c.ledger, c.seq)
	}
	return row
}
