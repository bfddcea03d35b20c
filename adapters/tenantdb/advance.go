package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// errLedgerBehind says that a message came of an event that the ledger, as we can
// read it, does not hold.
var errLedgerBehind = errors.New("the ledger does not hold an event that came by Kafka")

// gapError says that a target lacks events before a stretch.
type gapError struct{ after int64 } // up to which it has them

func (e *gapError) Error() string { return fmt.Sprintf("events after %d are missing", e.after) }

// maxClashes is how often a transaction that lost against another is tried again
// before that counts as a failure.
const maxClashes = 5

// advance brings a target to the end of a stretch, in as many transactions as it
// takes. What is missing before the stretch it reads from the ledger.
func (p *Projector) advance(ctx context.Context, t target, s *stretch) error {
	for {
		err := p.apply(ctx, t, s)
		var gap *gapError
		if !errors.As(err, &gap) {
			return err
		}
		p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "gap is filled from the ledger", t.attrs(
			slog.Int64("after", gap.after), slog.Int64("before", s.from))...)
		missing, err := p.read(ctx, t, gap.after, p.cfg.MaxBatch)
		if err != nil {
			return err
		}
		if missing == nil {
			return &ledgerError{fmt.Errorf("%w: %d", errLedgerBehind, s.from)}
		}
		if err := p.apply(ctx, t, missing); err != nil {
			return err
		}
	}
}

// read reads a stretch of the ledger; nil when nothing comes after that number.
func (p *Projector) read(ctx context.Context, t target, after int64, limit int) (*stretch, error) {
	messages, err := p.cfg.Ledger.Read(ctx, t.ledger, after, limit)
	if err != nil {
		return nil, &ledgerError{err}
	}
	if len(messages) == 0 {
		return nil, nil
	}
	s := newStretch(messages)
	if s.from != after+1 || s.to != after+int64(len(messages)) {
		return nil, &ledgerError{fmt.Errorf("ledger %s has a gap after %d", t.ledger, after)}
	}
	return s, nil
}

// apply brings a target to the end of a stretch. It fails with a [*gapError] if
// the target lacks what comes before.
func (p *Projector) apply(ctx context.Context, t target, s *stretch) error {
	if err := s.open(ctx, p.cfg.Keys); err != nil {
		return &ledgerError{fmt.Errorf("keys of persons: %w", err)}
	}
	clashes := 0
	for {
		reached, poison, err := p.step(ctx, t, s)
		switch {
		case isClash(err) && clashes < maxClashes:
			clashes++
		case err != nil:
			return err
		case poison != nil:
			return poison
		case reached >= s.to:
			return nil
		}
	}
}

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
	moved := false
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
		if err := fold(ctx, tx, list, at, projections.Batch{Ledger: t.ledger, Events: batch, Keys: s.keys}); err != nil {
			if !conn.IsClosed() {
				err = &applyError{from: reached + 1, to: to, err: err}
			}
			return err
		}
		if err := moveCheckpoints(ctx, tx, t, list, to); err != nil {
			return err
		}
		reached, moved = to, true
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	if moved {
		p.passed(t, reached)
		p.progressed(t, reached)
	}
	return reached, poison, nil
}

// fold applies a batch to each projection that has not seen it.
func fold(ctx context.Context, tx pgx.Tx, list []projections.Projection, at checkpoints, b projections.Batch) error {
	for _, projection := range list {
		unseen := b
		unseen.Events = concerning(b.Events, at[projection.Name], projection)
		if len(unseen.Events) == 0 {
			continue
		}
		if err := projection.Apply(ctx, tx, unseen); err != nil {
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
