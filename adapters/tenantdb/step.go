package tenantdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// step applies what comes next of a stretch to a target, in one transaction, and
// returns how far the target is then, and what keeps the next event of the stretch
// from being decoded. It asks for nothing but the target's database while it holds
// a connection to that.
func (p *Projector) step(ctx context.Context, t target, s *stretch) (reached int64, poison, err error) {
	conn, release, err := p.connection(ctx, t)
	if err != nil {
		return 0, nil, err
	}
	defer release()
	list := t.reads()
	if from, ok := p.recall(t); ok {
		reached, err := p.dash(ctx, conn, t, s, list, from)
		if err != nil || reached > from {
			return reached, nil, err
		}
	}
	return p.walk(ctx, conn, t, s, list)
}

// dash makes a step from where the checkpoints are taken to be, most often in one
// round trip. It returns 0 when that can't be done: because the checkpoints are
// elsewhere, or do not reach up to the stretch, or the stretch holds poison.
func (p *Projector) dash(
	ctx context.Context, conn *pgx.Conn, t target, s *stretch, list []projections.Projection, from int64,
) (int64, error) {
	after := p.bridge(t, from)
	if after+1 < s.from || after >= s.to {
		return 0, nil
	}
	batch, poison := s.after(after, p.cfg.MaxBatch)
	if len(batch) == 0 || poison != nil {
		return 0, nil //nolint:nilerr // what is poison is told by who walks up to it
	}
	to := after + int64(len(batch))
	var writes projections.Writes
	moveTogether(&writes, t, list, from, to)
	err := fold(&writes, list, together(list, from), projections.Batch{Ledger: t.ledger, Events: batch, Keys: s.keys})
	if err == nil {
		err = makeAll(ctx, conn, &writes)
	}
	switch {
	case err == nil:
		p.stepped(t, to)
		return to, nil
	case movedMeanwhile(err):
		p.forget(t)
		return 0, nil
	default:
		p.forget(t)
		return 0, applyFailed(conn, batch, err)
	}
}

// makeAll makes all writes or none.
func makeAll(ctx context.Context, conn *pgx.Conn, writes *projections.Writes) error {
	if writes.Alone() {
		return writes.Make(ctx, conn)
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return writes.Make(ctx, tx) })
}

// walk makes a step with the target's checkpoints locked.
func (p *Projector) walk(
	ctx context.Context, conn *pgx.Conn, t target, s *stretch, list []projections.Projection,
) (reached int64, poison, err error) {
	moved, even := false, false
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		at, err := lockCheckpoints(ctx, tx, t, list)
		if err != nil {
			return err
		}
		reached = p.bridge(t, at.lowest())
		if reached >= s.to {
			return nil
		}
		if reached+1 < s.from {
			return &gapError{after: reached}
		}
		var batch []events.Recorded
		batch, poison = s.after(reached, p.cfg.MaxBatch)
		if len(batch) == 0 {
			return nil
		}
		to := reached + int64(len(batch))
		var writes projections.Writes
		err = fold(&writes, list, at, projections.Batch{Ledger: t.ledger, Events: batch, Keys: s.keys})
		if err == nil {
			moveCheckpoints(&writes, t, list, to)
			err = writes.Make(ctx, tx)
		}
		if err != nil {
			return applyFailed(conn, batch, err)
		}
		reached, moved, even = to, true, at.highest() <= to
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	if moved {
		p.stepped(t, reached)
	}
	if !even {
		p.forget(t)
	}
	return reached, poison, nil
}

// stepped notes that a transaction has moved a target's checkpoints.
func (p *Projector) stepped(t target, reached int64) {
	p.remember(t, reached)
	p.passed(t, reached)
	p.progressed(t, reached)
}

// applyFailed says which events could not be applied, unless it was the connection
// that broke.
func applyFailed(conn *pgx.Conn, batch []events.Recorded, err error) error {
	if conn.IsClosed() {
		return err
	}
	return &applyError{from: batch[0].Seq, to: batch[len(batch)-1].Seq, err: err}
}

// fold adds what each projection writes of those events of a batch that it has not
// seen.
func fold(writes *projections.Writes, list []projections.Projection, at checkpoints, b projections.Batch) error {
	for _, projection := range list {
		unseen := b
		unseen.Events = concerning(b.Events, at[projection.Name], projection)
		if len(unseen.Events) == 0 {
			continue
		}
		if err := writes.Project(projection, unseen); err != nil {
			return err
		}
	}
	return nil
}

// concerning returns the events after seq, if a projection has to see any of them.
func concerning(batch []events.Recorded, seq int64, p projections.Projection) []events.Recorded {
	for len(batch) > 0 && batch[0].Seq <= seq {
		batch = batch[1:]
	}
	for i := range batch {
		if p.Answers(batch[i].Stream.Kind) {
			return batch
		}
	}
	return nil
}

// connection returns a connection to a target's database, and what gives it back.
func (p *Projector) connection(ctx context.Context, t target) (*pgx.Conn, func(), error) {
	if t.site == onTenant {
		return p.cfg.Pools.Tenant(ctx, t.ledger)
	}
	c, err := p.cfg.Pools.Platform().Acquire(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the main database: %w", err)
	}
	return c.Conn(), c.Release, nil
}
