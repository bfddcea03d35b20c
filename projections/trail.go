package projections

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cartulary/cartulary/events"
)

// copyFrom is how many rows are copied rather than inserted: a copy is faster a
// row, but takes round trips and a transaction of its own.
const copyFrom = 256

// Trail writes down every event of a tenant, as it is.
func Trail() Projection {
	return Projection{
		Name: "trail",
		Kinds: []events.Kind{
			events.KindTenant, events.KindDocument, events.KindFile, events.KindHold, events.KindAccess, events.KindOperation,
		},
		Apply: applyTrail,
	}
}

func applyTrail(w *Writes, b Batch) error {
	if len(b.Events) >= copyFrom {
		copyTrail(w, b.Events)
	} else {
		insertTrail(w, b.Events)
	}
	return nil
}

func copyTrail(w *Writes, list []events.Recorded) {
	columns := []string{
		"seq", "event_id", "event_type", "stream_kind", "stream_id", "stream_version",
		"user_id", "command_id", "request_id", "traceparent", "origin", "at", "data",
	}
	row := func(i int) ([]any, error) {
		r := &list[i]
		return []any{
			r.Seq, one(r.ID), string(r.Type), string(r.Stream.Kind), one(r.Stream.ID), r.StreamVersion,
			actor(r), one(r.CommandID), r.RequestID, r.TraceParent, origin(r), r.At, r.Data,
		}, nil
	}
	w.copy("trail", columns, len(list), row)
}

func insertTrail(w *Writes, list []events.Recorded) {
	n := len(list)
	var (
		seqs, versions         = make([]int64, n), make([]int64, n)
		ids, streams, commands = newUUIDs(n), newUUIDs(n), newUUIDs(n)
		types, kinds           = make([]string, n), make([]string, n)
		requests, data         = make([]string, n), make([]string, n)
		traces, origins        = make([]string, n), make([]*string, n)
		users                  = newUUIDs(n)
		times                  = make([]time.Time, n)
	)
	for i := range list {
		r := &list[i]
		seqs[i], versions[i] = r.Seq, r.StreamVersion
		ids[i], streams[i], commands[i] = one(r.ID), one(r.Stream.ID), one(r.CommandID)
		types[i], kinds[i] = string(r.Type), string(r.Stream.Kind)
		requests[i], data[i] = r.RequestID, string(r.Data)
		traces[i], origins[i] = r.TraceParent, origin(r)
		users[i], times[i] = actor(r), r.At
	}
	w.queue(`
		insert into trail (seq, event_id, event_type, stream_kind, stream_id, stream_version,
			user_id, command_id, request_id, traceparent, origin, at, data)
		select v.seq, v.event_id, v.event_type, v.stream_kind, v.stream_id, v.stream_version,
			v.user_id, v.command_id, v.request_id, v.traceparent, v.origin::jsonb, v.at, v.data::jsonb
		from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[],
			$7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::text[])
			as v (seq, event_id, event_type, stream_kind, stream_id, stream_version,
				user_id, command_id, request_id, traceparent, origin, at, data)`,
		seqs, ids, types, kinds, streams, versions, users, commands, requests, traces, origins, times, data)
}

func newUUIDs(n int) pgtype.FlatArray[pgtype.UUID] { return make([]pgtype.UUID, n) }

func one(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

// origin returns where r came from, still sealed, as JSON; nil if that is not
// known.
func origin(r *events.Recorded) *string {
	if r.Origin == nil {
		return nil
	}
	text := string(r.Origin.AppendJSON(nil))
	return &text
}

// actor returns who caused r; null for the platform itself.
func actor(r *events.Recorded) pgtype.UUID {
	return pgtype.UUID{Bytes: r.Actor, Valid: r.Actor != uuid.Nil}
}
