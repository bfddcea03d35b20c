package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

// headsPage is how many ledgers are looked at at once.
const headsPage = 500

// suspect is a target that was behind its ledger when somebody looked.
type suspect struct {
	head int64 // of the ledger
	at   int64 // where the target was
}

// watch looks for targets that are behind their ledgers, and have not moved when
// Kafka had some time to bring what they miss: those were parked when a process
// was killed, and nobody remembers.
func (p *Projector) watch(ctx context.Context) {
	suspects := make(map[target]suspect)
	ticker := time.NewTicker(p.cfg.Grace)
	defer ticker.Stop()
	var next time.Time
	for {
		p.examine(ctx, suspects)
		if now := time.Now(); !now.Before(next) {
			next = now.Add(p.cfg.ScanEvery)
			if err := p.scan(ctx, suspects); err != nil && ctx.Err() == nil {
				p.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "look for read models left behind cut short", slog.Any("error", err))
				next = now
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// scan adds to suspects what is behind its ledger.
func (p *Projector) scan(ctx context.Context, suspects map[target]suspect) error {
	after := uuid.Nil
	for {
		heads, err := p.cfg.Heads(ctx, after, headsPage)
		if err != nil {
			return fmt.Errorf("list ledgers: %w", err)
		}
		if len(heads) == 0 {
			return nil
		}
		at, err := p.platformCheckpoints(ctx, heads)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if seq := at[h.Ledger]; seq < h.Seq {
				suspects[target{h.Ledger, onPlatform}] = suspect{head: h.Seq, at: seq}
			}
			if h.Ledger != events.PlatformLedger {
				p.scanTenant(ctx, h, suspects)
			}
		}
		if len(heads) < headsPage {
			return nil
		}
		after = heads[len(heads)-1].Ledger
	}
}

func (p *Projector) scanTenant(ctx context.Context, h Head, suspects map[target]suspect) {
	t := target{h.Ledger, onTenant}
	if p.settled(t, h.Seq) {
		return
	}
	switch seq, err := p.checkpoint(ctx, t); {
	case errors.Is(err, ErrNotProvisioned):
		// Nothing to bring up: when it is provisioned, an event of its ledger will say so.
		p.mu.Lock()
		p.learn(t, h.Seq)
		p.mu.Unlock()
	case err != nil:
		suspects[t] = suspect{head: h.Seq, at: -1} // whose retries will tell
	case seq < h.Seq:
		suspects[t] = suspect{head: h.Seq, at: seq}
	default:
		p.mu.Lock()
		p.learn(t, seq)
		p.mu.Unlock()
	}
}

// examine has those suspects brought up that have not moved, and forgets those
// that are where they should be.
func (p *Projector) examine(ctx context.Context, suspects map[target]suspect) {
	for t, s := range suspects {
		if ctx.Err() != nil {
			return
		}
		if p.settled(t, s.head) {
			delete(suspects, t)
			continue
		}
		seq, err := p.checkpoint(ctx, t)
		switch {
		case err == nil && seq >= s.head, errors.Is(err, ErrNotProvisioned):
			delete(suspects, t)
		case err == nil && seq > s.at:
			s.at = seq
			suspects[t] = s
		default:
			p.behind(ctx, t, s.head)
			delete(suspects, t)
		}
	}
}

// settled reports whether a target needs nobody to look at it: because it is known
// to be at seq, or is parked.
func (p *Projector) settled(t target, seq int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, parked := p.parked[t]
	return parked || p.known[t] >= seq
}

// checkpoint reads how far a target is.
func (p *Projector) checkpoint(ctx context.Context, t target) (seq int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, firstRetryLimit)
	defer cancel()
	conn, release, err := p.connection(ctx, t)
	if err != nil {
		return 0, err
	}
	defer release()
	return readCheckpoint(ctx, conn, t.ledger, t.reads())
}

// platformCheckpoints reads how far the main database is with ledgers.
func (p *Projector) platformCheckpoints(ctx context.Context, heads []Head) (map[uuid.UUID]int64, error) {
	ledgers := make([]uuid.UUID, len(heads))
	for i, h := range heads {
		ledgers[i] = h.Ledger
	}
	rows, err := p.cfg.Pools.Platform().Query(ctx, `
		select ledger_id, min(seq) from checkpoints where ledger_id = any($1) group by ledger_id`, ledgers)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	at := make(map[uuid.UUID]int64, len(heads))
	var ledger uuid.UUID
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&ledger, &seq}, func() error {
		at[ledger] = seq
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return at, nil
}
