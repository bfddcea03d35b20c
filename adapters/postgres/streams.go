package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

// Streams returns up to limit streams of a ledger that began with an event of a type,
// those after the given id, by id. None are left when it returns fewer.
func (l *Ledger) Streams(
	ctx context.Context, ledger uuid.UUID, began events.Type, after uuid.UUID, limit int,
) ([]uuid.UUID, error) {
	rows, err := l.pool.Query(ctx, `
select stream_id from ledger.events
where ledger_id = $1 and stream_id > $2 and stream_version = 1 and type = $3
order by stream_id limit $4`, ledger, after, string(began), limit)
	if err != nil {
		return nil, fmt.Errorf("list streams of ledger %s: %w", ledger, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list streams of ledger %s: %w", ledger, err)
	}
	return ids, nil
}
