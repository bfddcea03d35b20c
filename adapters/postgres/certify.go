package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// ErrRewritten says that a ledger is not what was signed, or published, with more
// events behind. Nothing is signed for it any more.
var ErrRewritten = errors.New("the ledger is not what was signed before")

// certifyPage is how many events are read at once when tiles are made.
const certifyPage = 4096

// Changed returns up to limit ledgers, by id, after the given one, that are not as
// their last checkpoint has them.
func (p *Proofs) Changed(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := p.pool.Query(ctx, `
select head.ledger_id from ledger.heads as head
where head.ledger_id > $1 and head.seq is distinct from coalesce((
    select size from ledger.checkpoints where ledger_id = head.ledger_id order by size desc limit 1), 0)
order by head.ledger_id limit $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("look for changed ledgers: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("look for changed ledgers: %w", err)
	}
	return ids, nil
}

// Certify makes the tiles of what a ledger has grown by, verifies them against its
// head, its last checkpoint and what was published of it (nothing if its size is 0),
// and keeps what sign makes of its size and root, to be published: all of it in one
// transaction. It returns nil if nothing was added since, and fails with
// [ErrRewritten] when the ledger does not begin with what was signed and published,
// or its events are not those of its head.
func (p *Proofs) Certify(
	ctx context.Context, ledger uuid.UUID, published tlog.Tree, sign func(tlog.Tree) ([]byte, error),
) (made *proof.Signed, err error) {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead}
	err = pgx.BeginTxFunc(ctx, p.pool, snapshot, func(tx pgx.Tx) error {
		made, err = certify(ctx, tx, ledger, published, sign)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("certify ledger %s: %w", ledger, err)
	}
	return made, nil
}

func certify(
	ctx context.Context, tx pgx.Tx, ledger uuid.UUID, published tlog.Tree, sign func(tlog.Tree) ([]byte, error),
) (*proof.Signed, error) {
	var (
		tree   tlog.Tree
		hashes []byte
	)
	err := tx.QueryRow(ctx, `select seq, range from ledger.heads where ledger_id = $1`, ledger).Scan(&tree.N, &hashes)
	if err != nil {
		return nil, fmt.Errorf("read its head: %w", err)
	}
	last, err := latestCheckpoint(ctx, tx, ledger, 0)
	switch {
	case err != nil && !errors.Is(err, proof.ErrNotSigned):
		return nil, err
	case tree.N < last.Size:
		return nil, fmt.Errorf("%w: it holds %d events, %d were signed", ErrRewritten, tree.N, last.Size)
	case tree.N < published.N:
		return nil, fmt.Errorf("%w: it holds %d events, %d were published; was the database set back to an earlier time?",
			ErrRewritten, tree.N, published.N)
	case tree.N == 0:
		return nil, nil //nolint:nilnil // nothing to sign is no error
	}
	if tree.Hash, err = proof.RootOf(tree.N, hashes); err != nil {
		return nil, fmt.Errorf("%w: head: %w", ErrRewritten, err)
	}
	if err := growTiles(ctx, tx, ledger, tree.N); err != nil {
		return nil, err
	}
	if err := extends(ctx, tx, ledger, tree, last.Tree(), published); err != nil {
		return nil, err
	}
	if tree.N == last.Size {
		return nil, nil //nolint:nilnil // as above
	}
	c := &proof.Signed{Ledger: ledger, Size: tree.N, Root: tree.Hash}
	if c.Note, err = sign(tree); err != nil {
		return nil, err
	}
	return c, keep(ctx, tx, c)
}

// extends returns ErrRewritten unless the ledger's tiles are those of tree, and tree
// begins with each of the earlier ones.
func extends(ctx context.Context, tx pgx.Tx, ledger uuid.UUID, tree tlog.Tree, earlier ...tlog.Tree) error {
	stored := tiles{tx, ledger}
	if err := proof.Authenticate(ctx, tree, stored); err != nil {
		return rewritten(err)
	}
	for _, e := range earlier {
		if e.N == 0 {
			continue
		}
		hashes, err := proof.Consistency(ctx, tree, stored, e.N)
		if err != nil {
			return rewritten(err)
		}
		if err := proof.CheckConsistency(hashes, tree, e); err != nil {
			return fmt.Errorf("%w: %w", ErrRewritten, err)
		}
	}
	return nil
}

// rewritten adds ErrRewritten to what says so.
func rewritten(err error) error {
	if errors.Is(err, proof.ErrTiles) {
		return fmt.Errorf("%w: %w", ErrRewritten, err)
	}
	return err
}

// growTiles adds the hashes of events up to and including seq.
func growTiles(ctx context.Context, tx pgx.Tx, ledger uuid.UUID, seq int64) error {
	frontier, err := openFrontier(ctx, tx, ledger)
	if err != nil {
		return rewritten(err)
	}
	for frontier.Size() < seq {
		first := frontier.Size() + 1
		last := min(frontier.Size()+certifyPage, seq)
		rows, err := tx.Query(ctx, `
select seq, body from ledger.events where ledger_id = $1 and seq between $2 and $3 order by seq`, ledger, first, last)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		var (
			pieces []proof.Piece
			at     int64
			body   []byte
		)
		_, err = pgx.ForEachRow(rows, []any{&at, (*pgtype.DriverBytes)(&body)}, func() error {
			if at != frontier.Size()+1 {
				return fmt.Errorf("%w: event %d is missing", ErrRewritten, frontier.Size()+1)
			}
			pieces = append(pieces, frontier.Add(proof.LeafHash(body))...)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		if frontier.Size() != last {
			return fmt.Errorf("%w: event %d is missing", ErrRewritten, frontier.Size()+1)
		}
		if err := grow(ctx, tx, ledger, append(pieces, frontier.Rest()...)); err != nil {
			return err
		}
	}
	return nil
}

// openFrontier reads the last tile of each level.
func openFrontier(ctx context.Context, db querier, ledger uuid.UUID) (*proof.Frontier, error) {
	rows, err := db.Query(ctx, `
select tile.level, tile.index, tile.hashes
from generate_series(0, $2) as wanted (level)
cross join lateral (
    select level, index, hashes from ledger.tiles
    where ledger_id = $1 and level = wanted.level order by index desc limit 1) as tile`, ledger, proof.MaxLevel)
	if err != nil {
		return nil, fmt.Errorf("read tiles: %w", err)
	}
	last := make(map[int]proof.Piece)
	var p proof.Piece
	_, err = pgx.ForEachRow(rows, []any{&p.Level, &p.Index, &p.Hashes}, func() error {
		last[p.Level] = p
		p.Hashes = nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tiles: %w", err)
	}
	return proof.OpenFrontier(last)
}

// grow adds pieces to their tiles.
func grow(ctx context.Context, tx pgx.Tx, ledger uuid.UUID, pieces []proof.Piece) error {
	b := &pgx.Batch{}
	for _, p := range pieces {
		b.Queue(`
insert into ledger.tiles as tile (ledger_id, level, index, hashes) values ($1, $2, $3, $4)
on conflict (ledger_id, level, index) do update set hashes = tile.hashes || excluded.hashes
where length(tile.hashes) = $5`, ledger, p.Level, p.Index, p.Hashes, p.From*tlog.HashSize)
	}
	results := tx.SendBatch(ctx, b)
	defer func() { _ = results.Close() }() // its error has been seen
	for _, p := range pieces {
		tag, err := results.Exec()
		if err == nil && tag.RowsAffected() != 1 {
			err = errors.New("somebody else is at it")
		}
		if err != nil {
			return fmt.Errorf("grow tile %d/%d: %w", p.Level, p.Index, err)
		}
	}
	return nil
}

func keep(ctx context.Context, tx pgx.Tx, c *proof.Signed) error {
	err := tx.QueryRow(ctx, `
insert into ledger.checkpoints (ledger_id, size, root, note) values ($1, $2, $3, $4) returning at`,
		c.Ledger, c.Size, c.Root[:], c.Note).Scan(&c.At)
	if err == nil {
		_, err = tx.Exec(ctx, `insert into ledger.checkpoint_outbox (ledger_id, size) values ($1, $2)`, c.Ledger, c.Size)
	}
	if err != nil {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	return nil
}

// Unpublished returns up to limit checkpoints, by ledger and size, that are not
// published yet, after that of the given ledger and size.
func (p *Proofs) Unpublished(ctx context.Context, after uuid.UUID, size int64, limit int) ([]proof.Signed, error) {
	rows, err := p.pool.Query(ctx, `
select ledger_id, size, root, note, at
from (
    select * from ledger.checkpoint_outbox where (ledger_id, size) > ($1, $2) order by ledger_id, size limit $3
) as waiting
join ledger.checkpoints using (ledger_id, size) order by ledger_id, size`, after, size, limit)
	if err != nil {
		return nil, fmt.Errorf("unpublished checkpoints: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c proof.Signed, err error) {
		var root []byte
		err = row.Scan(&c.Ledger, &c.Size, &root, &c.Note, &c.At)
		copy(c.Root[:], root)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("unpublished checkpoints: %w", err)
	}
	return list, nil
}

// Published says that checkpoints are everywhere where they are published.
func (p *Proofs) Published(ctx context.Context, list []proof.Signed) error {
	ledgers, sizes := make([]uuid.UUID, len(list)), make([]int64, len(list))
	for i, c := range list {
		ledgers[i], sizes[i] = c.Ledger, c.Size
	}
	_, err := p.pool.Exec(ctx, `
delete from ledger.checkpoint_outbox where (ledger_id, size) in (select * from unnest($1::uuid[], $2::bigint[]))`, ledgers, sizes)
	if err != nil {
		return fmt.Errorf("clear published checkpoints: %w", err)
	}
	return nil
}
