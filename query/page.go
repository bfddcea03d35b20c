package query

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Page asks for part of a list.
type Page struct {
	Limit int     // the most rows to return; 0 means DefaultLimit, more than MaxLimit means MaxLimit
	After *Cursor // where the page before ended; nil for the first page
}

func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return DefaultLimit
	case p.Limit > MaxLimit:
		return MaxLimit
	default:
		return p.Limit
	}
}

// start returns the key that every row of the page comes after, in an order of
// time and id that both descend. The first page comes after all there can be.
func (p Page) start() (pgtype.Timestamptz, uuid.UUID) {
	if p.After == nil {
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, uuid.Max
	}
	return pgtype.Timestamptz{Time: p.After.At, Valid: true}, p.After.ID
}

// pageOf answers question with one page. The statement takes the page's start as
// $1 and $2, the most rows to yield as $3, and args from $4 on. The cursor is
// nil when no rows follow.
func pageOf[T any, R row[T]](ctx context.Context, db DB, p Page, key func(T) Cursor,
	question, sql string, args ...any,
) ([]T, *Cursor, error) {
	at, id := p.start()
	limit := p.limit()
	list, err := many[T, R](ctx, db, question, sql, append([]any{at, id, limit + 1}, args...)...)
	if err != nil {
		return nil, nil, err
	}
	if len(list) <= limit {
		return list, nil, nil
	}
	next := key(list[limit-1])
	return list[:limit], &next, nil
}
