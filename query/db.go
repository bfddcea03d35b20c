package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DB is a database, or a transaction, that answers queries.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not found")

// row is a pointer to a row struct that can bring its times to UTC.
type row[T any] interface {
	*T
	toUTC()
}

// one answers question with the only row that sql yields.
func one[T any, R row[T]](ctx context.Context, db DB, question, sql string, args ...any) (T, error) {
	var zero T
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return zero, fmt.Errorf("%s: %w", question, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return zero, ErrNotFound
	case err != nil:
		return zero, fmt.Errorf("%s: %w", question, err)
	}
	R(&v).toUTC()
	return v, nil
}

// many answers question with all rows that sql yields.
func many[T any, R row[T]](ctx context.Context, db DB, question, sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", question, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", question, err)
	}
	for i := range list {
		R(&list[i]).toUTC()
	}
	return list, nil
}
