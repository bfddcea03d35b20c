package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
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

// Pending returns whole rows whose ids are greater than after, oldest first: as
// many as hold limit events together, and at least one. The ids are in order, and
// so are the events of each ledger. Nothing pending is no error.
func (o *Outbox) Pending(ctx context.Context, after int64, limit int) ([]events.Message, []int64, error) {
	rows, err := o.rows(ctx, after, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("read outbox: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil, nil
	}
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.id
	}
	batch, err := o.events(ctx, join(rows))
	if err != nil {
		return nil, nil, fmt.Errorf("read outbox: %w", err)
	}
	return batch, ids, nil
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

// rows returns the first rows that hold limit events together.
func (o *Outbox) rows(ctx context.Context, after int64, limit int) ([]outboxRow, error) {
	found, err := o.pool.Query(ctx, `
select id, ledger_id, first_seq, last_seq from ledger.outbox
where id > $1 order by id limit $2`, pgx.QueryResultFormats{pgx.BinaryFormatCode}, after, limit)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var (
		rows  []outboxRow
		total int64
	)
	for found.Next() {
		columns := found.RawValues()
		row := outboxRow{
			id: readInt64(columns[0]), ledger: uuid.UUID(columns[1]),
			first: readInt64(columns[2]), last: readInt64(columns[3]),
		}
		total += row.last - row.first + 1
		if len(rows) > 0 && total > int64(limit) {
			break
		}
		rows = append(rows, row)
	}
	found.Close()
	return rows, found.Err()
}
