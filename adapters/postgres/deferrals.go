package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/worker"
)

// Deferrals keeps events that could not be acted on yet, in a main database, in named
// queues. Any number of processes may share one.
type Deferrals struct{ pool *pgxpool.Pool }

// NewDeferrals returns the deferrals of a main database.
func NewDeferrals(pool *pgxpool.Pool) *Deferrals { return &Deferrals{pool: pool} }

// Defer keeps an event until a time from now, after so many failed attempts. One that
// is kept already stays as it is.
func (d *Deferrals) Defer(ctx context.Context, queue string, m events.Message, attempts int, reason string, wait time.Duration) error {
	_, err := d.pool.Exec(ctx, `
		insert into work.deferred (queue, event_id, event_type, ledger_id, stream_id, body, attempts, reason, due_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9)
		on conflict do nothing`,
		queue, m.ID, string(m.Type), m.Ledger, m.StreamID, m.Body, attempts, reason, wait)
	if err != nil {
		return fmt.Errorf("defer event %s: %w", m.ID, err)
	}
	return nil
}

// Due hands out the event that has been due the longest; false if none is. It is due
// again after lease unless it is settled before: whoever took it may be gone.
func (d *Deferrals) Due(ctx context.Context, queue string, lease time.Duration) (due worker.Deferred, found bool, err error) {
	err = d.pool.QueryRow(ctx, `
		update work.deferred d set due_at = now() + $2
		from (
			select event_id from work.deferred
			where queue = $1 and due_at <= now()
			order by due_at limit 1
			for update skip locked
		) as first
		where d.queue = $1 and d.event_id = first.event_id
		returning d.event_id, d.event_type, d.ledger_id, d.stream_id, d.body, d.attempts, d.since`, queue, lease,
	).Scan(&due.ID, &due.Type, &due.Ledger, &due.StreamID, &due.Body, &due.Attempts, &due.Since)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return worker.Deferred{}, false, nil
	case err != nil:
		return worker.Deferred{}, false, fmt.Errorf("take a deferred event: %w", err)
	}
	return due, true, nil
}

// Again puts an event off once more, after another failed attempt.
func (d *Deferrals) Again(ctx context.Context, queue string, event uuid.UUID, reason string, wait time.Duration) error {
	_, err := d.pool.Exec(ctx, `
		update work.deferred set attempts = attempts + 1, reason = $3, due_at = now() + $4
		where queue = $1 and event_id = $2`, queue, event, reason, wait)
	if err != nil {
		return fmt.Errorf("defer event %s again: %w", event, err)
	}
	return nil
}

// Done forgets an event; it is no error if there is none.
func (d *Deferrals) Done(ctx context.Context, queue string, event uuid.UUID) error {
	if _, err := d.pool.Exec(ctx, `delete from work.deferred where queue = $1 and event_id = $2`, queue, event); err != nil {
		return fmt.Errorf("forget deferred event %s: %w", event, err)
	}
	return nil
}

// Failing returns how many events of a queue have failed, and since when the oldest of
// them waits; the zero time if there is none.
func (d *Deferrals) Failing(ctx context.Context, queue string) (count int, oldest time.Time, err error) {
	var since *time.Time
	err = d.pool.QueryRow(ctx, `select count(*), min(since) from work.deferred where queue = $1 and attempts > 0`, queue).Scan(&count, &since)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count deferred events: %w", err)
	}
	if since != nil {
		oldest = *since
	}
	return count, oldest, nil
}
