package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
