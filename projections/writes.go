package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Writes collects what is to be written to a database: statements, which are sent
// in one round trip, and rows to be copied after them. The zero value is empty.
type Writes struct {
	statements pgx.Batch
	owners     []string // of statements
	copies     []copied
	owner      string // of what comes next
}

// copied is a copy of rows into a table.
type copied struct {
	owner   string
	table   string
	columns []string
	rows    pgx.CopyFromSource
}

// Database is what writes are made to: a connection, or a transaction on one.
type Database interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// Project adds what a projection writes of a batch.
func (w *Writes) Project(p Projection, b Batch) error {
	w.owner = "project " + p.Name
	if err := p.Apply(w, b); err != nil {
		return fmt.Errorf("project %s: %w", p.Name, err)
	}
	return nil
}

// Do adds a statement that is not of a projection. Its errors begin with what it
// does.
func (w *Writes) Do(what, sql string, args ...any) {
	w.owner = what
	w.queue(sql, args...)
}

// queue adds a statement.
func (w *Writes) queue(sql string, args ...any) {
	w.statements.Queue(sql, args...)
	w.owners = append(w.owners, w.owner)
}

// copy adds rows to be copied into a table, n of them.
func (w *Writes) copy(table string, columns []string, n int, row func(i int) ([]any, error)) {
	w.copies = append(w.copies, copied{w.owner, table, columns, pgx.CopyFromSlice(n, row)})
}

// Alone reports whether the writes are made in a single round trip. Then they all
// are made or none, also without a transaction around them: until the end of the
// round trip PostgreSQL commits nothing.
func (w *Writes) Alone() bool { return len(w.copies) == 0 }

// Apart takes the rows that are to be copied out of the writes, and returns them. The
// projections' tables are independent of each other: both may be made at once, by who
// does not mind that for a while one is there without the other.
func (w *Writes) Apart() *Writes {
	rows := &Writes{copies: w.copies}
	w.copies = nil
	return rows
}

// Make makes the writes, up to the first that fails.
func (w *Writes) Make(ctx context.Context, db Database) error {
	if w.statements.Len() > 0 {
		if err := w.send(ctx, db); err != nil {
			return err
		}
	}
	for _, c := range w.copies {
		if _, err := db.CopyFrom(ctx, pgx.Identifier{c.table}, c.columns, c.rows); err != nil {
			return fmt.Errorf("%s: %w", c.owner, err)
		}
	}
	return nil
}

func (w *Writes) send(ctx context.Context, db Database) (err error) {
	results := db.SendBatch(ctx, &w.statements)
	defer func() {
		if closing := results.Close(); err == nil && closing != nil {
			err = fmt.Errorf("end of %s: %w", w.owner, closing)
		}
	}()
	for _, owner := range w.owners {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("%s: %w", owner, err)
		}
	}
	return nil
}
