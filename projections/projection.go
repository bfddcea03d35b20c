package projections

import (
	"slices"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Batch is a run of consecutive events of one ledger, of which those may be left
// out whose kind of stream a projection does not name.
type Batch struct {
	Ledger uuid.UUID
	Events []events.Recorded // in ledger order
	Keys   events.Keys       // of every person whom Events speak of and who is not erased
}

// Projection writes the rows that follow from events.
type Projection struct {
	Name  string
	Kinds []events.Kind // of the streams whose events it answers

	// Apply adds to w what follows from b. Cutting the same events into other
	// batches gives the same rows.
	Apply func(w *Writes, b Batch) error
}

// Answers reports whether p has to see events of a kind of stream.
func (p Projection) Answers(k events.Kind) bool { return slices.Contains(p.Kinds, k) }

// Reads reports whether p reads a ledger: users and addresses stand in the ledger
// of the platform, all else in those of tenants.
func (p Projection) Reads(ledger uuid.UUID) bool {
	return slices.ContainsFunc(p.Kinds, func(k events.Kind) bool {
		ofPlatform := k == events.KindUser || k == events.KindEmail
		return ofPlatform == (ledger == events.PlatformLedger)
	})
}

// Progress says that all projections of a database have applied a ledger up to
// and including Seq.
type Progress struct {
	Database string    `json:"database"`
	Ledger   uuid.UUID `json:"ledger"`
	Seq      int64     `json:"seq"`
}
