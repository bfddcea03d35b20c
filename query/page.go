package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Page asks for part of a list.
type Page struct {
	Limit  int    // the most rows to return; 0 means DefaultLimit, more than MaxLimit means MaxLimit
	Cursor string // Next of the page before; empty for the first
	Total  bool   // count the whole list, too
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

// Listed is a page of a list.
//
// Pages go by the key of the last row, not by counting: whatever others add and
// remove meanwhile, a row that is there all the time, its key unchanged, comes on
// exactly one page.
type Listed[T any] struct {
	Items []T
	Next  string // the cursor of the page after it; empty on the last one
	Total *int64 // rows of the whole list; nil unless asked for
}

// list is a list that can be had in pages.
type list[T any] struct {
	name    string // as errors call it
	columns string
	from    string // tables
	where   conditions
	order   order[T]
}

// order says what a list is ordered by: a key, and among equals an id, both
// ascending or both descending.
type order[T any] struct {
	key  string // SQL
	kind keyKind
	id   string // SQL
	desc bool
	of   func(*T) (key any, id uuid.UUID)
}

// newest orders by a time and an id, the last first.
func newest[T any](key, id string, of func(*T) (any, uuid.UUID)) order[T] {
	return order[T]{key: key, kind: byTime, id: id, desc: true, of: of}
}

// conditions are what rows must fulfil, with the arguments of the placeholders.
type conditions struct {
	texts []string
	args  []any
}

// add adds a condition, in which ? stands for arg.
func (c *conditions) add(condition string, arg any) {
	c.args = append(c.args, arg)
	c.texts = append(c.texts, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(c.args))))
}

func (c *conditions) sql() string {
	if len(c.texts) == 0 {
		return ""
	}
	return " where " + strings.Join(c.texts, " and ")
}

// identity tells lists apart: those with the same rows in the same order have the
// same text.
func (l *list[T]) identity() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%t|%s", l.name, l.order.key, l.order.desc, l.where.sql())
	for _, arg := range l.where.args {
		fmt.Fprintf(&b, "|%q", fmt.Sprint(arg))
	}
	return b.String()
}

// pageOf reads one page of a list.
func pageOf[T any, R row[T]](ctx context.Context, db DB, p Page, l list[T]) (page Listed[T], err error) {
	identity, limit, where := l.identity(), p.limit(), l.where
	if p.Total {
		if page.Total, err = count(ctx, db, l); err != nil {
			return Listed[T]{}, err
		}
	}
	direction, compare := "", ">"
	if l.order.desc {
		direction, compare = " desc", "<"
	}
	if p.Cursor != "" {
		after, err := parseCursor(identity, l.order.kind, p.Cursor)
		if err != nil {
			return Listed[T]{}, err
		}
		// The first condition follows from the second; it is for the index of a key
		// that stands in another table than the id.
		key := "?::" + l.order.kind.sqlType()
		where.add(l.order.key+" "+compare+"= "+key, after.key)
		where.add(fmt.Sprintf("(%s, %s) %s ($%d, ?)", l.order.key, l.order.id, compare, len(where.args)), after.id)
	}
	args := append(where.args, limit+1)
	sql := fmt.Sprintf("select %s from %s%s order by %s%s, %s%s limit $%d",
		l.columns, l.from, where.sql(), l.order.key, direction, l.order.id, direction, len(args))
	page.Items, err = many[T, R](ctx, db, l.name, sql, args...)
	if err != nil {
		return Listed[T]{}, err
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		var last position
		last.key, last.id = l.order.of(&page.Items[limit-1])
		page.Next = last.cursor(identity)
	}
	return page, nil
}

func count[T any](ctx context.Context, db DB, l list[T]) (*int64, error) {
	rows, err := db.Query(ctx, "select count(*) from "+l.from+l.where.sql(), l.where.args...)
	if err != nil {
		return nil, fmt.Errorf("count %s: %w", l.name, err)
	}
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("count %s: %w", l.name, err)
	}
	return &n, nil
}
