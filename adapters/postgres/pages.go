package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// auditPage is how many events are read at once; a multiple of a tile's width.
const auditPage = 16 * proof.TileWidth

// SignedSource hands out the events that a ledger's latest checkpoint holds, with
// hashes and checkpoints; proof.ErrNotSigned if nothing was signed yet.
func SignedSource(ctx context.Context, tx pgx.Tx, ledger uuid.UUID) (proof.Source, error) {
	c, err := latestCheckpoint(ctx, tx, ledger, 0)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", ledger, err)
	}
	return ledgerSource(tx, ledger, c.Size), nil
}

// pages reads a ledger page by page.
type pages struct {
	tx     pgx.Tx
	ledger uuid.UUID
	last   int64 // event that is wanted
	seen   int64 // checkpoints up to this size were read
	types  map[string]string
}

// ledgerSource hands out events up to and including last. A page is the next events
// that there are, whatever their numbers: who is far away from the others costs no
// more than they do.
func ledgerSource(tx pgx.Tx, ledger uuid.UUID, last int64) proof.Source {
	return func(ctx context.Context, yield func(*proof.Batch) error) error {
		p := pages{tx: tx, ledger: ledger, last: last, types: make(map[string]string)}
		for from := int64(1); from > 0; {
			b, err := p.read(ctx, from)
			if err == nil {
				if from = p.after(b); from == 0 {
					err = p.checkpoints(ctx, b)
				}
			}
			if err != nil {
				return fmt.Errorf("read ledger %s: %w", ledger, err)
			}
			if err := yield(b); err != nil {
				return err
			}
		}
		return nil
	}
}

// after returns where the page after b begins; 0 if there is none.
func (p *pages) after(b *proof.Batch) int64 {
	if len(b.Rows) < auditPage {
		return 0
	}
	end := b.Rows[len(b.Rows)-1].Seq
	if end >= p.last {
		return 0
	}
	return end + 1
}

// read reads the page that begins with an event, or the next that there is: its
// events, the tiles that record them and the checkpoints among them.
func (p *pages) read(ctx context.Context, from int64) (*proof.Batch, error) {
	b := &proof.Batch{First: from}
	to := p.last
	if to-from >= auditPage {
		to = from + auditPage - 1
	}
	queue := &pgx.Batch{}
	queue.Queue(`
select seq, stream_id, stream_version, event_id, type, at, traceparent, body from ledger.events
where ledger_id = $1 and seq between $2 and $3 order by seq limit $4`, p.ledger, from, p.last, auditPage+1).
		Query(func(rows pgx.Rows) error { return p.rows(b, rows) })
	queue.Queue(`
select index, hashes from ledger.tiles
where ledger_id = $1 and level = 0 and index between ($2 - 1) / 256 and ($3 - 1) / 256 order by index`, p.ledger, from, to).
		Query(func(rows pgx.Rows) error { return readHashes(b, rows) })
	queue.Queue(checkpointsBetween, p.ledger, p.seen, to).Query(func(rows pgx.Rows) (err error) {
		b.Checkpoints, err = pgx.CollectRows(rows, readCheckpoint)
		return err
	})
	err := p.tx.SendBatch(ctx, queue).Close()
	p.seen = to
	return b, err
}

const checkpointsBetween = `
select size, root, note from ledger.checkpoints where ledger_id = $1 and size > $2 and size <= $3 order by size`

// checkpoints adds those that are left, of whatever size.
func (p *pages) checkpoints(ctx context.Context, b *proof.Batch) error {
	rows, err := p.tx.Query(ctx, checkpointsBetween, p.ledger, p.seen, int64(math.MaxInt64))
	if err != nil {
		return err
	}
	b.Checkpoints, err = pgx.AppendRows(b.Checkpoints, rows, readCheckpoint)
	return err
}

func readCheckpoint(row pgx.CollectableRow) (n proof.Noted, err error) {
	n.Columns = &proof.NoteColumns{}
	return n, row.Scan(&n.Columns.Size, &n.Columns.Root, &n.Note)
}

// rows reads a page of events. What follows it is looked at, too, and kept if it
// has the number of the last one: the next page does not begin with that.
func (p *pages) rows(b *proof.Batch, rows pgx.Rows) error {
	b.Rows = make([]proof.Row, 0, auditPage)
	columns := make([]proof.Columns, 0, auditPage+1)
	var chunk arena
	for rows.Next() {
		v := rows.RawValues()
		seq := readInt64(v[0])
		if n := len(b.Rows); n == auditPage && seq != b.Rows[n-1].Seq {
			break
		}
		columns = append(columns, p.columns(v))
		b.Rows = append(b.Rows, proof.Row{Seq: seq, Columns: &columns[len(columns)-1], Body: chunk.clone(v[7])})
	}
	rows.Close()
	return rows.Err()
}

func (p *pages) columns(v [][]byte) proof.Columns {
	for _, column := range v {
		if column == nil {
			return proof.Columns{Null: true}
		}
	}
	kind, ok := p.types[string(v[4])]
	if !ok {
		kind = string(v[4])
		p.types[kind] = kind
	}
	return proof.Columns{
		StreamID: uuid.UUID(v[1]), StreamVersion: readInt64(v[2]), EventID: uuid.UUID(v[3]),
		Type: kind, At: readTime(v[5]), TraceParent: string(v[6]),
	}
}

// readHashes reads tiles, as far as they follow each other and are whole.
func readHashes(b *proof.Batch, rows pgx.Rows) error {
	var (
		index  int64
		hashes []byte
	)
	_, err := pgx.ForEachRow(rows, []any{&index, &hashes}, func() error {
		follows := index*proof.TileWidth == b.First-1+int64(len(b.Hashes))
		if !follows || len(hashes) > proof.TileWidth*tlog.HashSize || len(hashes)%tlog.HashSize != 0 {
			return nil
		}
		for i := 0; i < len(hashes); i += tlog.HashSize {
			b.Hashes = append(b.Hashes, tlog.Hash(hashes[i:i+tlog.HashSize]))
		}
		return nil
	})
	return err
}
