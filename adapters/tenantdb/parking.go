package tenantdb

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Parked says that one database gets no events of one ledger for the time being.
type Parked struct {
	Ledger   uuid.UUID
	Database string // [PlatformDatabase], or the name of the tenant's own
	Reason   Reason
	Seq      int64 // the event that is poison; else the last one that was held back
	Since    time.Time
}

// parking is what is known of a parked target.
type parking struct {
	reason   Reason
	since    time.Time
	heldBack int64 // the last event that did not go to the target
	poison   int64 // the event that is poison; 0 if there is none, or it is not known
	attempts int   // in vain, for the same reason
	size     int   // events in the next transaction
	next     time.Time
	running  bool
	alarmed  bool // that it waits for too long
}

// Parked returns what is parked, ledger by ledger.
func (p *Projector) Parked() []Parked {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Parked, 0, len(p.parked))
	for t, e := range p.parked {
		seq := e.heldBack
		if e.poison > 0 {
			seq = e.poison
		}
		list = append(list, Parked{Ledger: t.ledger, Database: t.database(), Reason: e.reason, Seq: seq, Since: e.since})
	}
	slices.SortFunc(list, func(a, b Parked) int {
		return slices.Compare(append(a.Ledger[:], a.Database...), append(b.Ledger[:], b.Database...))
	})
	return list
}

func (p *Projector) newParking(reason Reason, heldBack int64) *parking {
	now := time.Now()
	return &parking{reason: reason, since: now, heldBack: heldBack, size: p.cfg.MaxBatch, next: now}
}

// park has a target brought up from the ledger from now on, because of f. What
// the reason is is logged once, and again when it changes. Whether an event is
// poison is for the ledger's own copy of it to show, which is tried at once.
func (p *Projector) park(ctx context.Context, t target, f failure, s *stretch) {
	p.mu.Lock()
	e, ok := p.parked[t]
	if !ok {
		e = p.newParking(f.reason, s.to)
		p.parked[t] = e
	}
	e.heldBack = max(e.heldBack, s.to)
	if !ok && f.reason != ReasonPoison {
		e.wait(f.reason)
	}
	p.mu.Unlock()
	p.nudge()
	if !ok && f.reason != ReasonPoison {
		p.log(ctx, t, f, "read models parked")
	}
}

// waitsTooLong is how long a row of another ledger may take to come.
const waitsTooLong = time.Minute

// overdue reports, once, that a target waits for longer than anything takes to come.
func (e *parking) overdue() bool {
	if e.reason != ReasonWaiting || e.alarmed || time.Since(e.since) < waitsTooLong {
		return false
	}
	e.alarmed = true
	return true
}

// wait notes an attempt in vain and says when to try again.
func (e *parking) wait(reason Reason) {
	if e.reason != reason {
		e.reason, e.attempts = reason, 0
	}
	pause := min(reason.firstPause()<<min(e.attempts, 16), longestPause)
	e.attempts++
	e.next = time.Now().Add(pause*3/4 + rand.N(pause/2+1)) //nolint:gosec // jitter is no secret
}

// dropped reports whether a target is parked, and so gets no stretch. The news
// that its database is there makes it try at once.
func (p *Projector) dropped(t target, s *stretch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.parked[t]
	if !ok {
		return false
	}
	e.heldBack = max(e.heldBack, s.to)
	if e.reason == ReasonNotProvisioned && s.holds(events.TypeTenantProvisioned) {
		e.next, e.attempts = time.Now(), 0
		p.nudge()
	}
	return true
}

// nudge has [Projector.Run] look at what is parked.
func (p *Projector) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Projector) log(ctx context.Context, t target, f failure, message string) {
	level := slog.LevelWarn
	switch f.reason {
	case ReasonPoison:
		level = slog.LevelError
	case ReasonNotProvisioned, ReasonWaiting, ReasonBehind:
		level = slog.LevelDebug
	case ReasonUnavailable:
	}
	p.cfg.Logger.LogAttrs(ctx, level, message, t.attrs( //nolint:sloglint // one of a few fixed messages
		slog.String("reason", string(f.reason)), slog.Int64("event", f.seq), slog.Any("error", f.err))...)
}
