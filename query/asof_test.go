package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/query"
)

// aPast fills a tenant's database with n documents, made one by one, of which every
// third was renamed right after and every tenth is gone by the end.
const aPast = `
	with made as (select n, gen_random_uuid() as id, gen_random_uuid() as file, $2::timestamptz + n * interval '1 second' as at
		from generate_series(1, $1::bigint) n),
	files as (insert into file_versions select file, 2 * n, 9223372036854775807, '', '', '', n % 1000, 'ready', null from made),
	first as (insert into document_versions
		select id, 2 * n, case when n % 3 = 0 then 2 * n + 1 when n % 10 = 0 then 2 * $1 + 1 else 9223372036854775807 end,
			'a' || n, 'a' || n, 'text/plain', file, $3, at, at, $3, 1 from made),
	second as (insert into document_versions
		select id, 2 * n + 1, case when n % 10 = 0 then 2 * $1 + 1 else 9223372036854775807 end,
			'b' || n, 'b' || n, 'text/plain', file, $3, at, at, $3, 2 from made where n % 3 = 0),
	told as (insert into trail select s, gen_random_uuid(), '', '', gen_random_uuid(), 1, null, gen_random_uuid(), '',
		$2::timestamptz + (s / 2) * interval '1 second', '{}', '' from generate_series(2, 2 * $1 + 1) s)
	insert into checkpoints values (gen_random_uuid(), 'versions', 2 * $1 + 1)`

// explained is a database that notes what the statements cost that are asked of it.
type explained struct {
	query.DB

	scanned int64 // the most rows that a statement looked at
}

// plan is a node of a plan.
type plan struct {
	Rows    float64 `json:"Actual Rows"`
	Removed float64 `json:"Rows Removed by Filter"`
	Loops   float64 `json:"Actual Loops"`
	Plans   []plan
}

// scanned returns how many rows the leaves of a plan looked at.
func (p plan) scanned() (n int64) {
	if len(p.Plans) == 0 {
		return int64((p.Rows + p.Removed) * p.Loops)
	}
	for _, part := range p.Plans {
		n += part.scanned()
	}
	return n
}

// Query implements query.DB.
func (e *explained) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := e.DB.Query(ctx, "explain (analyze, format json) "+sql, args...)
	if err != nil {
		return nil, err
	}
	text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		return nil, err
	}
	e.scanned = max(e.scanned, plans[0].Plan.scanned())
	return e.DB.Query(ctx, sql, args...)
}

// Pages of the past are read by index, in every order and however long ago: what they
// look at is in proportion to the page, and to what is gone or newer between its rows.
func TestPagesOfThePastAreReadByIndex(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	const documents = 8_000
	exec(t, conn, aPast, documents, noon, uuid.New())
	exec(t, conn, `analyze`)
	for _, sort := range sorts {
		for _, seq := range []int64{documents, 2*documents + 1} {
			db := &explained{DB: conn}
			p := query.Page{Limit: 50}
			for range 2 {
				page, _, err := query.DocumentsAsOf(t.Context(), db, query.AsOf{Seq: seq}, query.DocumentFilter{}, sort, p)
				if err != nil || len(page.Items) != 50 {
					t.Fatalf("%d documents, %v", len(page.Items), err)
				}
				p.Cursor = page.Next
			}
			if db.scanned > 1_000 {
				t.Errorf("%s as of %d: a page looks at %d rows", sort, seq, db.scanned)
			}
		}
	}
}

// Pages of a list that was asked for by time show the moment of the first, also if
// events of that time come in between.
func TestPagesOfThePastShowOneMoment(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	exec(t, conn, aPast, 30, noon, uuid.New())
	ask := func(a query.AsOf, sort query.DocumentSort, p query.Page) (query.Listed[query.Document], query.Moment, error) {
		return query.DocumentsAsOf(t.Context(), conn, a, query.DocumentFilter{}, sort, p)
	}
	late := query.AsOf{At: noon.Add(time.Hour), Complete: true}
	first, m, err := ask(late, "", query.Page{Limit: 10, Total: true})
	if err != nil || m.Seq != 61 || *first.Total != 27 {
		t.Fatalf("event %d, %v", m.Seq, err)
	}
	exec(t, conn, `insert into trail select 62, gen_random_uuid(), event_type, stream_kind, stream_id, 1, null, command_id, '', at, '{}', ''
		from trail where seq = 61`)
	exec(t, conn, `update document_versions set to_seq = 62 where to_seq > 62`)
	exec(t, conn, `update checkpoints set seq = 62`)
	second, m, err := ask(late, "", query.Page{Limit: 10, Total: true, Cursor: first.Next})
	if err != nil || m.Seq != 61 || len(second.Items) != 10 || *second.Total != 27 {
		t.Fatalf("%d documents as of event %d, %v", len(second.Items), m.Seq, err)
	}
	anew, m, err := ask(late, "", query.Page{Limit: 10})
	if err != nil || m.Seq != 62 || len(anew.Items) != 0 {
		t.Errorf("%d documents as of event %d, %v", len(anew.Items), m.Seq, err)
	}
	live, err := query.Documents(t.Context(), conn, query.DocumentFilter{}, "", query.Page{Cursor: first.Next})
	if !errors.Is(err, query.ErrBadCursor) {
		t.Errorf("the live list takes it: %d documents, %v", len(live.Items), err)
	}
	_, unpinned, _ := strings.Cut(first.Next, ".")
	for what, bad := range map[string]struct {
		asked  query.AsOf
		cursor string
	}{
		"another moment":         {query.AsOf{Seq: 61}, first.Next},
		"another pinned moment":  {late, "1." + unpinned},
		"one that is not here":   {late, "zz." + unpinned},
		"no moment":              {late, unpinned},
		"another spelling of it": {late, "0" + first.Next},
	} {
		if _, _, err := ask(bad.asked, "", query.Page{Cursor: bad.cursor}); !errors.Is(err, query.ErrBadCursor) {
			t.Errorf("%s: error %v, want ErrBadCursor", what, err)
		}
	}
}
