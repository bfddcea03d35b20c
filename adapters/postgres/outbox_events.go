package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

type outboxRow struct {
	id          int64
	ledger      uuid.UUID
	first, last int64
}

// runs are consecutive events, each of one ledger, as parallel slices.
type runs struct {
	ledgers     []uuid.UUID
	first, last []int64
	offsets     []int64 // of each run's first event among all
	total       int64
}

// join turns rows into as few runs as possible. Rows of a ledger that follow each
// other become one, at the place of the first.
func join(rows []outboxRow) runs {
	var r runs
	latest := make(map[uuid.UUID]int, len(rows))
	for _, row := range rows {
		if i, ok := latest[row.ledger]; ok && r.last[i]+1 == row.first {
			r.last[i] = row.last
			continue
		}
		latest[row.ledger] = len(r.ledgers)
		r.ledgers = append(r.ledgers, row.ledger)
		r.first = append(r.first, row.first)
		r.last = append(r.last, row.last)
	}
	r.offsets = make([]int64, len(r.ledgers))
	for i := range r.ledgers {
		r.offsets[i] = r.total
		r.total += r.last[i] - r.first[i] + 1
	}
	return r
}

// indexLookups makes the transaction's plans ones of index lookups, whatever the
// statistics say.
const indexLookups = `
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`

// runEvents selects in whatever order; each row says where it belongs.
const runEvents = `
select run.n, event_id, run.ledger_id, seq, stream_id, type, at, traceparent, body
from unnest($1::uuid[], $2::bigint[], $3::bigint[]) with ordinality as run (ledger_id, first_seq, last_seq, n)
join ledger.events as event
    on event.ledger_id = run.ledger_id and event.seq between run.first_seq and run.last_seq`

// errHole says that the outbox speaks of events that are not there.
var errHole = errors.New("events are missing from the ledger")

// events reads runs, one after the other.
func (o *Outbox) events(ctx context.Context, r runs) ([]events.Message, error) {
	page := make([]events.Message, r.total)
	var read int64
	fill := func(rows pgx.Rows) error {
		var chunk arena
		for rows.Next() {
			columns := rows.RawValues()
			m := chunk.message(columns[1:])
			n := readInt64(columns[0]) - 1
			page[r.offsets[n]+m.Seq-r.first[n]] = m
			read++
		}
		return rows.Err()
	}
	b := &pgx.Batch{} // one transaction, for the server
	b.Queue(indexLookups)
	b.Queue(runEvents, r.ledgers, r.first, r.last).Query(fill)
	switch err := o.pool.SendBatch(ctx, b).Close(); {
	case err != nil:
		return nil, err
	case read != r.total:
		return nil, fmt.Errorf("%w: %d of %d", errHole, r.total-read, r.total)
	}
	return page, nil
}
