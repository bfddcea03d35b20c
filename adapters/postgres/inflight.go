package postgres

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// inFlightPatience bounds how long a request waits to be known to others.
	inFlightPatience = 250 * time.Millisecond

	// inFlightBatch bounds how many requests are made known in one round trip.
	inFlightBatch = 256
)

// InFlight knows which requests are under way, in all processes on one database:
// each holds an advisory lock, all those of a process on one connection that serves
// for nothing else.
//
// What ends with the connection needs no clearing up: the requests of a process that
// died are under way no longer, nor are, after ten seconds, those of one that is
// frozen or cut off. While the database can't be asked, a process knows of its own
// requests alone. So this is good manners, and no guarantee: that a command is done
// once is the ledger's business.
type InFlight struct {
	pool *pgxpool.Pool // whose settings the connection is made with
	asks chan ask
	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	held     map[uuid.UUID]struct{} // of this process
	released []int64                // locks that are to be given back
	wake     chan struct{}          // there are some
}

// ask asks for a lock.
type ask struct {
	lock  int64
	reply chan<- bool
}

// NewInFlight returns what knows of requests. [InFlight.Close] must follow.
func NewInFlight(pool *pgxpool.Pool) *InFlight {
	ctx, stop := context.WithCancel(context.Background())
	f := &InFlight{
		pool: pool, asks: make(chan ask), stop: stop, done: make(chan struct{}),
		held: make(map[uuid.UUID]struct{}), wake: make(chan struct{}, 1),
	}
	go f.run(ctx)
	return f
}

// Close gives everything back and ends the connection.
func (f *InFlight) Close() {
	f.stop()
	<-f.done
}

// Begin notes that a request is under way, until end is called. It returns false,
// and no end, if one with the same id is.
func (f *InFlight) Begin(ctx context.Context, id uuid.UUID) (end func(), free bool) {
	f.mu.Lock()
	_, taken := f.held[id]
	if !taken {
		f.held[id] = struct{}{}
	}
	f.mu.Unlock()
	if taken {
		return nil, false
	}
	lock := int64(binary.BigEndian.Uint64(id[:8])) //nolint:gosec // any 64 bits will do
	if !f.lock(ctx, lock) {
		f.mu.Lock()
		delete(f.held, id)
		f.mu.Unlock()
		return nil, false
	}
	return func() { f.end(id, lock) }, true
}

// lock reports whether nobody else holds a lock, as far as can be known.
func (f *InFlight) lock(ctx context.Context, lock int64) bool {
	ctx, cancel := context.WithTimeout(ctx, inFlightPatience)
	defer cancel()
	reply := make(chan bool, 1)
	select {
	case f.asks <- ask{lock, reply}:
	case <-ctx.Done():
		return true
	case <-f.done:
		return true
	}
	select {
	case free := <-reply:
		return free
	case <-ctx.Done():
		return true
	}
}

func (f *InFlight) end(id uuid.UUID, lock int64) {
	f.mu.Lock()
	delete(f.held, id)
	f.released = append(f.released, lock)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
