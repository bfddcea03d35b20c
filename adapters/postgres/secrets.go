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
