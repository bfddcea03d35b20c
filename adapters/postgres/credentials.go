package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/identity"
)

// Credentials keeps password hashes: identity.Credentials.
type Credentials struct{ pool *pgxpool.Pool }

// NewCredentials returns the password hashes of a main database.
func NewCredentials(pool *pgxpool.Pool) *Credentials { return &Credentials{pool: pool} }

// Save sets a user's hash, a PHC string.
func (c *Credentials) Save(ctx context.Context, user uuid.UUID, hash string) error {
	_, err := c.pool.Exec(ctx, `
insert into identity.credentials (user_id, password_hash) values ($1, $2)
on conflict (user_id) do update set password_hash = excluded.password_hash, updated_at = now()`, user, hash)
	if err != nil {
		return fmt.Errorf("save credentials of %s: %w", user, err)
	}
	return nil
}

// Hash returns a user's hash; identity.ErrNotFound if there is none.
func (c *Credentials) Hash(ctx context.Context, user uuid.UUID) (string, error) {
	var hash string
	err := c.pool.QueryRow(ctx, `select password_hash from identity.credentials where user_id = $1`, user).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		err = identity.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("credentials of %s: %w", user, err)
	}
	return hash, nil
}

// Replace implements identity.Credentials.
func (c *Credentials) Replace(ctx context.Context, user uuid.UUID, hash, next string, keep uuid.UUID) ([]uuid.UUID, error) {
	var ended []uuid.UUID
	err := pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
update identity.credentials set password_hash = $3, updated_at = now() where user_id = $1 and password_hash = $2`,
			user, hash, next)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return identity.ErrNotFound
		}
		rows, _ := tx.Query(ctx, `
update identity.sessions set revoked_at = now() where user_id = $1 and id <> $2 and revoked_at is null
returning id`, user, keep)
		ended, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("replace credentials of %s: %w", user, err)
	}
	return ended, nil
}

// Delete removes a user's hash; it is no error if there is none.
func (c *Credentials) Delete(ctx context.Context, user uuid.UUID) error {
	if _, err := c.pool.Exec(ctx, `delete from identity.credentials where user_id = $1`, user); err != nil {
		return fmt.Errorf("delete credentials of %s: %w", user, err)
	}
	return nil
}

var _ identity.Credentials = (*Credentials)(nil)
