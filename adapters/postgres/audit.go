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
	switch {
	case extent.first < 1:
		return proof.Report{}, &proof.FindingError{Ledger: a.Ledger, Seq: extent.first, Reason: "there is no event before the first"}
	case extent.unnumbered:
		return proof.Report{}, &proof.FindingError{Ledger: a.Ledger, Reason: "an event has no number, or a checkpoint no size"}
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
	a.Marks, a.Tiled = []int64{tiled}, tiled
	report, err := a.Run(ctx, ledgerSource(tx, a.Ledger, extent.last))
	if err != nil {
		return report, err
	}
	switch {
	case tiled > report.Events:
		return report, &proof.FindingError{
			Ledger: a.Ledger, Seq: report.Events + 1, Reason: fmt.Sprintf("it is missing: tiles hold %d events", tiled),
		}
	case tiled < report.Signed: // they are stored together
		return report, &proof.FindingError{Ledger: a.Ledger, Seq: tiled + 1, Reason: fmt.Sprintf(
			"the tile that records it is missing: a signed checkpoint holds %d events", report.Signed)}
	}
	err = proof.AuthenticateAll(ctx, tlog.Tree{N: tiled, Hash: report.Marks[tiled]}, tiles{tx, a.Ledger})
	if errors.Is(err, proof.ErrTiles) {
		return report, &proof.FindingError{Ledger: a.Ledger, Reason: err.Error()}
	}
	return report, err
}

// extent is where a ledger begins and ends.
type extent struct {
	first, last int64 // of its events; 1 and 0 if there is none
	unnumbered  bool  // an event has no number or a checkpoint no size: no page has those
	head        int64
	hashes      []byte
}

func measure(ctx context.Context, tx pgx.Tx, ledger uuid.UUID) (extent, error) {
	var e extent
	err := tx.QueryRow(ctx, `
select coalesce(min(seq), 1), coalesce(max(seq), 0),
    exists (select from ledger.events where ledger_id = $1 and seq is null)
    or exists (select from ledger.checkpoints where ledger_id = $1 and (size is null or size < 1))
from ledger.events where ledger_id = $1`, ledger).Scan(&e.first, &e.last, &e.unnumbered)
	if err != nil {
		return e, err
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
