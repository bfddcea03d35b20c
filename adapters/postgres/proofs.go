package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// Proofs keeps checkpoints and tiles, and makes proofs of them.
type Proofs struct{ pool *pgxpool.Pool }

// NewProofs returns the proofs of a main database.
func NewProofs(pool *pgxpool.Pool) *Proofs { return &Proofs{pool: pool} }

// Checkpoint returns the checkpoint of a ledger at the given size, or its latest
// if size is 0; proof.ErrNotSigned if there is none.
func (p *Proofs) Checkpoint(ctx context.Context, ledger uuid.UUID, size int64) (proof.Signed, error) {
	c, err := latestCheckpoint(ctx, p.pool, ledger, size)
	if err != nil {
		return proof.Signed{}, fmt.Errorf("checkpoint of ledger %s: %w", ledger, err)
	}
	return c, nil
}

// latestCheckpoint is as [Proofs.Checkpoint].
func latestCheckpoint(ctx context.Context, db querier, ledger uuid.UUID, size int64) (proof.Signed, error) {
	c := proof.Signed{Ledger: ledger}
	var root []byte
	err := db.QueryRow(ctx, `
select size, root, note, at from ledger.checkpoints
where ledger_id = $1 and ($2::bigint = 0 or size = $2) order by size desc limit 1`, ledger, size).
		Scan(&c.Size, &root, &c.Note, &c.At)
	if errors.Is(err, pgx.ErrNoRows) {
		err = proof.ErrNotSigned
	}
	copy(c.Root[:], root)
	c.At = c.At.UTC()
	return c, err
}

// Inclusion proves that event seq is in the tree of a checkpoint of its ledger. It
// fails with proof.ErrRange or proof.ErrTiles.
func (p *Proofs) Inclusion(ctx context.Context, c proof.Signed, seq int64) ([]tlog.Hash, error) {
	hashes, err := proof.Inclusion(ctx, c.Tree(), tiles{p.pool, c.Ledger}, seq)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", c.Ledger, err)
	}
	return hashes, nil
}

// Consistency proves that the tree of a checkpoint begins with its ledger's first
// from events. It fails with proof.ErrRange or proof.ErrTiles.
func (p *Proofs) Consistency(ctx context.Context, c proof.Signed, from int64) ([]tlog.Hash, error) {
	hashes, err := proof.Consistency(ctx, c.Tree(), tiles{p.pool, c.Ledger}, from)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", c.Ledger, err)
	}
	return hashes, nil
}

// Body returns an event's canonical bytes; proof.ErrNoEvent if there is no such event.
func (p *Proofs) Body(ctx context.Context, ledger uuid.UUID, seq int64) ([]byte, error) {
	var body []byte
	err := p.pool.QueryRow(ctx, `select body from ledger.events where ledger_id = $1 and seq = $2`, ledger, seq).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		err = proof.ErrNoEvent
	}
	if err != nil {
		return nil, fmt.Errorf("event %d of ledger %s: %w", seq, ledger, err)
	}
	return body, nil
}

// Keys returns the public keys of all who signed, the newest first.
func (p *Proofs) Keys(ctx context.Context) ([]string, error) {
	rows, err := p.pool.Query(ctx, `select verifier from ledger.checkpoint_keys order by since desc`)
	if err != nil {
		return nil, fmt.Errorf("checkpoint keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("checkpoint keys: %w", err)
	}
	return keys, nil
}

// AddKey records the public key of one who is about to sign.
func (p *Proofs) AddKey(ctx context.Context, verifier string) error {
	_, err := p.pool.Exec(ctx, `insert into ledger.checkpoint_keys (verifier) values ($1) on conflict do nothing`, verifier)
	if err != nil {
		return fmt.Errorf("record checkpoint key: %w", err)
	}
	return nil
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// tiles are a ledger's tiles.
type tiles struct {
	db     querier
	ledger uuid.UUID
}

// Tiles implements [proof.Tiles].
func (t tiles) Tiles(ctx context.Context, ids []proof.TileID) ([][]byte, error) {
	levels, indexes := make([]int16, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		levels[i], indexes[i] = int16(id.Level), id.Index //nolint:gosec // below 8
	}
	rows, err := t.db.Query(ctx, `
select wanted.n, tile.hashes
from unnest($2::smallint[], $3::bigint[]) with ordinality as wanted (level, index, n)
join ledger.tiles as tile on tile.ledger_id = $1 and tile.level = wanted.level and tile.index = wanted.index`,
		t.ledger, levels, indexes)
	if err != nil {
		return nil, err
	}
	data := make([][]byte, len(ids))
	var (
		n      int
		hashes []byte
	)
	_, err = pgx.ForEachRow(rows, []any{&n, &hashes}, func() error {
		data[n-1] = append([]byte(nil), hashes...)
		return nil
	})
	return data, err
}

// Size returns how many events a ledger holds, by its head; 0 if that is gone.
func (p *Proofs) Size(ctx context.Context, ledger uuid.UUID) (int64, error) {
	return headOf(ctx, p.pool, ledger)
}

// RootAt returns the root of a ledger's first size events, as its tiles have it,
// which must agree with the ledger's head. It fails with proof.ErrRange if the ledger
// does not hold as many, with proof.ErrTiles if tiles and head disagree, and with
// proof.ErrNoEvent if its last event is not the one that the head ends with.
func (p *Proofs) RootAt(ctx context.Context, ledger uuid.UUID, size int64) (root tlog.Hash, err error) {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, p.pool, snapshot, func(tx pgx.Tx) error {
		root, err = rootAt(ctx, tx, ledger, size)
		return err
	})
	if err != nil {
		return root, fmt.Errorf("root of ledger %s at %d: %w", ledger, size, err)
	}
	return root, nil
}

func rootAt(ctx context.Context, tx pgx.Tx, ledger uuid.UUID, size int64) (root tlog.Hash, err error) {
	var head tlog.Tree
	var hashes []byte
	var end int64
	err = tx.QueryRow(ctx, `
select seq, range, coalesce((select max(seq) from ledger.events where ledger_id = $1), 0)
from ledger.heads where ledger_id = $1`, ledger).Scan(&head.N, &hashes, &end)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && head.N < size:
		return root, fmt.Errorf("it holds %d events: %w", head.N, proof.ErrRange)
	case err != nil:
		return root, err
	case head.N != end:
		return root, fmt.Errorf("its head is of %d events, its last one is %d: %w", head.N, end, proof.ErrNoEvent)
	}
	if head.Hash, err = proof.RootOf(head.N, hashes); err != nil {
		return root, fmt.Errorf("%w: head: %w", proof.ErrTiles, err)
	}
	if size == head.N {
		return head.Hash, nil
	}
	// Tiles follow the head after a while: what they hold is authenticated by the last
	// checkpoint, whose root is one of theirs.
	last, err := latestCheckpoint(ctx, tx, ledger, 0)
	if errors.Is(err, proof.ErrNotSigned) || err == nil && last.Size < size {
		return root, fmt.Errorf("checkpoints end at %d: %w", last.Size, proof.ErrRange)
	}
	if err != nil {
		return root, err
	}
	return proof.RootAt(ctx, last.Tree(), tiles{tx, ledger}, size)
}
