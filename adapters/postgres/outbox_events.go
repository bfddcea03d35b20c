package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

type outboxRow struct {
	id          int64
	ledger      uuid.UUID
	first, last int64
}

// runs are consecutive events, each of one ledger.
type runs struct {
	first, offsets []int64       // of each run: its first event, and where that belongs among all
	of             map[int64]int // the run of each outbox row
	total          int64
}

// join turns rows into as few runs as possible. Rows of a ledger that follow each
// other become one, at the place of the first.
func join(rows []outboxRow) runs {
	r := runs{of: make(map[int64]int, len(rows))}
	latest := make(map[uuid.UUID]int, len(rows))
	var last []int64
	for _, row := range rows {
		i, ok := latest[row.ledger]
		if ok && last[i]+1 == row.first {
			last[i] = row.last
		} else {
			i = len(last)
			latest[row.ledger] = i
			r.first = append(r.first, row.first)
			last = append(last, row.last)
		}
		r.of[row.id] = i
	}
	r.offsets = make([]int64, len(last))
	for i := range last {
		r.offsets[i] = r.total
		r.total += last[i] - r.first[i] + 1
	}
	return r
}

// indexLookups makes the transaction's plans ones of index lookups, whatever the
// statistics say.
const indexLookups = `
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`

// pendingEvents selects the events of the first rows that hold $2 events together,
// in whatever order; each says of which row it is. A row without events has one
// that is null.
const pendingEvents = `
select row.id, row.first_seq, row.last_seq, row.ledger_id, ` + pendingColumns + `
from (
    select *, sum(last_seq - first_seq + 1) over (order by id) as total
    from (select * from ledger.outbox where id > $1 order by id limit $2) as next) as row
left join lateral (
    select * from ledger.events
    where ledger_id = row.ledger_id and seq between row.first_seq and row.last_seq
    order by seq offset 0) as event on true
where row.total <= $2 or row.total = row.last_seq - row.first_seq + 1`

const pendingColumns = `event_id, event.ledger_id, seq, stream_id, type, at, traceparent, body`

// errHole says that the outbox speaks of events that are not there.
var errHole = errors.New("events are missing from the ledger")

// page is what one look at the outbox brought, in order of arrival.
type page struct {
	rows     []outboxRow
	messages []events.Message
	of       []int64 // the outbox row of each message
	chunk    arena
}

func (p *page) read(rows pgx.Rows) error {
	for rows.Next() {
		columns := rows.RawValues()
		id := readInt64(columns[0])
		if len(p.rows) == 0 || p.rows[len(p.rows)-1].id != id {
			p.rows = append(p.rows, outboxRow{
				id: id, first: readInt64(columns[1]), last: readInt64(columns[2]), ledger: uuid.UUID(columns[3]),
			})
		}
		if columns[4] != nil {
			p.messages = append(p.messages, p.chunk.message(columns[4:]))
			p.of = append(p.of, id)
		}
	}
	return rows.Err()
}

// look reads the first rows and their events.
func (o *Outbox) look(ctx context.Context, after int64, limit int) (*page, error) {
	p := &page{}
	b := &pgx.Batch{} // one transaction, for the server
	b.Queue(indexLookups)
	b.Queue(pendingEvents, after, limit).Query(p.read)
	return p, o.pool.SendBatch(ctx, b).Close()
}

// sorted returns the ids of the rows and the messages, run by run.
func (p *page) sorted() ([]events.Message, []int64, error) {
	slices.SortFunc(p.rows, func(x, y outboxRow) int { return cmp.Compare(x.id, y.id) })
	p.rows = slices.Compact(p.rows)
	ids := make([]int64, len(p.rows))
	for i, row := range p.rows {
		ids[i] = row.id
	}
	r := join(p.rows)
	if int64(len(p.messages)) != r.total {
		return nil, nil, fmt.Errorf("%w: %d of %d", errHole, r.total-int64(len(p.messages)), r.total)
	}
	sorted := make([]events.Message, r.total)
	for i, m := range p.messages {
		run := r.of[p.of[i]]
		sorted[r.offsets[run]+m.Seq-r.first[run]] = m
	}
	return sorted, ids, nil
}
