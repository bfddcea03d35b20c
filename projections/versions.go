package projections

import (
	"math"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Versions writes what documents and files were at every point of a tenant's ledger.
// Rows never go: what changes or ends is so until before the event that says it.
func Versions() Projection {
	return Projection{
		Name: "versions", Kinds: []events.Kind{events.KindDocument, events.KindFile},
		Apply: func(w *Writes, b Batch) error {
			writeDocumentVersions(w, foldDocumentVersions(b.Events))
			writeFileVersions(w, foldFileVersions(b.Events))
			return nil
		},
	}
}

// stillSo is until when a version is valid that nothing has changed yet.
const stillSo = math.MaxInt64

// version is what something was for a while.
type version[V any] struct {
	from, to int64 // sequence numbers of the events that began and ended it
	based    bool  // on the version that was there before the batch, which has what V lacks
	value    V
}

// versions is what a batch says of one thing.
type versions[V any] struct {
	closes int64 // the event that ends what was there before the batch; 0 if nothing was
	list   []version[V]
	gone   bool // the thing is
}

// begin notes that a thing is new, or new again, from an event on.
func (v *versions[V]) begin(r *events.Recorded, value V) {
	v.close(r)
	v.gone = false
	v.list = append(v.list, version[V]{from: r.Seq, to: stillSo, value: value})
}

// change notes what an event changes.
func (v *versions[V]) change(r *events.Recorded, set func(*V)) {
	if v.gone {
		return
	}
	next := version[V]{from: r.Seq, to: stillSo, based: true}
	if n := len(v.list); n > 0 {
		next.based, next.value = v.list[n-1].based, v.list[n-1].value
	}
	v.close(r)
	set(&next.value)
	v.list = append(v.list, next)
}

// end notes that a thing is gone.
func (v *versions[V]) end(r *events.Recorded) {
	v.close(r)
	v.gone = true
}

// close notes that what was so no longer is.
func (v *versions[V]) close(r *events.Recorded) {
	switch n := len(v.list); {
	case n > 0:
		v.list[n-1].to = min(v.list[n-1].to, r.Seq)
	case v.closes == 0 && r.StreamVersion > 1:
		v.closes = r.Seq
	}
}

// closing are the versions from before a batch that it ends, column by column.
type closing struct {
	ids  []uuid.UUID
	seqs []int64
}

func (c *closing) append(id uuid.UUID, seq int64) {
	if seq > 0 {
		c.ids, c.seqs = append(c.ids, id), append(c.seqs, seq)
	}
}
