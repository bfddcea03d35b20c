package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Errors of asking for the past.
var (
	ErrNotRecorded  = errors.New("no event has that number yet")
	ErrNotProjected = errors.New("the read models do not hold that event yet")
	ErrUnsettled    = errors.New("nothing later is here, so that more may come that was recorded then")
)

// AsOf asks for a tenant as it was: after an event, or at a time.
type AsOf struct {
	Seq int64     // of the last event that counts; 0: none does
	At  time.Time // if not zero, all events that were recorded then or before count

	// Complete says that the read models hold all that the ledger did when a time was
	// asked for. If not, they tell by a later event.
	Complete bool
}

// String returns equal texts for what asks for the same.
func (a AsOf) String() string {
	if a.At.IsZero() {
		return strconv.FormatInt(a.Seq, 10)
	}
	return a.At.UTC().Format(time.RFC3339Nano)
}

// Moment is a point of a tenant's ledger: after an event.
type Moment struct {
	Seq int64     // of the event; 0: before the first
	At  time.Time // when it was recorded; zero before the first
}

// moment finds the last event that counts. It fails with [ErrNotRecorded],
// [ErrNotProjected], or [ErrUnsettled] if read models that lag might not hold it.
func moment(ctx context.Context, db DB, a AsOf) (Moment, error) {
	last, arg, settled := "select seq, at from trail where seq <= $1 order by seq desc limit 1", any(a.Seq), "true"
	if !a.At.IsZero() {
		last, arg = "select seq, at from trail where at <= $1 order by at desc, seq desc limit 1", a.At
		settled = "exists (select from trail where at > $1)" // times never go back
	}
	rows, err := db.Query(ctx, `
		select coalesce((select max(seq) from trail), 0) as head,
			coalesce((select min(seq) from checkpoints where projection = 'versions'), 0) as held,
			`+settled+` as settled, m.seq, m.at
		from (values (1)) as always left join (`+last+`) m on true`, arg)
	if err != nil {
		return Moment{}, fmt.Errorf("find a moment: %w", err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[struct {
		Head, Held int64
		Settled    bool
		Seq        *int64
		At         *time.Time
	}])
	switch {
	case err != nil:
		return Moment{}, fmt.Errorf("find a moment: %w", err)
	case a.Seq > found.Head:
		return Moment{}, fmt.Errorf("%w: %d, the last is %d", ErrNotRecorded, a.Seq, found.Head)
	case !found.Settled && !a.Complete:
		return Moment{}, fmt.Errorf("%w: %s, they hold %d", ErrUnsettled, a, found.Head)
	case found.Seq == nil:
		return Moment{}, nil
	case *found.Seq > found.Held:
		return Moment{}, fmt.Errorf("%w: %d, they hold %d", ErrNotProjected, *found.Seq, found.Held)
	}
	return Moment{Seq: *found.Seq, At: found.At.UTC()}, nil
}

// documentVersions holds rows like those that documents and files make together, of
// all times.
const documentVersions = "document_versions d join file_versions f on f.id = d.file_id"

// at adds that versions of documents and files are those of a moment.
func (c *conditions) at(m Moment) {
	for _, column := range []string{"d", "f"} {
		c.add(column+".from_seq <= ?", m.Seq)
		c.add(column+".to_seq > ?", m.Seq)
	}
}

// DocumentAsOf returns a document as it was; [ErrNotFound] if there was none then.
func DocumentAsOf(ctx context.Context, db DB, a AsOf, id uuid.UUID) (Document, Moment, error) {
	m, err := moment(ctx, db, a)
	if err != nil {
		return Document{}, Moment{}, err
	}
	var where conditions
	where.add("d.id = ?", id)
	where.at(m)
	d, err := one[Document](ctx, db, "document as it was",
		"select "+documentColumns+" from "+documentVersions+where.sql(), where.args...)
	return d, m, err
}

// DocumentsAsOf returns a page of a tenant's documents as they were, in every other
// respect like [Documents]. All pages show the moment that the first did.
func DocumentsAsOf(
	ctx context.Context, db DB, a AsOf, f DocumentFilter, sort DocumentSort, p Page,
) (Listed[Document], Moment, error) {
	asked := a
	if p.Cursor != "" {
		var err error
		if a, p.Cursor, err = unpin(p.Cursor); err != nil {
			return Listed[Document]{}, Moment{}, err
		}
	}
	m, err := moment(ctx, db, a)
	switch {
	case p.Cursor != "" && errors.Is(err, ErrNotRecorded):
		return Listed[Document]{}, Moment{}, fmt.Errorf("%w: of a moment that is not here", ErrBadCursor)
	case err != nil:
		return Listed[Document]{}, Moment{}, err
	}
	order, where := sort.order(), f.conditions()
	where.at(m)
	if order.kind == byTime {
		where.add("d.created_at <= ?", m.At) // it follows, and is for the index
	}
	page, err := pageOf[Document](ctx, db, p, list[Document]{
		name: "documents as of " + asked.String(), columns: documentColumns, from: documentVersions,
		where: where, order: order,
	})
	if page.Next != "" {
		page.Next = pin(m, page.Next)
	}
	return page, m, err
}

// pin adds to a cursor which moment its list shows; [unpin] tells.
func pin(m Moment, cursor string) string { return strconv.FormatInt(m.Seq, 36) + "." + cursor }

func unpin(text string) (AsOf, string, error) {
	number, cursor, ok := strings.Cut(text, ".")
	seq, err := strconv.ParseInt(number, 36, 64)
	if !ok || err != nil || pin(Moment{Seq: seq}, cursor) != text {
		return AsOf{}, "", fmt.Errorf("%w: of no moment", ErrBadCursor)
	}
	return AsOf{Seq: seq}, cursor, nil
}
