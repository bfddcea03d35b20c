package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/events"
)

// Outbox is what has been appended and is not on Kafka yet. Each of its rows is a
// run of consecutive events of one ledger, written by the transaction that
// appended them.
//
// Rows of one ledger have ids in ledger order. Rows of different ledgers may
// become visible out of order: a reader who comes to the end starts again from 0.
type Outbox struct{ pool *pgxpool.Pool }

// NewOutbox returns the outbox of a main database.
func NewOutbox(pool *pgxpool.Pool) *Outbox { return &Outbox{pool: pool} }

// outboxQuery reads whole rows for as long as they hold limit events together,
// and the first one in any case.
const outboxQuery = `
select due.id, ` + messageColumns + `
from (
    select id, ledger_id as of, first_seq, last_seq,
        sum((last_seq - first_seq + 1)::int) over (order by id rows unbounded preceding) as total,
        row_number() over (order by id) as n
    from (select * from ledger.outbox where id > $1 order by id limit $2) as waiting
) as due
join lateral (
    select ` + messageColumns + ` from ledger.events
    where ledger_id = due.of and seq between due.first_seq and due.last_seq
    order by seq offset 0
) as event on true
where due.n = 1 or due.total <= $2
order by due.id, event.seq`

// outboxSettings make the plan one of index lookups, whatever the statistics say.
const outboxSettings = `
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`

// Pending returns whole rows whose ids are greater than after, oldest first: as
// many as hold limit events together, and at least one. The ids are in order, and
// so are the events of a ledger. Nothing pending is no error.
func (o *Outbox) Pending(ctx context.Context, after int64, limit int) (batch []events.Message, ids []int64, err error) {
	defer func() {
		if err != nil {
			batch, ids, err = nil, nil, fmt.Errorf("read outbox: %w", err)
		}
	}()
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(outboxSettings)
		b.Queue(outboxQuery, pgx.QueryResultFormats{pgx.BinaryFormatCode}, after, limit).
			Query(func(rows pgx.Rows) error {
				batch, ids = collect(rows, limit)
				return rows.Err()
			})
		return tx.SendBatch(ctx, b).Close()
	})
	return batch, ids, err
}

func collect(rows pgx.Rows, limit int) (batch []events.Message, ids []int64) {
	var chunk arena
	batch = make([]events.Message, 0, min(limit, 1024))
	for rows.Next() {
		columns := rows.RawValues()
		if id := readInt64(columns[0]); len(ids) == 0 || ids[len(ids)-1] != id {
			ids = append(ids, id)
		}
		batch = append(batch, chunk.message(columns[1:]))
	}
	return batch, ids
}

// Done removes rows; it is no error if they are gone.
func (o *Outbox) Done(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := o.pool.Exec(ctx, `delete from ledger.outbox where id = any($1)`, ids); err != nil {
		return fmt.Errorf("clear outbox: %w", err)
	}
	return nil
}
