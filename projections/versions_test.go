package projections_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/projections"
	"github.com/cartulary/cartulary/query"
)

// What is asked for as of an event is what the live tables answered when it was the
// last.
func TestThePastIsWhatTheLiveTablesWere(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	for seed := range uint64(2) {
		h := newHistory(t, seed+2000, uuid.MustParse("0192f0c1-7a58-7cc3-9d7e-2f4c6f0b9d85"))
		h.tenant(120, []uuid.UUID{ada, bob})
		rows(t, conn, func(tx pgx.Tx) {
			lists := [][]query.Document{nil}
			whole := h.list
			for i := range whole { // one by one, and look after each
				h.list = whole[i : i+1]
				project(t, tx, h, projections.Tenant(), 1)
				lists = append(lists, liveDocuments(t, tx))
			}
			checkpoint(t, tx, h.ledger, len(whole))
			for seq, want := range lists {
				asked := []query.AsOf{{Seq: int64(seq)}}
				if seq > 0 {
					at := whole[seq-1].At
					asked = append(asked, query.AsOf{At: at, Complete: true},
						query.AsOf{At: at.Add(time.Second - time.Microsecond), Complete: true})
				}
				for _, a := range asked {
					checkPast(t, tx, a, int64(seq), want)
				}
			}
		})
	}
}

// checkpoint notes how far the versions are, which the projector does.
func checkpoint(t *testing.T, tx pgx.Tx, ledger uuid.UUID, seq int) {
	t.Helper()
	_, err := tx.Exec(t.Context(), `insert into checkpoints values ($1, 'versions', $2)
		on conflict (ledger_id, projection) do update set seq = excluded.seq`, ledger, seq)
	if err != nil {
		t.Fatal(err)
	}
}

func liveDocuments(t *testing.T, tx pgx.Tx) []query.Document {
	t.Helper()
	page, err := query.Documents(t.Context(), tx, query.DocumentFilter{}, query.SortFilename, query.Page{Limit: query.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func checkPast(t *testing.T, tx pgx.Tx, a query.AsOf, seq int64, want []query.Document) {
	t.Helper()
	var got []query.Document
	for p := (query.Page{Limit: 9, Total: true}); ; {
		page, m, err := query.DocumentsAsOf(t.Context(), tx, a, query.DocumentFilter{}, query.SortFilename, p)
		if err != nil {
			t.Fatal(err)
		}
		if m.Seq != seq || *page.Total != int64(len(want)) {
			t.Fatalf("as of %s: event %d, %d documents; want event %d, %d", a, m.Seq, *page.Total, seq, len(want))
		}
		got = append(got, page.Items...)
		if p.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if len(got) != len(want) || len(want) > 0 && !cmp.Equal(want, got) {
		t.Fatalf("as of %s (-live +past):\n%s", a, cmp.Diff(want, got))
	}
	if len(want) == 0 {
		return
	}
	for _, one := range []query.Document{want[0], want[len(want)/2]} {
		then, _, err := query.DocumentAsOf(t.Context(), tx, a, one.ID)
		if err != nil || !cmp.Equal(one, then) {
			t.Fatalf("as of %s: %v (-live +past):\n%s", a, err, cmp.Diff(one, then))
		}
	}
}

func TestPointsOfTheTrailThatAreNotHere(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	h := newHistory(t, 1, theTenant)
	h.add(aFile, received.event)
	h.add(aDocument, events.DocumentUploaded{FileID: aFile, Filename: "draft", MimeType: "text/plain"})
	rows(t, conn, func(tx pgx.Tx) {
		project(t, tx, h, projections.Tenant(), 1)
		ask := func(a query.AsOf) error {
			_, _, err := query.DocumentAsOf(context.WithoutCancel(t.Context()), tx, a, aDocument)
			return err
		}
		checkpoint(t, tx, h.ledger, 1) // as while versions are filled for the first time
		for _, c := range []struct {
			asked query.AsOf
			want  error
		}{
			{query.AsOf{Seq: 3}, query.ErrNotRecorded},
			{query.AsOf{Seq: 2}, query.ErrNotProjected},
			{query.AsOf{At: h.list[1].At}, query.ErrUnsettled}, // nothing later is here
			{query.AsOf{At: h.list[1].At, Complete: true}, query.ErrNotProjected},
			{query.AsOf{Seq: 1}, query.ErrNotFound},
			{query.AsOf{At: h.list[1].At.Add(-time.Microsecond)}, query.ErrNotFound},
			{query.AsOf{At: h.list[0].At.Add(-time.Second)}, query.ErrNotFound},
			{query.AsOf{}, query.ErrNotFound},
		} {
			if err := ask(c.asked); !errors.Is(err, c.want) {
				t.Errorf("as of %s: error %v, want %v", c.asked, err, c.want)
			}
		}
		checkpoint(t, tx, h.ledger, 2)
		if err := ask(query.AsOf{Seq: 2}); err != nil {
			t.Error(err)
		}
	})
}
