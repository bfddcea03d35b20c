package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/events"
)

// Head is how far a ledger has come.
type Head struct {
	Ledger uuid.UUID
	Seq    int64
}

// Read returns up to limit events of a ledger, those after the given sequence
// number, in order. None are left when it returns fewer.
func (l *Ledger) Read(ctx context.Context, ledger uuid.UUID, after int64, limit int) ([]events.Message, error) {
	rows, err := l.pool.Query(ctx, `
select `+messageColumns+` from ledger.events
where ledger_id = $1 and seq > $2 order by seq limit $3`, pgx.QueryResultFormats{pgx.BinaryFormatCode}, ledger, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", ledger, err)
	}
	defer rows.Close()
	var (
		messages []events.Message
		chunk    arena
	)
	for rows.Next() {
		messages = append(messages, chunk.message(rows.RawValues()))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", ledger, err)
	}
	return messages, nil
}

// Head returns the sequence number of a ledger's last event; 0 if there is none.
func (l *Ledger) Head(ctx context.Context, ledger uuid.UUID) (int64, error) {
	return headOf(ctx, l.pool, ledger)
}

func headOf(ctx context.Context, pool *pgxpool.Pool, ledger uuid.UUID) (int64, error) {
	var seq int64
	err := pool.QueryRow(ctx, `select seq from ledger.heads where ledger_id = $1`, ledger).Scan(&seq)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("head of ledger %s: %w", ledger, err)
	}
	return seq, nil
}

// Ledgers returns up to limit ledgers, those after the given id, by id. None are
// left when it returns fewer.
func (l *Ledger) Ledgers(ctx context.Context, after uuid.UUID, limit int) ([]Head, error) {
	rows, err := l.pool.Query(ctx, `
select ledger_id, seq from ledger.heads
where ledger_id > $1 order by ledger_id limit $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list ledgers: %w", err)
	}
	heads, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Head])
	if err != nil {
		return nil, fmt.Errorf("list ledgers: %w", err)
	}
	return heads, nil
}
