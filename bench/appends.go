package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// streamsPerWorker is how many documents each worker renames in turn.
const streamsPerWorker = 64

// appends measures commands of one event each, through the ledger with group
// commit, beside single-row transactions of pgbench.
func appends(name string, aim float64, inFlight, tenants int) figure {
	return figure{name: name, unit: "1/s", aim: aim, prepare: func(_ context.Context, b *bench) (contest, error) {
		return contest{
			reference: pgbenchRate(b),
			product:   func(ctx context.Context) (float64, error) { return appendRate(ctx, b, inFlight, tenants) },
		}, nil
	}}
}

func appendRate(ctx context.Context, b *bench, inFlight, tenants int) (_ float64, err error) {
	database, err := b.cluster.create(ctx, platform)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.cluster.drop(ctx, database)) }()
	return appendTo(ctx, b.cluster.server.URL(database), inFlight, tenants, b.duration())
}

// appendTo returns how many commands a second are appended to an empty database.
func appendTo(ctx context.Context, url string, inFlight, tenants int, d time.Duration) (float64, error) {
	pool, err := openPool(ctx, url)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	ledger := postgres.New(pool, postgres.Options{})
	defer ledger.Close()

	workers := newRenamers(inFlight, tenants)
	return rate(ctx, inFlight, d, func(ctx context.Context, w int) error {
		_, err := ledger.Append(ctx, workers[w].next())
		return err
	})
}

// renamer makes commands that rename documents of its own, in turn.
type renamer struct {
	actor   uuid.UUID
	tenants []uuid.UUID // of each stream
	streams []events.Stream
	n       int // commands made
}

// newRenamers returns renamers whose documents are spread evenly over tenants.
func newRenamers(n, tenants int) []*renamer {
	ids := make([]uuid.UUID, tenants)
	for i := range ids {
		ids[i] = uuid.New()
	}
	renamers := make([]*renamer, n)
	for i := range renamers {
		r := &renamer{actor: uuid.New()}
		for j := range streamsPerWorker {
			r.tenants = append(r.tenants, ids[(i+j)%tenants])
			r.streams = append(r.streams, events.Stream{Kind: events.KindDocument, ID: uuid.New()})
		}
		renamers[i] = r
	}
	return renamers
}

// next returns the next command, which expects that all before it succeeded.
func (r *renamer) next() command.Append {
	at, version := r.n%len(r.streams), r.n/len(r.streams)
	r.n++
	return command.Append{
		Ledger: r.tenants[at],
		Meta:   meta(r.actor),
		Changes: []command.Change{{
			Stream: r.streams[at], Expected: int64(version),
			Events: []events.Event{renamed(version)},
		}},
	}
}

func renamed(version int) events.DocumentRenamed {
	return events.DocumentRenamed{Filename: filename(version + 1), Previous: filename(version)}
}

func filename(version int) string {
	return "Minutes of the meeting, draft " + strconv.Itoa(version) + ".pdf"
}

// traceParent is what a traced request carries.
const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func meta(actor uuid.UUID) command.Meta {
	id := uuid.New()
	return command.Meta{ID: id, Actor: actor, RequestID: id.String(), TraceParent: traceParent}
}

// eventBytes is the size of such an event's body.
func eventBytes() int {
	e := renamed(1)
	data, err := events.EncodeData(e)
	if err != nil {
		data = fmt.Append(nil, err) // no such event; its size is all that would suffer
	}
	m := meta(uuid.New())
	return len(events.Encode(events.Recorded{
		ID: uuid.New(), Ledger: uuid.New(), Seq: 100_000, StreamVersion: 10, Stream: events.Stream{Kind: events.KindDocument},
		Type: e.EventType(), SchemaVersion: events.SchemaVersion(e.EventType()), Actor: m.Actor, CommandID: m.ID,
		RequestID: m.RequestID, TraceParent: m.TraceParent, At: time.Now(), Data: data,
	}))
}
