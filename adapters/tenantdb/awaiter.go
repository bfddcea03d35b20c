package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/projections"
)

// How often checkpoints are read while somebody waits and no hint comes.
const (
	pollFirst   = 20 * time.Millisecond
	pollMost    = 50 * time.Millisecond
	pollFailed  = 250 * time.Millisecond // after a database could not be read, or is not there yet
	pollTimeout = 2 * time.Second        // for one reading
)

// ErrUnknownDatabase says that a database holds nothing of a ledger.
var ErrUnknownDatabase = errors.New("the database holds nothing of the ledger")

// Awaiter lets callers wait until read models hold what they wrote. Hints tell it
// how far read models are; while somebody waits it also reads the checkpoints, so
// that a lost hint costs no more than 50 ms.
type Awaiter struct {
	pools *Pools
	stop  context.CancelFunc
	base  context.Context //nolint:containedctx // of all readings, which outlive the callers that wait for them
	polls sync.WaitGroup

	mu    sync.Mutex
	known progress
	waits map[target]*wait
}

// wait is who waits for one target.
type wait struct {
	waiters map[*awaited]struct{}
	over    chan struct{} // closed when nobody waits any more
}

// awaited is what one caller waits for.
type awaited struct {
	seq     int64
	reached chan struct{} // closed when the target is there
}

// NewAwaiter returns an awaiter, which [Awaiter.Close] ends.
func NewAwaiter(pools *Pools) *Awaiter {
	ctx, stop := context.WithCancel(context.Background())
	return &Awaiter{
		pools: pools, stop: stop, base: ctx,
		known: newProgress(), waits: make(map[target]*wait),
	}
}

// Close ends all readings of checkpoints.
func (a *Awaiter) Close() {
	a.mu.Lock() // nobody begins to read meanwhile
	a.stop()
	a.mu.Unlock()
	a.polls.Wait()
}

// Projected takes a hint: that a database holds all of a ledger up to an event.
func (a *Awaiter) Projected(p projections.Progress) {
	t, err := targetOf(p.Database, p.Ledger)
	if err != nil {
		return // of no database that anyone could wait for
	}
	a.reached(t, p.Seq)
}

// Await returns when all read models of a database ([PlatformDatabase], or the
// name of a tenant's own) hold a ledger up to and including an event. It fails
// with ctx, and with [ErrUnknownDatabase]. That a database can't be read is no
// failure as long as ctx lasts.
func (a *Awaiter) Await(ctx context.Context, database string, ledger uuid.UUID, seq int64) error {
	t, err := targetOf(database, ledger)
	if err != nil {
		return err
	}
	a.mu.Lock()
	if a.known.of(t) >= seq {
		a.mu.Unlock()
		return nil
	}
	w, mine := a.join(t, seq)
	a.mu.Unlock()
	select {
	case <-mine.reached:
		return nil
	case <-ctx.Done():
	}
	a.mu.Lock()
	a.leave(t, w, mine)
	a.mu.Unlock()
	return fmt.Errorf("wait for event %d of ledger %s in %s: %w", seq, ledger, database, ctx.Err())
}

// targetOf checks that a database can hold something of a ledger.
func targetOf(database string, ledger uuid.UUID) (target, error) {
	switch t := (target{ledger, onTenant}); {
	case database == PlatformDatabase:
		return target{ledger, onPlatform}, nil
	case database == t.database() && len(t.reads()) > 0:
		return t, nil
	default:
		return target{}, fmt.Errorf("%w: %s, %s", ErrUnknownDatabase, database, ledger)
	}
}

// join has a caller wait for a target; the first has its checkpoint read. The
// caller of join holds the mutex.
func (a *Awaiter) join(t target, seq int64) (*wait, *awaited) {
	w, ok := a.waits[t]
	if !ok {
		w = &wait{waiters: make(map[*awaited]struct{}, 1), over: make(chan struct{})}
		a.waits[t] = w
		if a.base.Err() == nil {
			a.polls.Go(func() { a.poll(a.base, t, w) })
		}
	}
	mine := &awaited{seq: seq, reached: make(chan struct{})}
	w.waiters[mine] = struct{}{}
	return w, mine
}

// leave ends one caller's waiting. The caller of leave holds the mutex.
func (a *Awaiter) leave(t target, w *wait, one *awaited) {
	if _, ok := w.waiters[one]; !ok {
		return
	}
	delete(w.waiters, one)
	if len(w.waiters) == 0 {
		delete(a.waits, t)
		close(w.over)
	}
}

// reached tells those who wait for it that a target is at seq.
func (a *Awaiter) reached(t target, seq int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known.learn(t, seq)
	w, ok := a.waits[t]
	if !ok {
		return
	}
	for one := range w.waiters {
		if one.seq <= seq {
			close(one.reached)
			a.leave(t, w, one)
		}
	}
}

// poll reads a target's checkpoint, ever less often, until nobody waits for it. A
// reading that is under way is not cut off for that: it would cost a connection.
func (a *Awaiter) poll(ctx context.Context, t target, w *wait) {
	pause := pollFirst
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-w.over:
			return
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		pause = min(2*pause, pollMost)
		seq, err := a.read(ctx, t)
		if err != nil {
			timer.Reset(pollFailed)
			continue
		}
		a.reached(t, seq)
		timer.Reset(pause)
	}
}

func (a *Awaiter) read(ctx context.Context, t target) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	if t.site == onPlatform {
		return readCheckpoint(ctx, a.pools.Platform(), t.ledger, t.reads())
	}
	conn, release, err := a.pools.Tenant(ctx, t.ledger)
	if err != nil {
		return 0, err
	}
	defer release()
	return readCheckpoint(ctx, conn, t.ledger, t.reads())
}
