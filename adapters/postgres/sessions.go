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

// Start implements identity.Sessions. The hash is locked until the session stands, so
// that a change of the password finds the session, or the session finds the change.
func (s *Sessions) Start(ctx context.Context, n identity.Session, passwordHash string) error {
	tag, err := s.pool.Exec(ctx, `
insert into identity.sessions (id, user_id, refresh_hash, expires_at, user_agent)
select $1, user_id, $3, $4, $5 from identity.credentials where user_id = $2 and password_hash = $6 for share`,
		n.ID, n.UserID, n.RefreshHash, n.ExpiresAt, n.UserAgent, passwordHash)
	if err == nil && tag.RowsAffected() == 0 {
		err = identity.ErrCredentials
	}
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
    refreshed_at = case when refresh_hash = $2 then now() else refreshed_at end,
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

// RevokeAll ends all sessions of a user, and returns which.
func (s *Sessions) RevokeAll(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := s.pool.Query(ctx, `
update identity.sessions set revoked_at = now() where user_id = $1 and revoked_at is null
returning id`, user)
	ended, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("revoke sessions of %s: %w", user, err)
	}
	return ended, nil
}

// OfUser implements identity.Sessions.
func (s *Sessions) OfUser(ctx context.Context, user uuid.UUID, limit int) ([]identity.SessionInfo, error) {
	rows, _ := s.pool.Query(ctx, `
select id, user_agent, created_at, refreshed_at, expires_at from identity.sessions
where user_id = $1 and revoked_at is null and expires_at > now()
order by refreshed_at desc, id desc limit $2`, user, limit)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[identity.SessionInfo])
	if err != nil {
		return nil, fmt.Errorf("sessions of %s: %w", user, err)
	}
	return list, nil
}

// Owns implements identity.Sessions.
func (s *Sessions) Owns(ctx context.Context, user, id uuid.UUID) (bool, error) {
	var owns bool
	err := s.pool.QueryRow(ctx, `
select exists (
    select from identity.sessions
    where id = $1 and user_id = $2 and revoked_at is null and expires_at > now())`, id, user).Scan(&owns)
	if err != nil {
		return false, fmt.Errorf("session %s: %w", id, err)
	}
	return owns, nil
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
