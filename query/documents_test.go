package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/internal/namekey"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/query"
)

// document is what a test says of one.
type document struct {
	name, media string
	size        int64
	user        uuid.UUID
	at          time.Time
}

func insert(ctx context.Context, conn *pgx.Conn, d document) (uuid.UUID, error) {
	id, file := uuid.New(), uuid.New()
	batch := &pgx.Batch{}
	batch.Queue(`insert into files (id, md5_hash, sha256_hash, s3_path, file_size, status, created_at, updated_at, created_by, version)
		values ($1, '', '', '', $2, 'ready', $3, $3, $4, 1)`, file, d.size, d.at, d.user)
	batch.Queue(`insert into documents (id, filename, filename_key, mime_type, file_id, user_id, created_at, updated_at, created_by, version)
		values ($1, $2, $3, $4, $5, $6, $7, $7, $6, 1)`, id, d.name, namekey.Of(d.name), d.media, file, d.user, d.at)
	return id, conn.SendBatch(ctx, batch).Close()
}

func TestDocumentsAreFiltered(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	ada, bob := uuid.New(), uuid.New()
	for _, d := range []document{
		{"Été 100%.PDF", "application/pdf", 1, ada, noon},
		{"a_b\\c.txt", "text/plain; charset=utf-8", 2, ada, noon.Add(time.Hour)},
		{"axb.txt", "Text/Plain", 3, bob, noon.Add(2 * time.Hour)},
		{"photo.PNG", "image/png", 4, bob, noon.Add(3 * time.Hour)},
		{"imagery", "imagex/png", 5, bob, noon.Add(4 * time.Hour)},
	} {
		if _, err := insert(t.Context(), conn, d); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		filter query.DocumentFilter
		want   []string
	}{
		"all":                      {query.DocumentFilter{}, []string{"Été 100%.PDF", "a_b\\c.txt", "axb.txt", "photo.PNG", "imagery"}},
		"part of the name":         {query.DocumentFilter{Name: "png"}, []string{"photo.PNG"}},
		"another case, another É":  {query.DocumentFilter{Name: "e\u0301T"}, []string{"Été 100%.PDF"}},
		"a per cent sign":          {query.DocumentFilter{Name: "0%.p"}, []string{"Été 100%.PDF"}},
		"an underscore":            {query.DocumentFilter{Name: "a_b"}, []string{"a_b\\c.txt"}},
		"a backslash":              {query.DocumentFilter{Name: `b\c`}, []string{"a_b\\c.txt"}},
		"no such name":             {query.DocumentFilter{Name: "zzz"}, nil},
		"a type":                   {query.DocumentFilter{MimeType: "text/plain"}, []string{"a_b\\c.txt", "axb.txt"}},
		"a type in capitals":       {query.DocumentFilter{MimeType: "APPLICATION/PDF"}, []string{"Été 100%.PDF"}},
		"all of a kind":            {query.DocumentFilter{MimeType: "image/*"}, []string{"photo.PNG"}},
		"an uploader":              {query.DocumentFilter{UserID: &ada}, []string{"Été 100%.PDF", "a_b\\c.txt"}},
		"from, and that time":      {query.DocumentFilter{From: new(noon.Add(3 * time.Hour))}, []string{"photo.PNG", "imagery"}},
		"to, and not that time":    {query.DocumentFilter{To: new(noon.Add(time.Hour))}, []string{"Été 100%.PDF"}},
		"an uploader and a type":   {query.DocumentFilter{UserID: &bob, MimeType: "text/plain"}, []string{"axb.txt"}},
		"a name, a type, a window": {query.DocumentFilter{Name: "b", MimeType: "text/*", From: &noon, To: new(noon.Add(90 * time.Minute))}, []string{"a_b\\c.txt"}},
	} {
		var got []string
		for _, d := range everyPage(t, 2, func(p query.Page) (query.Listed[query.Document], error) {
			return query.Documents(t.Context(), conn, c.filter, query.SortCreatedAt, p)
		}) {
			got = append(got, d.Filename)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		counted, err := query.Documents(t.Context(), conn, c.filter, "", query.Page{Limit: 1, Total: true})
		if err != nil || counted.Total == nil || *counted.Total != int64(len(c.want)) {
			t.Errorf("%s: total %v, %v; want %d", name, counted.Total, err, len(c.want))
		}
	}
}

var sorts = []query.DocumentSort{"created_at", "-created_at", "filename", "-filename", "size", "-size"}

func TestDocumentsAreSortedAndCursorsBound(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	user := uuid.New()
	for i := range 40 { // many equals, so that ids decide
		d := document{fmt.Sprintf("%c-%d", 'A'+rune(32*(i%2)), i%3), "text/plain", int64(i % 4), user, noon.Add(time.Duration(i%5) * time.Second)}
		if _, err := insert(t.Context(), conn, d); err != nil {
			t.Fatal(err)
		}
	}
	cursors := map[query.DocumentSort]string{}
	for _, sort := range sorts {
		got := everyPage(t, 7, func(p query.Page) (query.Listed[query.Document], error) {
			return query.Documents(t.Context(), conn, query.DocumentFilter{}, sort, p)
		})
		if len(got) != 40 {
			t.Fatalf("%s: %d documents", sort, len(got))
		}
		if !slices.IsSortedFunc(got, func(a, b query.Document) int { return compare(sort, a, b) }) {
			t.Errorf("%s: not in order", sort)
		}
		first, err := query.Documents(t.Context(), conn, query.DocumentFilter{}, sort, query.Page{Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		cursors[sort] = first.Next
	}
	for made, cursor := range cursors {
		for _, sort := range sorts {
			_, err := query.Documents(t.Context(), conn, query.DocumentFilter{}, sort, query.Page{Cursor: cursor})
			if (err == nil) != (sort == made) || err != nil && !errors.Is(err, query.ErrBadCursor) {
				t.Errorf("a cursor of %s with %s: %v", made, sort, err)
			}
			_, err = query.Documents(t.Context(), conn, query.DocumentFilter{UserID: &user}, sort, query.Page{Cursor: cursor})
			if !errors.Is(err, query.ErrBadCursor) {
				t.Errorf("a cursor of %s with a filter: %v", made, err)
			}
		}
	}
}

func compare(sort query.DocumentSort, a, b query.Document) int {
	var c int
	switch sort {
	case "created_at", "-created_at":
		c = a.CreatedAt.Compare(b.CreatedAt)
	case "filename", "-filename":
		c = slices.Compare([]byte(namekey.Of(a.Filename)), []byte(namekey.Of(b.Filename)))
	default:
		c = int(a.FileSize - b.FileSize)
	}
	if c == 0 {
		c = slices.Compare(a.ID[:], b.ID[:])
	}
	if sort[0] == '-' {
		return -c
	}
	return c
}

// Others insert and delete between and during the pages: what is there all the time
// comes exactly once, in every order.
func TestPagesAreStableWhileOthersWrite(t *testing.T) {
	url := pgtest.Tenant(t)
	conn, other := connect(t, url), connect(t, url)
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() document {
		return document{
			fmt.Sprintf("%c%d", 'a'+random.IntN(4), random.IntN(5)), "text/plain", int64(random.IntN(5)),
			uuid.New(), noon.Add(time.Duration(random.IntN(9)) * time.Second),
		}
	}
	kept, doomed := map[uuid.UUID]bool{}, []uuid.UUID{}
	for i := range 300 {
		id, err := insert(t.Context(), conn, draw())
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			kept[id] = true
		} else {
			doomed = append(doomed, id)
		}
	}
	disturb := func() {
		if len(doomed) > 0 {
			exec(t, other, `delete from documents where id = $1`, doomed[0])
			doomed = doomed[1:]
		}
		id, err := insert(t.Context(), other, draw())
		if err != nil {
			t.Fatal(err)
		}
		doomed = append(doomed, id)
	}
	for _, sort := range sorts {
		seen := map[uuid.UUID]int{}
		all := everyPage(t, 11, func(p query.Page) (query.Listed[query.Document], error) {
			disturb()
			disturb()
			return query.Documents(t.Context(), conn, query.DocumentFilter{}, sort, p)
		})
		for _, d := range all {
			seen[d.ID]++
		}
		for id := range kept {
			if seen[id] != 1 {
				t.Errorf("%s: a document came %d times", sort, seen[id])
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("%s: %s came %d times", sort, id, n)
			}
		}
	}
}
