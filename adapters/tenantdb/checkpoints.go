package tenantdb

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/projections"
)

// checkpoints holds, by projection, the last event of a ledger that was applied.
type checkpoints map[string]int64

func (c checkpoints) lowest() int64 {
	lowest := int64(math.MaxInt64)
	for _, seq := range c {
		lowest = min(lowest, seq)
	}
	return lowest
}

func (c checkpoints) highest() (highest int64) {
	for _, seq := range c {
		highest = max(highest, seq)
	}
	return highest
}

// together returns checkpoints that are all at seq.
func together(list []projections.Projection, seq int64) checkpoints {
	at := make(checkpoints, len(list))
	for _, p := range list {
		at[p.Name] = seq
	}
	return at
}

// lockCheckpoints returns the checkpoints of a target, which nobody else can move
// while tx lasts. It makes those that are missing.
func lockCheckpoints(ctx context.Context, tx pgx.Tx, t target, list []projections.Projection) (checkpoints, error) {
	names := namesOf(list)
	for {
		rows, err := tx.Query(ctx, `
			select projection, seq from checkpoints
			where ledger_id = $1 and projection = any($2)
			order by projection for update`, t.ledger, names)
		if err != nil {
			return nil, fmt.Errorf("lock checkpoints: %w", err)
		}
		at := make(checkpoints, len(names))
		var name string
		var seq int64
		_, err = pgx.ForEachRow(rows, []any{&name, &seq}, func() error {
			at[name] = seq
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("lock checkpoints: %w", err)
		}
		if len(at) == len(names) {
			return at, nil
		}
		_, err = tx.Exec(ctx, `
			insert into checkpoints (ledger_id, projection, seq)
			select $1, name, 0 from unnest($2::text[]) as name
			order by name
			on conflict do nothing`, t.ledger, names)
		if err != nil {
			return nil, fmt.Errorf("make checkpoints: %w", err)
		}
	}
}

// moveCheckpoints brings the checkpoints of a target that are behind to seq.
func moveCheckpoints(w *projections.Writes, t target, list []projections.Projection, seq int64) {
	w.Do("move checkpoints", `
		update checkpoints set seq = $3
		where ledger_id = $1 and projection = any($2) and seq < $3`, t.ledger, namesOf(list), seq)
}

// moveTogether brings the checkpoints of a target from one event to another. If
// they are not all where they are taken to be it fails, and with it all that is
// written in the same transaction; [movedMeanwhile] tells.
func moveTogether(w *projections.Writes, t target, list []projections.Projection, from, to int64) {
	w.Do("move checkpoints", `
		with moved as (
			update checkpoints set seq = $4
			where ledger_id = $1 and projection = any($2) and seq = $3
			returning projection
		)
		select 1 / (count(*) = cardinality($2))::int from moved`, // which fails where it is not so
		t.ledger, namesOf(list), from, to)
}

// movedMeanwhile reports whether writes failed since checkpoints were elsewhere.
// Nothing else that is written divides.
func movedMeanwhile(err error) bool { return isCode(err, codeDivisionByZero) }

func namesOf(list []projections.Projection) []string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name
	}
	return names
}

// querier is what a single row is read with.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readCheckpoint reads how far the slowest of some projections is with a ledger;
// 0 if one has not begun.
func readCheckpoint(ctx context.Context, db querier, ledger uuid.UUID, list []projections.Projection) (seq int64, err error) {
	err = db.QueryRow(ctx, `
		select case when count(*) = $3 then min(seq) else 0 end from checkpoints
		where ledger_id = $1 and projection = any($2)`, ledger, namesOf(list), len(list)).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("read checkpoint: %w", err)
	}
	return seq, nil
}
