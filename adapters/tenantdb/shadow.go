package tenantdb

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// shadowSchema is where read models are built beside the live ones.
const shadowSchema = "cartulary_shadow"

// rebuildLock is the advisory lock of whoever rebuilds a database.
const rebuildLock = 0x6361_7274_7265_6275 // "cartrebu"

// shadow is the read models of one database, being built anew. Its tables have no
// checkpoints until they are swapped: what is cut off begins anew.
type shadow struct {
	rebuild *Rebuild
	target  target
	tables  []string
	live    string // the schema of the live tables

	conn   *pgx.Conn // sees the shadow schema alone; nil before it is opened, and once it is closed
	beside *pgx.Conn // another, for what is done at once; nil until it is needed
	owned  bool      // the shadow schema is ours
	alone  bool      // no other database is filled meanwhile

	turn      sync.Mutex          // of who works at it; guards what is above and below
	positions map[uuid.UUID]int64 // up to which events were applied
	goals     map[uuid.UUID]int64 // beyond which they are held back; nil: apply all
	result    Rebuilt

	mu     sync.Mutex               // guards what follows
	held   map[uuid.UUID][]*stretch // to be applied
	closed bool
	err    error // why it is left alone
}

func newShadow(r *Rebuild, t target) *shadow {
	tables, ledger := projections.PlatformTables(), events.PlatformLedger
	if t.site == onTenant {
		tables, ledger = projections.TenantTables(), t.ledger
	}
	return &shadow{
		rebuild: r, target: t, tables: tables,
		positions: make(map[uuid.UUID]int64), held: make(map[uuid.UUID][]*stretch),
		result: Rebuilt{Database: t.database(), Ledger: ledger},
	}
}

// reads reports whether the database holds anything of a ledger.
func (s *shadow) reads(ledger uuid.UUID) bool {
	return s.target.site == onPlatform || s.target.ledger == ledger
}

// wants reports whether events of a ledger are still to be applied.
func (s *shadow) wants(ledger uuid.UUID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.err == nil && s.reads(ledger)
}

// hold keeps stretches of a ledger, which follow those that it was given before, until
// they are taken.
func (s *shadow) hold(ledger uuid.UUID, list []*stretch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[ledger] = append(s.held[ledger], list...)
}

// failure returns why the database is left alone; nil if it is not.
func (s *shadow) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// failed notes why the database is to be left alone.
func (s *shadow) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// connect opens a connection to the database.
func (s *shadow) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg := s.rebuild.cfg.Platform.Config().ConnConfig.Copy()
	if s.target.site == onTenant {
		cfg.Database = databaseName(s.target.ledger)
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if isCode(err, codeNoSuchDatabase) {
		return nil, fmt.Errorf("%w: no database %s; the worker makes it", ErrNotProvisioned, cfg.Database)
	}
	return conn, err
}

// open makes the shadow's tables, empty, in the place of any that were left.
func (s *shadow) open(ctx context.Context) (err error) {
	if s.conn, err = s.connect(ctx); err != nil {
		return err
	}
	var alone, unchanged bool
	err = s.conn.QueryRow(ctx, `
		select current_schema(), pg_try_advisory_lock($1), pg_try_advisory_lock_shared($2)`,
		rebuildLock, schemaLock).Scan(&s.live, &alone, &unchanged)
	switch {
	case err != nil:
		return fmt.Errorf("lock: %w", err)
	case !alone || !unchanged:
		return ErrRebuilding
	}
	s.owned = true
	return s.makeTables(ctx)
}

// close lets go of the database, and drops what was built unless it is to be kept.
// What is left when ctx has ended is dropped by whoever comes next.
func (s *shadow) close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.conn == nil {
		return
	}
	if s.beside != nil {
		hangUp(ctx, s.beside)
		s.beside = nil
	}
	if !s.conn.IsClosed() && ctx.Err() == nil {
		if !s.rebuild.cfg.Keep && s.owned {
			if _, err := s.conn.Exec(ctx, "drop schema if exists "+shadowSchema+" cascade"); err != nil {
				s.failed(fmt.Errorf("drop the shadow: %w", err))
			}
		}
		// The end of the session does so, too, but perhaps not before somebody else comes.
		_, _ = s.conn.Exec(ctx, "select pg_advisory_unlock_all()")
	}
	hangUp(ctx, s.conn)
	s.conn = nil
}

// take applies what is held, as far as the goals allow; nothing to a shadow that is left
// alone.
func (s *shadow) take(ctx context.Context) error {
	s.mu.Lock()
	held, over := s.held, s.closed || s.err != nil
	s.held = make(map[uuid.UUID][]*stretch)
	s.mu.Unlock()
	if over {
		return nil
	}
	for ledger, list := range held {
		beyond, err := s.takeFrom(ctx, ledger, list)
		if err != nil {
			return err
		}
		if len(beyond) > 0 {
			s.mu.Lock()
			s.held[ledger] = append(beyond, s.held[ledger]...)
			s.mu.Unlock()
		}
	}
	return nil
}

// takeFrom applies stretches of a ledger, and returns those that go beyond its goal.
func (s *shadow) takeFrom(ctx context.Context, ledger uuid.UUID, list []*stretch) (beyond []*stretch, err error) {
	goal := int64(math.MaxInt64)
	if s.goals != nil {
		goal = s.goals[ledger]
	}
	for _, st := range list {
		at := s.positions[ledger]
		switch {
		case st.to <= at:
			continue
		case len(beyond) > 0:
			beyond = append(beyond, st)
			continue
		case st.from > at+1:
			return nil, fmt.Errorf("ledger %s: events %d to %d are missing from the source; "+
				"rebuild from the other one (--from)", ledger, at+1, st.from-1)
		}
		if err := s.apply(ctx, st, min(goal, st.to)); err != nil {
			return nil, err
		}
		if st.to > goal {
			beyond = append(beyond, st)
		}
	}
	return beyond, nil
}

// apply applies a stretch up to an event.
func (s *shadow) apply(ctx context.Context, st *stretch, to int64) error {
	list := (target{st.ledger, s.target.site}).reads()
	if !st.concerns(list) {
		s.positions[st.ledger] = max(s.positions[st.ledger], to)
		return nil
	}
	if err := st.open(ctx, s.rebuild.cfg.Keys); err != nil {
		return fmt.Errorf("keys of persons: %w", err)
	}
	for at := s.positions[st.ledger]; at < to; at = s.positions[st.ledger] {
		batch, poison := st.after(at, int(min(int64(s.rebuild.cfg.MaxBatch), to-at)))
		if len(batch) == 0 {
			return fmt.Errorf("ledger %s: %w", st.ledger, poison)
		}
		var writes projections.Writes
		err := fold(&writes, list, together(list, at), projections.Batch{Ledger: st.ledger, Events: batch, Keys: st.keys})
		if err == nil {
			err = s.write(ctx, &writes)
		}
		if err != nil {
			return fmt.Errorf("ledger %s: %w", st.ledger, applyFailed(s.conn, batch, err))
		}
		s.positions[st.ledger] = at + int64(len(batch))
		s.result.Events += int64(len(batch))
		s.rebuild.applied.Add(int64(len(batch)))
	}
	return nil
}
