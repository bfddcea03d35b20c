package tenantdb

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

// interval is a run of events of one ledger: those after the first number, up to
// and including the last.
type interval struct{ after, to int64 }

// pass notes that the events of an interval mean nothing to the main database.
// That is a fact about the ledger, which holds whatever the database says.
func (p *Projector) pass(ledger uuid.UUID, i interval) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.idle[ledger]
	switch {
	case !ok || i.after > known.to:
		p.idle[ledger] = i // what lies between, the next flush finds missing
	case i.to > known.to:
		p.idle[ledger] = interval{min(known.after, i.after), i.to}
	}
}

// bridge returns how far a target is, given its checkpoint: in the main database
// also over events that mean nothing to it.
func (p *Projector) bridge(t target, checkpoint int64) int64 {
	if t.site == onTenant {
		return checkpoint
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, ok := p.idle[t.ledger]; ok && i.after <= checkpoint {
		return max(checkpoint, i.to)
	}
	return checkpoint
}

// passed forgets an interval that the checkpoint has moved over.
func (p *Projector) passed(t target, checkpoint int64) {
	if t.site == onTenant {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, ok := p.idle[t.ledger]; ok && i.to <= checkpoint {
		delete(p.idle, t.ledger)
	}
}

// flush moves the checkpoints of the main database over the events that mean
// nothing to it. A checkpoint that somebody holds is left for the next time; one
// that does not reach up to its interval shows that something is missing, which
// is then read from the ledger.
func (p *Projector) flush(ctx context.Context) error {
	ofTenants, ofPlatform := p.intervals()
	for _, idle := range []map[uuid.UUID]interval{ofTenants, ofPlatform} {
		if len(idle) == 0 {
			continue
		}
		reached, err := p.moveOver(ctx, idle)
		if err != nil {
			return fmt.Errorf("move checkpoints of the main database: %w", err)
		}
		for ledger, i := range idle {
			t := target{ledger, onPlatform}
			switch seq, ok := reached[ledger]; {
			case ok && seq >= i.to:
				p.forget(t)
				p.passed(t, seq)
				p.progressed(t, seq)
			case !ok || seq < i.after:
				p.behind(ctx, t, i.to)
			}
		}
	}
	return nil
}

// intervals returns what there is to flush, apart for ledgers that are read by
// different projections.
func (p *Projector) intervals() (ofTenants, ofPlatform map[uuid.UUID]interval) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ofTenants, ofPlatform = make(map[uuid.UUID]interval, len(p.idle)), make(map[uuid.UUID]interval, 1)
	for ledger, i := range p.idle {
		switch _, parked := p.parked[target{ledger, onPlatform}]; {
		case parked: // is brought up from the ledger
		case ledger == events.PlatformLedger:
			ofPlatform[ledger] = i
		default:
			ofTenants[ledger] = i
		}
	}
	return ofTenants, ofPlatform
}

// moveOver moves checkpoints over intervals where they reach up to them, and
// returns where they are. The ledgers are all read by the same projections. It
// waits for no lock, and not for the disk: losing it
// costs another look at the ledger.
func (p *Projector) moveOver(ctx context.Context, idle map[uuid.UUID]interval) (map[uuid.UUID]int64, error) {
	ledgers := make([]uuid.UUID, 0, len(idle))
	after, to := make([]int64, 0, len(idle)), make([]int64, 0, len(idle))
	for ledger, i := range idle {
		ledgers, after, to = append(ledgers, ledger), append(after, i.after), append(to, i.to)
	}
	names := namesOf(target{ledgers[0], onPlatform}.reads())
	reached := make(map[uuid.UUID]int64, len(idle))
	err := pgx.BeginFunc(ctx, p.cfg.Pools.Platform(), func(tx pgx.Tx) error {
		var statements pgx.Batch
		statements.Queue(`set local synchronous_commit = off`)
		statements.Queue(`
			with passed as (
				select * from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as i (ledger_id, after_seq, to_seq)
			), free as (
				select c.ledger_id, c.projection, c.seq
				from checkpoints c
				where c.ledger_id = any($1) and c.projection = any($4)
				for update skip locked
			)
			update checkpoints c set seq = i.to_seq
			from free f join passed i on i.ledger_id = f.ledger_id
			where c.ledger_id = f.ledger_id and c.projection = f.projection
				and f.seq >= i.after_seq and f.seq < i.to_seq`, ledgers, after, to, names)
		statements.Queue(`
			select ledger_id, min(seq) from checkpoints
			where ledger_id = any($1) and projection = any($2)
			group by ledger_id having count(*) = $3`, ledgers, names, len(names)).
			Query(func(rows pgx.Rows) error {
				var ledger uuid.UUID
				var seq int64
				_, err := pgx.ForEachRow(rows, []any{&ledger, &seq}, func() error {
					reached[ledger] = seq
					return nil
				})
				return err
			})
		return tx.SendBatch(ctx, &statements).Close()
	})
	return reached, err
}

// behind has a target brought up from the ledger.
func (p *Projector) behind(ctx context.Context, t target, seq int64) {
	p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "read models are behind their ledger", t.attrs(slog.Int64("behind", seq))...)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.parked[t]; !ok {
		p.parked[t] = p.newParking(ReasonBehind, seq)
		p.nudge()
	}
}
