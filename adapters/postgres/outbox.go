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

// Pending returns whole rows whose ids are greater than after, oldest first: as
// many as hold limit events together, and at least one. The ids are in order, and
// so are the events of each ledger. Nothing pending is no error.
func (o *Outbox) Pending(ctx context.Context, after int64, limit int) ([]events.Message, []int64, error) {
	p, err := o.look(ctx, after, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("read outbox: %w", err)
	}
	if len(p.rows) == 0 {
		return nil, nil, nil
	}
	messages, ids, err := p.sorted()
	if err != nil {
		return nil, nil, fmt.Errorf("read outbox: %w", err)
	}
	return messages, ids, nil
}

// Done removes rows; it is no error if they are gone. It does not wait for the disk:
// rows removed shortly before the server crashes may be pending again.
func (o *Outbox) Done(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	b := &pgx.Batch{} // one transaction, for the server
	b.Queue(`select set_config('synchronous_commit', 'off', true)`)
	b.Queue(`delete from ledger.outbox where id = any($1)`, ids)
	if err := o.pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("clear outbox: %w", err)
	}
	return nil
}
