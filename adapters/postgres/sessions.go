package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/identity"
)

// Sessions keeps sessions: identity.Sessions. What it answers was committed
// before, so a session that ended stays ended across restarts.
type Sessions struct{ pool *pgxpool.Pool }

// NewSessions returns the sessions of a main database.
func NewSessions(pool *pgxpool.Pool) *Sessions { return &Sessions{pool: pool} }

var _ identity.Sessions = (*Sessions)(nil)

// Start records a new session.
func (s *Sessions) Start(ctx context.Context, n identity.Session) error {
	_, err := s.pool.Exec(ctx, `
insert into identity.sessions (id, user_id, refresh_hash, expires_at) values ($1, $2, $3, $4)`,
		n.ID, n.UserID, n.RefreshHash, n.ExpiresAt)
	if err != nil {
		return fmt.Errorf("start session %s: %w", n.ID, err)
	}
	return nil
}

// Rotate implements identity.Sessions. It is one statement on one row, so of two
// that bring the same hash, the second sees what the first has left: it brings a
// spent one, and the session ends.
func (s *Sessions) Rotate(ctx context.Context, id uuid.UUID, oldHash, newHash []byte, expires time.Time) error {
	var good bool
	err := s.pool.QueryRow(ctx, `
update identity.sessions set
    refresh_hash = case when refresh_hash = $2 then $3 else refresh_hash end,
    expires_at   = case when refresh_hash = $2 then $4 else expires_at end,
    revoked_at   = case when refresh_hash = $2 then null else now() end
where id = $1 and revoked_at is null and expires_at > now()
returning revoked_at is null`, id, oldHash, newHash, expires).Scan(&good)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("rotate session %s: %w", id, identity.ErrSessionEnded)
	case err != nil:
		return fmt.Errorf("rotate session %s: %w", id, err)
	case !good:
		return fmt.Errorf("rotate session %s: %w", id, identity.ErrTokenReused)
	}
	return nil
}

// Revoke ends a session; it is no error if it has ended.
func (s *Sessions) Revoke(ctx context.Context, id uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `
update identity.sessions set revoked_at = now() where id = $1 and revoked_at is null`, id)
	if err != nil {
		return fmt.Errorf("revoke session %s: %w", id, err)
	}
	return nil
}

// RevokeAll ends all sessions of a user.
func (s *Sessions) RevokeAll(ctx context.Context, user uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `
update identity.sessions set revoked_at = now() where user_id = $1 and revoked_at is null`, user)
	if err != nil {
		return fmt.Errorf("revoke sessions of %s: %w", user, err)
	}
	return nil
}

// Active reports whether a session exists and has neither expired nor been
// revoked.
func (s *Sessions) Active(ctx context.Context, id uuid.UUID) (bool, error) {
	var active bool
	err := s.pool.QueryRow(ctx, `
select exists (
    select from identity.sessions
    where id = $1 and revoked_at is null and expires_at > now())`, id).Scan(&active)
	if err != nil {
		return false, fmt.Errorf("session %s: %w", id, err)
	}
	return active, nil
}

// Sweep forgets sessions that expired before the given time, and returns how
// many.
func (s *Sessions) Sweep(ctx context.Context, before time.Time) (int64, error) {
	tag, err := s.pool.Exec(ctx, `delete from identity.sessions where expires_at < $1`, before)
	if err != nil {
		return 0, fmt.Errorf("sweep sessions: %w", err)
	}
	return tag.RowsAffected(), nil
}
