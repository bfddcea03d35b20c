package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// auditPage is how many events are read at once; a multiple of a tile's width.
const auditPage = 16 * proof.TileWidth

// Snapshot begins a transaction that sees the database as it is now and changes
// nothing. The caller rolls it back.
func Snapshot(ctx context.Context, conn *pgx.Conn) (pgx.Tx, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return tx, nil
}

// AllLedgers returns every ledger of which anything is left.
func AllLedgers(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
with recursive ids as (
    (select ledger_id from ledger.events order by ledger_id limit 1)
    union all
    select (select ledger_id from ledger.events where ledger_id > ids.ledger_id order by ledger_id limit 1)
    from ids where ids.ledger_id is not null
)
select ledger_id from ids where ledger_id is not null
union select ledger_id from ledger.heads
union select ledger_id from ledger.checkpoints
order by ledger_id`)
	if err != nil {
		return nil, fmt.Errorf("list ledgers: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list ledgers: %w", err)
	}
	return ids, nil
}

// Audit checks a whole ledger: every event, its columns, tiles, checkpoints and head.
// It fails with a [*proof.FindingError] if it is not as it should be.
func Audit(ctx context.Context, tx pgx.Tx, a proof.Audit) (proof.Report, error) {
	extent, err := measure(ctx, tx, a.Ledger)
	if err != nil {
		return proof.Report{}, fmt.Errorf("audit ledger %s: %w", a.Ledger, err)
	}
	if extent.events && extent.first < 1 {
		return proof.Report{}, &proof.FindingError{Ledger: a.Ledger, Seq: extent.first, Reason: "there is no event before the first"}
	}
	frontier, err := openFrontier(ctx, tx, a.Ledger)
	if errors.Is(err, proof.ErrTiles) {
		return proof.Report{}, &proof.FindingError{Ledger: a.Ledger, Reason: err.Error()}
	}
	if err != nil {
		return proof.Report{}, err
	}
	a.Head = func() (tlog.Tree, error) { return extent.tree(a.Ledger) }
	tiled := frontier.Size()
	a.Marks = []int64{tiled}
	report, err := a.Run(ctx, ledgerSource(tx, a.Ledger, extent.last))
	if err != nil {
		return report, err
	}
	if tiled > report.Events {
		return report, &proof.FindingError{
			Ledger: a.Ledger, Seq: report.Events + 1, Reason: fmt.Sprintf("it is missing: tiles hold %d events", tiled),
		}
	}
	err = proof.AuthenticateAll(ctx, tlog.Tree{N: tiled, Hash: report.Marks[tiled]}, tiles{tx, a.Ledger})
	if errors.Is(err, proof.ErrTiles) {
		return report, &proof.FindingError{Ledger: a.Ledger, Reason: err.Error()}
	}
	return report, err
}

// extent is where a ledger begins and ends.
type extent struct {
	events      bool
	first, last int64 // of its events
	head        int64
	hashes      []byte
}

func measure(ctx context.Context, tx pgx.Tx, ledger uuid.UUID) (extent, error) {
	var e extent
	var first, last *int64
	err := tx.QueryRow(ctx, `select min(seq), max(seq) from ledger.events where ledger_id = $1`, ledger).Scan(&first, &last)
	if err != nil {
		return e, err
	}
	if first != nil {
		e.events, e.first, e.last = true, *first, *last
	}
	err = tx.QueryRow(ctx, `select seq, range from ledger.heads where ledger_id = $1`, ledger).Scan(&e.head, &e.hashes)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return e, err
}

// tree returns what the head says.
func (e extent) tree(ledger uuid.UUID) (tlog.Tree, error) {
	if e.head == 0 {
		return tlog.Tree{}, nil
	}
	root, err := proof.RootOf(e.head, e.hashes)
	if err != nil {
		return tlog.Tree{}, &proof.FindingError{Ledger: ledger, Seq: e.head, Reason: "the ledger's head can't be read: " + err.Error()}
	}
	return tlog.Tree{N: e.head, Hash: root}, nil
}

// SignedSource hands out the events that a ledger's latest checkpoint holds, with
// hashes and checkpoints; proof.ErrNotSigned if nothing was signed yet.
func SignedSource(ctx context.Context, tx pgx.Tx, ledger uuid.UUID) (proof.Source, error) {
	c, err := latestCheckpoint(ctx, tx, ledger, 0)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", ledger, err)
	}
	return ledgerSource(tx, ledger, c.Size), nil
}

// ledgerSource hands out events up to and including last.
func ledgerSource(tx pgx.Tx, ledger uuid.UUID, last int64) proof.Source {
	return func(ctx context.Context, yield func(*proof.Batch) error) error {
		types := make(map[string]string)
		for from := int64(1); from == 1 || from <= last; from += auditPage {
			b, err := readBatch(ctx, tx, ledger, from, last, types)
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

// readBatch reads a page of events, the tiles that record them and the checkpoints
// among them; with the last page, all checkpoints that are left.
func readBatch(
	ctx context.Context, tx pgx.Tx, ledger uuid.UUID, from, last int64, types map[string]string,
) (*proof.Batch, error) {
	to := min(from+auditPage-1, last)
	upTo := to
	if to == last {
		const all = 1<<63 - 1
		upTo = all
	}
	b := &proof.Batch{First: from}
	queue := &pgx.Batch{}
	queue.Queue(`
select seq, stream_id, stream_version, event_id, type, at, traceparent, body from ledger.events
where ledger_id = $1 and seq between $2 and $3 order by seq`, ledger, from, to).
		Query(func(rows pgx.Rows) error { return readRows(b, rows, types) })
	const first = `($2 - 1) / 256` // tile
	queue.Queue(`
select index, hashes from ledger.tiles
where ledger_id = $1 and level = 0 and index between `+first+` and ($3 - 1) / 256 order by index`, ledger, from, to).
		Query(func(rows pgx.Rows) error { return readHashes(b, rows) })
	queue.Queue(`
select note from ledger.checkpoints where ledger_id = $1 and size between $2 and $3 order by size`, ledger, from, upTo).
		Query(func(rows pgx.Rows) (err error) {
			b.Checkpoints, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
			return err
		})
	return b, tx.SendBatch(ctx, queue).Close()
}

func readRows(b *proof.Batch, rows pgx.Rows, types map[string]string) error {
	b.Rows = make([]proof.Row, 0, auditPage)
	columns := make([]proof.Columns, 0, auditPage)
	var chunk arena
	for rows.Next() {
		v := rows.RawValues()
		kind, ok := types[string(v[4])]
		if !ok {
			kind = string(v[4])
			types[kind] = kind
		}
		columns = append(columns, proof.Columns{
			StreamID: uuid.UUID(v[1]), StreamVersion: readInt64(v[2]), EventID: uuid.UUID(v[3]),
			Type: kind, At: readTime(v[5]), TraceParent: string(v[6]),
		})
		b.Rows = append(b.Rows, proof.Row{
			Seq: readInt64(v[0]), Columns: &columns[len(columns)-1], Body: chunk.clone(v[7]),
		})
	}
	return rows.Err()
}

// readHashes reads tiles, as far as they follow each other.
func readHashes(b *proof.Batch, rows pgx.Rows) error {
	var (
		index  int64
		hashes []byte
	)
	_, err := pgx.ForEachRow(rows, []any{&index, &hashes}, func() error {
		if index*proof.TileWidth != b.First-1+int64(len(b.Hashes)) {
			return nil
		}
		for i := 0; i+tlog.HashSize <= len(hashes); i += tlog.HashSize {
			b.Hashes = append(b.Hashes, tlog.Hash(hashes[i:i+tlog.HashSize]))
		}
		return nil
	})
	return err
}
