package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/identity"
)

// Secrets keeps what the platform has drawn for itself, once.
type Secrets struct{ pool *pgxpool.Pool }

// NewSecrets returns the secrets of a main database.
func NewSecrets(pool *pgxpool.Pool) *Secrets { return &Secrets{pool: pool} }

// Keep keeps a secret under a name that has none yet, and returns the one that is
// kept: value, or what was there before.
func (s *Secrets) Keep(ctx context.Context, name string, value []byte) ([]byte, error) {
	_, err := s.pool.Exec(ctx, `insert into identity.secrets (name, value) values ($1, $2) on conflict do nothing`, name, value)
	if err != nil {
		return nil, fmt.Errorf("keep secret %q: %w", name, err)
	}
	return s.Secret(ctx, name)
}

// Secret returns a secret by its name; identity.ErrNotFound if there is none.
func (s *Secrets) Secret(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.pool.QueryRow(ctx, `select value from identity.secrets where name = $1`, name).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		err = identity.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("secret %q: %w", name, err)
	}
	return value, nil
}
