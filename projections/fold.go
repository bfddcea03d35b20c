package projections

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// fold collects what a batch does to rows: one change a row.
type fold[C any] struct {
	changes map[uuid.UUID]*C
}

// of returns the change of a row, new if the batch did nothing to it so far.
func (f *fold[C]) of(id uuid.UUID) *C {
	if f.changes == nil {
		f.changes = make(map[uuid.UUID]*C)
	}
	c, ok := f.changes[id]
	if !ok {
		c = new(C)
		f.changes[id] = c
	}
	return c
}

// drop forgets that the batch did anything to a row.
func (f *fold[C]) drop(id uuid.UUID) { delete(f.changes, id) }

// sorted returns the ids of the rows, in order.
func (f *fold[C]) sorted() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(f.changes))
	for id := range f.changes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// uuids hands ids to pgx in the form that it encodes fastest; [uuid.UUID] as such
// it turns into text first.
func uuids(ids []uuid.UUID) pgtype.FlatArray[pgtype.UUID] {
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	return list
}
