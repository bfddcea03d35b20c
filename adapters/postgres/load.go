package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// loadQuery looks each stream up by itself. Asked for all of them at once, a
// planner without statistics, as of a young table, reads the whole ledger instead.
const loadQuery = `
select event.body
from (select distinct stream_id from unnest($2::uuid[]) as asked (stream_id)) as wanted
cross join lateral (
    select body from ledger.events
    where ledger_id = $1 and stream_id = wanted.stream_id
    order by stream_version offset 0) as event`

// Load implements command.Ledger.
func (l *Ledger) Load(
	ctx context.Context, ledger uuid.UUID, streams ...uuid.UUID,
) (map[uuid.UUID][]events.Recorded, error) {
	loaded := make(map[uuid.UUID][]events.Recorded, len(streams))
	if len(streams) == 0 {
		return loaded, nil
	}
	rows, err := l.pool.Query(ctx, loadQuery, ledger, streams)
	if err != nil {
		return nil, fmt.Errorf("load from ledger %s: %w", ledger, err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("load from ledger %s: %w", ledger, err)
		}
		r, err := events.Decode(body)
		if err != nil {
			return nil, fmt.Errorf("load from ledger %s: %w", ledger, err)
		}
		loaded[r.Stream.ID] = append(loaded[r.Stream.ID], r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("load from ledger %s: %w", ledger, err)
	}
	return loaded, nil
}

// Find implements command.Ledger.
func (l *Ledger) Find(
	ctx context.Context, ledger, id uuid.UUID, fingerprint [32]byte,
) (command.Receipt, bool, error) {
	var stored []byte
	r := command.Receipt{Ledger: ledger, Replayed: true}
	err := l.pool.QueryRow(ctx, `
select fingerprint, last_seq, at, outcome from ledger.commands
where ledger_id = $1 and command_id = $2`, ledger, id).Scan(&stored, &r.Seq, &r.At, &r.Outcome)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return command.Receipt{}, false, nil
	case err != nil:
		return command.Receipt{}, false, fmt.Errorf("find command %s: %w", id, err)
	case [32]byte(stored) != fingerprint:
		return command.Receipt{}, false, fmt.Errorf("find command %s: %w", id, command.ErrCommandReused)
	}
	r.At = r.At.UTC()
	return r, true, nil
}
