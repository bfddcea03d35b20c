package postgres

import (
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// messageColumns are the columns that [arena.message] reads, in its order.
const messageColumns = `event_id, ledger_id, seq, stream_id, type, at, traceparent, body`

// arenaChunk is how much memory messages of one page share.
const arenaChunk = 64 << 10

// arena gives the bytes of many messages a few allocations instead of one each.
type arena struct{ free []byte }

func (a *arena) clone(b []byte) []byte {
	if len(b) > len(a.free) {
		a.free = make([]byte, max(arenaChunk, len(b)))
	}
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}

// message reads the binary values of messageColumns, which it does not keep.
func (a *arena) message(columns [][]byte) events.Message {
	return events.Message{
		ID:          uuid.UUID(columns[0]),
		Ledger:      uuid.UUID(columns[1]),
		Seq:         readInt64(columns[2]),
		StreamID:    uuid.UUID(columns[3]),
		Type:        events.Type(columns[4]),
		At:          readTime(columns[5]),
		TraceParent: string(columns[6]),
		Body:        a.clone(columns[7]),
	}
}
