package tenantdb

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// TableDigest tells all rows of a table, whatever their order.
type TableDigest struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	Live  string `json:"live"`  // of the live table
	Built string `json:"built"` // of what was built
}

// compareLive compares the shadow with the live tables as they were at one moment,
// having brought the shadow to exactly where they were then.
func (s *shadow) compareLive(ctx context.Context, g *gathering) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	if _, err := conn.Exec(ctx, "set search_path to "+pgx.Identifier{s.live}.Sanitize()); err != nil {
		return err
	}
	deadline := time.Now().Add(s.rebuild.cfg.Patience)
	for {
		snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		even := false
		err := pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error {
			live, err := s.livePositions(ctx, tx)
			if err != nil {
				return err
			}
			if even = s.follows(live); !even {
				return nil
			}
			s.goals = make(map[uuid.UUID]int64, len(live))
			for ledger, p := range live {
				s.goals[ledger] = p.lowest
			}
			if err := s.reach(ctx, g, s.goals, deadline); err != nil {
				return err
			}
			return s.compareTables(ctx, tx)
		})
		if err != nil || even {
			return err
		}
		if time.Now().After(deadline) {
			return errBehind
		}
		if err := pause(ctx, catchUpPause); err != nil {
			return err
		}
	}
}

// follows reports whether the shadow can be brought to where the live tables are:
// at one event of each ledger, and not before what the shadow holds.
func (s *shadow) follows(live map[uuid.UUID]position) bool {
	for _, p := range live {
		if p.lowest != p.highest {
			return false
		}
	}
	for ledger, at := range s.positions {
		if live[ledger].lowest < at {
			return false
		}
	}
	return true
}

// compareTables compares all tables: those of the snapshot, and the shadow's.
func (s *shadow) compareTables(ctx context.Context, live pgx.Tx) error {
	for _, table := range s.tables {
		var there, here TableDigest
		group, both := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			there, err = digest(both, live, table)
			return err
		})
		group.Go(func() (err error) {
			here, err = digest(both, s.conn, table)
			return err
		})
		if err := group.Wait(); err != nil {
			return fmt.Errorf("compare %s: %w", table, err)
		}
		here.Built, here.Live = here.Live, there.Live
		s.result.Tables = append(s.result.Tables, here)
		if here.Live == here.Built {
			continue
		}
		if err := s.compareRows(ctx, live, table); err != nil {
			return fmt.Errorf("compare %s: %w", table, err)
		}
	}
	s.result.Compared = true
	return nil
}

// digest counts and hashes the rows of a table. What it hashes is each row's columns
// in PostgreSQL's binary form, with their types and lengths: it is made in a fraction
// of the time that text takes, and is as exact (of jsonb it is the text).
func digest(ctx context.Context, db querier, table string) (TableDigest, error) {
	d := TableDigest{Table: table}
	err := db.QueryRow(ctx, `
		select count(*), format('%s-%s-%s', count(*), sum(hashtextextended(x, 0)), sum(hashtextextended(x, 1)))
		from (select encode(sha256(record_send(t)), 'hex') x from `+pgx.Identifier{table}.Sanitize()+` t offset 0) hashes`,
	).Scan(&d.Rows, &d.Live)
	return d, err
}
