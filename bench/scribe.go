package main

import (
	"time"

	"github.com/google/uuid"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// scribe writes a ledger, as rows to be copied: documents' lives, one after the other.
type scribe struct {
	tenant uuid.UUID
	actor  uuid.UUID
	until  int64 // event
	seq    int64 // the last event written
	at     time.Time
	tree   *compact.Range

	documents int64 // begun
	pending   []events.Recorded
	message   events.Message // the last event
	row       []any
	err       error
}

func newScribe(tenant uuid.UUID) *scribe {
	factory := &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	return &scribe{
		tenant: tenant, actor: uuid.New(), tree: factory.NewEmptyRange(0), at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// Next implements [pgx.CopyFromSource].
func (w *scribe) Next() bool {
	if w.seq >= w.until || w.err != nil {
		return false
	}
	if len(w.pending) == 0 {
		w.documents++
		for _, a := range life(w.tenant, w.actor, w.documents) {
			w.live(a)
		}
	}
	if w.err != nil {
		return false
	}
	r := w.pending[0]
	w.pending = w.pending[1:]
	w.seq++
	w.at = w.at.Add(time.Millisecond)
	r.Seq, r.At = w.seq, w.at
	body := events.Encode(r)
	w.err = w.tree.Append(rfc6962.DefaultHasher.HashLeaf(body), nil)
	w.message = events.Message{
		ID: r.ID, Ledger: r.Ledger, Seq: r.Seq, StreamID: r.Stream.ID, Type: r.Type, At: r.At, TraceParent: r.TraceParent, Body: body,
	}
	w.row = []any{r.Ledger, r.Seq, r.Stream.ID, r.StreamVersion, r.ID, string(r.Type), r.At, r.TraceParent, body}
	return w.err == nil
}

// live lines up a command's events.
func (w *scribe) live(a command.Append) {
	for _, change := range a.Changes {
		for i, e := range change.Events {
			data, err := events.EncodeData(e)
			if err != nil {
				w.err = err
				return
			}
			w.pending = append(w.pending, events.Recorded{
				ID: uuid.New(), Ledger: a.Ledger, Stream: change.Stream, StreamVersion: change.Expected + int64(i) + 1,
				Type: e.EventType(), SchemaVersion: events.SchemaVersion(e.EventType()), Actor: a.Meta.Actor,
				CommandID: a.Meta.ID, RequestID: a.Meta.RequestID, TraceParent: a.Meta.TraceParent, Data: data,
			})
		}
	}
}

// Values implements [pgx.CopyFromSource].
func (w *scribe) Values() ([]any, error) { return w.row, nil }

// Err implements [pgx.CopyFromSource].
func (w *scribe) Err() error { return w.err }
