// Package projections turns events into rows. A projection is a value with a
// name and a function; the function sees a batch of consecutive events of one
// ledger and a transaction, and nothing else: no clock, no look-ups of its own,
// no other I/O. Rows and checkpoint move in that one transaction.
package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

// Batch is a run of consecutive events of one ledger.
type Batch struct {
	Ledger uuid.UUID
	Events []events.Recorded // in ledger order
	Keys   events.Keys       // of every person whom Events speak of and who is not erased
}

// Projection writes the rows that follow from events.
type Projection struct {
	Name  string
	Apply func(ctx context.Context, tx pgx.Tx, b Batch) error
}

// Progress says that all projections of a database have applied a ledger up to
// and including Seq.
type Progress struct {
	Database string    `json:"database"`
	Ledger   uuid.UUID `json:"ledger"`
	Seq      int64     `json:"seq"`
}
