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

// Delete removes a user's hash; it is no error if there is none.
func (c *Credentials) Delete(ctx context.Context, user uuid.UUID) error {
	if _, err := c.pool.Exec(ctx, `delete from identity.credentials where user_id = $1`, user); err != nil {
		return fmt.Errorf("delete credentials of %s: %w", user, err)
	}
	return nil
}

var _ identity.Credentials = (*Credentials)(nil)
