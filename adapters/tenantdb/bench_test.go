package tenantdb_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

// BenchmarkBacklog measures live projection of a backlog of one tenant, beside one
// COPY of the rows it makes into empty tables with the same indexes.
func BenchmarkBacklog(b *testing.B) {
	const size = 200_000
	for name, mix := range map[string]func(w *world, tenant, user uuid.UUID) []events.Message{
		"uploads and renames": func(w *world, tenant, user uuid.UUID) []events.Message {
			var list []events.Message
			for len(list) < size {
				var facts []fact
				for range 1000 {
					id := uuid.New()
					facts = append(facts, append(upload(id, "draft of something.pdf"), rename(id, "final version.pdf"))...)
				}
				list = append(list, w.record(tenant, user, facts...)...)
			}
			return list
		},
		"renames": func(w *world, tenant, user uuid.UUID) []events.Message {
			var list []events.Message
			var ids []uuid.UUID
			var facts []fact
			for range 2000 {
				ids = append(ids, uuid.New())
				facts = append(facts, upload(ids[len(ids)-1], "draft.pdf")...)
			}
			list = w.record(tenant, user, facts...)
			for i := 0; len(list) < size; {
				facts = facts[:0]
				for range 5000 {
					facts = append(facts, rename(ids[i%len(ids)], fmt.Sprintf("version %d.pdf", i)))
					i++
				}
				list = append(list, w.record(tenant, user, facts...)...)
			}
			return list
		},
	} {
		for _, batch := range []int{1000, 5000} {
			b.Run(fmt.Sprintf("%s/%d", name, batch), func(b *testing.B) {
				w := newWorld(b)
				p := w.projector()
				user, registered := w.register()
				tenant, founded := w.found(user)
				w.apply(p, registered, founded)
				list := mix(w, tenant, user)
				b.ResetTimer()
				start := time.Now()
				for rest := list; len(rest) > 0; {
					n := min(batch, len(rest))
					w.apply(p, rest[:n])
					rest = rest[n:]
				}
				live := time.Since(start)
				if len(p.Parked()) > 0 {
					b.Fatalf("parked %+v", p.Parked())
				}
				b.StopTimer()
				rows, copied := w.copyAgain(tenant)
				b.ReportMetric(float64(len(list))/live.Seconds(), "events/s")
				b.ReportMetric(float64(rows)/copied.Seconds(), "copied-rows/s")
				b.ReportMetric(copied.Seconds()/live.Seconds(), "ratio")
			})
		}
	}
}

// copyAgain copies the rows of a tenant's database into another with one COPY a
// table, and returns how many there were and how long it took.
func (w *world) copyAgain(tenant uuid.UUID) (rows int64, took time.Duration) {
	w.Helper()
	other := uuid.New()
	if err := w.made.Provision(w.Context(), other); err != nil {
		w.Fatal(err)
	}
	from, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Fatal(err)
	}
	defer release()
	to, releaseTo, err := w.pools.Tenant(w.Context(), other)
	if err != nil {
		w.Fatal(err)
	}
	defer releaseTo()
	for _, c := range [][2]string{
		{"files", "*"},
		{"documents", "*"},
		{"trail", `seq, event_id, event_type, stream_kind, stream_id, stream_version,
			user_id, command_id, request_id, traceparent, origin::text as origin, at, data::text as data`},
	} {
		table, columns := c[0], c[1]
		r, err := from.Query(w.Context(), "select "+columns+" from "+table)
		if err != nil {
			w.Fatal(err)
		}
		var values [][]any
		var names []string
		for r.Next() {
			v, err := r.Values()
			if err != nil {
				w.Fatal(err)
			}
			values = append(values, v)
		}
		for _, f := range r.FieldDescriptions() {
			names = append(names, f.Name)
		}
		if err := r.Err(); err != nil {
			w.Fatal(err)
		}
		start := time.Now()
		n, err := to.CopyFrom(w.Context(), pgx.Identifier{table}, names, pgx.CopyFromRows(values))
		if err != nil {
			w.Fatal(err)
		}
		took += time.Since(start)
		rows += n
	}
	return rows, took
}

// BenchmarkLoneRename measures one rename at a time, from message to commit.
func BenchmarkLoneRename(b *testing.B) {
	w := newWorld(b)
	p := w.projector()
	user, registered := w.register()
	tenant, founded := w.found(user)
	document := uuid.New()
	w.apply(p, registered, founded, w.record(tenant, user, upload(document, "draft")...))
	var list []events.Message
	for range 2000 {
		list = append(list, w.record(tenant, user, rename(document, "final"))...)
	}
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		w.apply(p, list[:1])
		took = append(took, time.Since(start))
		if list = list[1:]; len(list) == 0 {
			b.Fatal("too many rounds: use -benchtime 1000x")
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
}
