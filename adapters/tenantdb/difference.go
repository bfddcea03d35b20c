package tenantdb

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// What can be wrong with a live row.
const (
	RowMissing = "missing" // it is not there
	RowExtra   = "extra"   // no event says that it is there
	RowDiffers = "differs"
)

// RowDifference is a live row that is not what events say.
type RowDifference struct {
	Table   string   `json:"table"`
	Key     string   `json:"key"`     // its primary key; parts are parted by slashes
	Problem string   `json:"problem"` // RowMissing, RowExtra or RowDiffers
	Columns []string `json:"columns,omitempty"`
	Event   *Witness `json:"event,omitempty"` // nil if none speaks of the row
}

// Witness is the last event that speaks of a row.
type Witness struct {
	Ledger uuid.UUID `json:"ledger"`
	Seq    int64     `json:"seq"`
	Type   string    `json:"type"`
	ID     uuid.UUID `json:"id"`
}

// rowCursor walks over the rows of a table, by key.
type rowCursor struct {
	rows pgx.Rows
	key  string
	row  []byte
	ok   bool
}

func openCursor(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, table, key string,
) (*rowCursor, error) {
	rows, err := db.Query(ctx, fmt.Sprintf(`
		select k, row from (select %s as k, to_jsonb(t) as row from %s t) x order by k collate "C"`,
		key, pgx.Identifier{table}.Sanitize()))
	if err != nil {
		return nil, err
	}
	c := &rowCursor{rows: rows}
	return c, c.next()
}

func (c *rowCursor) next() error {
	if c.ok = c.rows.Next(); !c.ok {
		return c.rows.Err()
	}
	return c.rows.Scan(&c.key, &c.row)
}

// compareRows finds the rows of a table that differ, walking over both tables at
// once.
func (s *shadow) compareRows(ctx context.Context, live pgx.Tx, table string) error {
	key, err := s.keyOf(ctx, table)
	if err != nil {
		return err
	}
	found, err := s.walkRows(ctx, live, table, key)
	if err != nil {
		return err
	}
	for i := range found {
		if found[i].Event, err = s.witness(ctx, found[i]); err != nil {
			return fmt.Errorf("event of row %s: %w", found[i].Key, err)
		}
	}
	s.result.Differences = append(s.result.Differences, found...)
	return nil
}

func (s *shadow) walkRows(ctx context.Context, live pgx.Tx, table, key string) (found []RowDifference, err error) {
	there, err := openCursor(ctx, live, table, key)
	if err != nil {
		return nil, err
	}
	defer there.rows.Close()
	here, err := openCursor(ctx, s.conn, table, key)
	if err != nil {
		return nil, err
	}
	defer here.rows.Close()
	note := func(d RowDifference) {
		if s.result.Differing == nil {
			s.result.Differing = make(map[string]int64)
		}
		if s.result.Differing[table]++; s.result.Differing[table] <= int64(s.rebuild.cfg.Shown) {
			found = append(found, d)
		}
	}
	for err == nil && (there.ok || here.ok) {
		switch {
		case !there.ok || here.ok && here.key < there.key:
			note(RowDifference{Table: table, Key: here.key, Problem: RowMissing})
			err = here.next()
		case !here.ok || there.key < here.key:
			note(RowDifference{Table: table, Key: there.key, Problem: RowExtra})
			err = there.next()
		default:
			if !bytes.Equal(there.row, here.row) {
				columns, err := differing(there.row, here.row)
				if err != nil {
					return nil, err
				}
				note(RowDifference{Table: table, Key: here.key, Problem: RowDiffers, Columns: columns})
			}
			if err = here.next(); err == nil {
				err = there.next()
			}
		}
	}
	return found, err
}

// differing names the columns in which two rows differ.
func differing(a, b []byte) ([]string, error) {
	var x, y map[string]jsontext.Value
	if err := json.Unmarshal(a, &x); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return nil, err
	}
	columns := make(map[string]bool)
	for name := range x {
		columns[name] = !bytes.Equal(x[name], y[name])
	}
	for name := range y {
		columns[name] = !bytes.Equal(x[name], y[name])
	}
	maps.DeleteFunc(columns, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(columns)), nil
}

// keyOf returns the expression of a table's primary key as text.
func (s *shadow) keyOf(ctx context.Context, table string) (string, error) {
	rows, err := s.conn.Query(ctx, `
		select format('t.%I::text', a.attname)
		from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
		where i.indisprimary and i.indrelid = $1::regclass
		order by array_position(i.indkey::int2[], a.attnum)`, pgx.Identifier{table}.Sanitize())
	if err != nil {
		return "", err
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	return "concat_ws('/', " + strings.Join(columns, ", ") + ")", nil
}
