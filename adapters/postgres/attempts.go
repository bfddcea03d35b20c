package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/identity"
)

// Attempts counts attempts to sign in: identity.Attempts. Its commits are not waited
// for to reach the disk: of a server that lost its power, the last half second may
// be forgotten; of a process that was killed, nothing is.
type Attempts struct{ pool *pgxpool.Pool }

// NewAttempts returns the counts of a main database.
func NewAttempts(pool *pgxpool.Pool) *Attempts { return &Attempts{pool: pool} }

var _ identity.Attempts = (*Attempts)(nil)

const (
	relaxCommit = `select set_config('synchronous_commit', 'off', true)`

	// lockAttempts makes rows that are missing and locks all, always in the same
	// order.
	lockAttempts = `
insert into identity.login_attempts as a (key, expires_at)
select key, now() from unnest($1::bytea[]) as key order by key
on conflict (key) do update set key = a.key
returning key, failed, pending, refused, known_until, clock_timestamp()`

	saveAttempts = `
update identity.login_attempts
set failed = $2, pending = $3, refused = $4, known_until = $5, expires_at = $6
where key = $1`
)

// errNotAdmitted rolls back what an attempt that is not admitted has begun.
var errNotAdmitted = errors.New("not admitted")

// Begin implements identity.Attempts.
func (s *Attempts) Begin(ctx context.Context, a identity.Attempt) (identity.Admission, error) {
	var admission identity.Admission
	err := s.change(ctx, a, func(now time.Time, t *tallies) error {
		admission = identity.Admit(now, a, t[0], t[1], t[2])
		if !admission.Admitted {
			return errNotAdmitted
		}
		for i := range t {
			t[i] = t[i].Begun(admission.At)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errNotAdmitted) {
		return identity.Admission{}, fmt.Errorf("begin an attempt: %w", err)
	}
	return admission, nil
}

// End implements identity.Attempts.
func (s *Attempts) End(ctx context.Context, a identity.Attempt, at time.Time, o identity.Outcome) (refused int64, err error) {
	err = s.change(ctx, a, func(now time.Time, t *tallies) error {
		if o == identity.Failed {
			refused, t[0].Refused = t[0].Refused, 0
		}
		pair := t[2]
		for i := range t {
			t[i] = t[i].Ended(now, at, o, pair)
		}
		if o == identity.Proven {
			t[2] = t[2].Known(now)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("end an attempt: %w", err)
	}
	return refused, nil
}

// Know implements identity.Attempts.
func (s *Attempts) Know(ctx context.Context, a identity.Attempt) error {
	err := s.change(ctx, a, func(now time.Time, t *tallies) error {
		t[2] = t[2].Known(now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("know a client: %w", err)
	}
	return nil
}

// Refuse implements identity.Attempts.
func (s *Attempts) Refuse(ctx context.Context, key identity.AttemptKey) (report int64, err error) {
	err = s.pool.QueryRow(ctx, `
with old as (
    select refused + 1 as refused, coalesce(reported_at < now() - interval '15 minutes', true) as due
    from identity.login_attempts where key = $1 for update
)
update identity.login_attempts
set refused     = case when old.due then 0 else old.refused end,
    reported_at = case when old.due then now() else reported_at end
from old where key = $1
returning case when old.due then old.refused else 0 end`, key[:]).Scan(&report)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil // swept since
	}
	if err != nil {
		return 0, fmt.Errorf("count a refused attempt: %w", err)
	}
	return report, nil
}

// Sweep forgets what counts no more, and returns how many rows that were.
func (s *Attempts) Sweep(ctx context.Context) (int64, error) {
	tag, err := s.pool.Exec(ctx, `
delete from identity.login_attempts where expires_at < now() and coalesce(reported_at < now() - interval '15 minutes', true)`)
	if err != nil {
		return 0, fmt.Errorf("sweep attempts: %w", err)
	}
	return tag.RowsAffected(), nil
}

// tallies are those of an attempt's account, client and pair.
type tallies [3]identity.Tally

// change lets f change an attempt's tallies while nobody else does, in two round
// trips. An error of f undoes everything.
func (s *Attempts) change(ctx context.Context, a identity.Attempt, f func(now time.Time, t *tallies) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes a connection that is left in a transaction
	keys := a.Keys()
	now, t, err := lockTallies(ctx, conn, keys)
	if err != nil {
		return err
	}
	if err := f(now, &t); err != nil {
		_, rollback := conn.Exec(ctx, "rollback")
		return errors.Join(err, rollback)
	}
	var batch pgx.Batch
	for i, key := range keys {
		batch.Queue(saveAttempts, key[:], notNull(t[i].Failed), notNull(t[i].Pending), t[i].Refused,
			nullIfZero(t[i].KnownUntil), t[i].Expires(now))
	}
	batch.Queue("commit")
	return conn.SendBatch(ctx, &batch).Close()
}

// lockTallies begins a transaction that holds an attempt's rows.
func lockTallies(
	ctx context.Context, conn *pgxpool.Conn, keys [3]identity.AttemptKey,
) (now time.Time, t tallies, err error) {
	list := make([][]byte, len(keys))
	for i := range keys {
		list[i] = keys[i][:]
	}
	var batch pgx.Batch
	batch.Queue("begin")
	batch.Queue(relaxCommit)
	batch.Queue(lockAttempts, list).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var (
				key   []byte
				tally identity.Tally
				known *time.Time
			)
			if err := rows.Scan(&key, &tally.Failed, &tally.Pending, &tally.Refused, &known, &now); err != nil {
				return err
			}
			if known != nil {
				tally.KnownUntil = *known
			}
			for i := range keys {
				if identity.AttemptKey(key) == keys[i] {
					t[i] = tally
				}
			}
		}
		return rows.Err()
	})
	return now, t, conn.SendBatch(ctx, &batch).Close()
}

// notNull returns an array that is empty where times is nil.
func notNull(times []time.Time) []time.Time {
	if times == nil {
		return []time.Time{}
	}
	return times
}

func nullIfZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
