package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// swapLockTimeout is how long readers and projectors wait, at most, behind a
	// swap that waits for somebody else. It is less than PostgreSQL's
	// deadlock_timeout: of two who wait for each other the swap gives way.
	swapLockTimeout = 300 * time.Millisecond

	// vacuumLockTimeout is how long a swap waits, at most, for whoever vacuums or
	// analyzes a live table; readers and projectors don't wait meanwhile. It is more
	// than deadlock_timeout, after which autovacuum gives way.
	vacuumLockTimeout = 10 * time.Second

	catchUpPause = 25 * time.Millisecond
)

var (
	errBehind = errors.New("the live read models do not reach, in time, what was read; " +
		"is a projector running, and is the tenant parked? See to that, or swap with --force")
	errSourceBehind = errors.New("the source does not reach, in time, what the live read models hold; " +
		"is a relay running? See to that, rebuild from the other one (--from), or swap with --force")
)

// position is how far the live projections of a ledger are.
type position struct{ lowest, highest int64 }

// finish compares the filled shadow with the live tables, and swaps them.
func (s *shadow) finish(ctx context.Context, g *gathering) error {
	if err := s.finishTables(ctx); err != nil {
		return err
	}
	err := s.compareLive(ctx, g)
	late := errors.Is(err, errBehind) || errors.Is(err, errSourceBehind)
	switch {
	case late && s.rebuild.cfg.Force && s.rebuild.cfg.Swap:
		s.rebuild.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "swapped without having been compared",
			slog.String("database", s.target.database()), slog.Any("error", err))
	case err != nil:
		return err
	}
	if !s.rebuild.cfg.Swap || len(s.result.Differing) > 0 && !s.rebuild.cfg.Force {
		return nil
	}
	return s.swap(ctx, g)
}

// reach reads on until the shadow has reached all positions.
func (s *shadow) reach(ctx context.Context, g *gathering, goals map[uuid.UUID]int64, deadline time.Time) error {
	for {
		if err := s.take(ctx); err != nil {
			return err
		}
		behind := false
		for ledger, goal := range goals {
			behind = behind || s.positions[ledger] < goal
		}
		if !behind {
			return nil
		}
		if err := g.follow(ctx); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errSourceBehind
		}
		if err := pause(ctx, catchUpPause); err != nil {
			return err
		}
	}
}

// swap puts the shadow in the place of the live tables, in one transaction. Events
// that were applied since the tables were compared are in the shadow, too: it may
// be ahead of the live tables, never behind them.
func (s *shadow) swap(ctx context.Context, g *gathering) error {
	deadline := time.Now().Add(s.rebuild.cfg.Patience)
	for {
		s.goals = nil
		if err := g.follow(ctx); err != nil {
			return err
		}
		if err := s.take(ctx); err != nil {
			return err
		}
		overdue := time.Now().After(deadline)
		err := s.exchange(ctx, overdue && s.rebuild.cfg.Force)
		switch {
		case err == nil:
			s.result.Swapped = true
			return nil
		case overdue, !errors.Is(err, errSourceBehind) && !isCode(err, codeLockTimeout) && !isClash(err):
			return fmt.Errorf("swap: %w", err)
		}
		if err := pause(ctx, catchUpPause); err != nil {
			return err
		}
	}
}

// exchange is the transaction of [shadow.swap].
func (s *shadow) exchange(ctx context.Context, behind bool) error {
	return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error {
		names := s.withCheckpoints()
		live, built := make([]string, len(names)), make([]string, len(names))
		for i, table := range names {
			live[i] = pgx.Identifier{s.live, table}.Sanitize()
			built[i] = pgx.Identifier{shadowSchema, table}.Sanitize()
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(`
			set local synchronous_commit = on;
			set local lock_timeout = %d;
			lock table %s in share update exclusive mode;
			set local lock_timeout = %d;
			lock table %s in access exclusive mode`,
			vacuumLockTimeout.Milliseconds(), strings.Join(live, ", "),
			swapLockTimeout.Milliseconds(), live[len(live)-1]))
		if err != nil {
			return err
		}
		at, err := s.livePositions(ctx, tx)
		if err != nil {
			return err
		}
		for ledger, p := range at {
			if s.positions[ledger] < p.highest && !behind {
				return errSourceBehind
			}
		}
		if err := s.writeCheckpoints(ctx, tx); err != nil {
			return err
		}
		if err := s.vacuumed(ctx); err != nil {
			return err
		}
		moved := make([]string, len(built))
		for i, table := range built {
			moved[i] = fmt.Sprintf("alter table %s set schema %s", table, pgx.Identifier{s.live}.Sanitize())
		}
		_, err = tx.Exec(ctx, "drop table "+strings.Join(live, ", ")+"; "+strings.Join(moved, "; ")+
			"; drop schema "+shadowSchema)
		return err
	})
}

// writeCheckpoints notes in the shadow how far it is.
func (s *shadow) writeCheckpoints(ctx context.Context, tx pgx.Tx) error {
	rows := make([][]any, 0, len(s.positions))
	for ledger, seq := range s.positions {
		for _, p := range (target{ledger, s.target.site}).reads() {
			rows = append(rows, []any{ledger, p.Name, seq})
		}
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{shadowSchema, checkpointsTable},
		[]string{"ledger_id", "projection", "seq"}, pgx.CopyFromRows(rows))
	if err != nil {
		return fmt.Errorf("write checkpoints: %w", err)
	}
	return nil
}

// livePositions reads the live checkpoints of all ledgers that the database reads.
func (s *shadow) livePositions(ctx context.Context, tx pgx.Tx) (map[uuid.UUID]position, error) {
	rows, err := tx.Query(ctx, `
		select ledger_id, min(seq), max(seq), array_agg(projection) from `+
		pgx.Identifier{s.live, checkpointsTable}.Sanitize()+` group by ledger_id`)
	if err != nil {
		return nil, fmt.Errorf("read live checkpoints: %w", err)
	}
	var (
		ledger uuid.UUID
		p      position
		names  []string
	)
	list := make(map[uuid.UUID]position)
	_, err = pgx.ForEachRow(rows, []any{&ledger, &p.lowest, &p.highest, &names}, func() error {
		if len(names) < len((target{ledger, s.target.site}).reads()) {
			p.lowest = 0
		}
		list[ledger] = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read live checkpoints: %w", err)
	}
	return list, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
