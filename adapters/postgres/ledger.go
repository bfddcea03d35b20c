package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/command"
)

// ErrClosed says that the ledger takes no more appends.
var ErrClosed = errors.New("the ledger is closed")

// Options tune a [Ledger]. The zero value of each field stands for its default.
type Options struct {
	// Writers is the number of transactions that may be under way at once, and
	// of connections that appends use; 2 by default.
	Writers int

	// MaxBatch is the most commands in one transaction; 512 by default.
	MaxBatch int

	// Timeout bounds one transaction, connecting included; 10 s by default.
	Timeout time.Duration

	// OnAppend, when set, is told after each commit how far a ledger has come.
	// It is called by a writer, so it must not block.
	OnAppend func(ledger uuid.UUID, seq int64)
}

func (o *Options) setDefaults() {
	if o.Writers <= 0 {
		o.Writers = 2
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 512
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.OnAppend == nil {
		o.OnAppend = func(uuid.UUID, int64) {}
	}
}

// Ledger keeps all ledgers of one database. It is safe for concurrent use, and
// any number of processes may each have one over the same database.
type Ledger struct {
	pool   *pgxpool.Pool
	queue  *queue
	closed chan struct{} // closed: all writers are gone
}

// New starts a ledger's writers. Reads use connections of the pool; each writer
// takes one out of it, on its first append. The caller closes the pool after the
// ledger.
func New(pool *pgxpool.Pool, options Options) *Ledger {
	options.setDefaults()
	l := &Ledger{pool: pool, queue: newQueue(options.MaxBatch), closed: make(chan struct{})}
	memory := newMemory()
	var writers sync.WaitGroup
	for range options.Writers {
		w := &writer{queue: l.queue, memory: memory, pool: pool, options: options}
		writers.Go(w.run)
	}
	go func() {
		writers.Wait()
		close(l.closed)
	}()
	return l
}

// Close refuses further appends, finishes those that wait, and returns when the
// writers are gone.
func (l *Ledger) Close() {
	l.queue.close()
	<-l.closed
}

// Append implements command.Ledger. While the queue is full it blocks. When ctx
// ends first, Append returns its error, and the command may have been committed,
// may be yet, or may never be. Further errors are command.ErrUncertain, [ErrClosed]
// and those of the connection.
func (l *Ledger) Append(ctx context.Context, a command.Append) (command.Receipt, error) {
	e, err := newEntry(a)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("append to ledger %s: %w", a.Ledger, err)
	}
	if err := l.queue.put(ctx, e); err != nil {
		return command.Receipt{}, fmt.Errorf("append to ledger %s: %w", a.Ledger, err)
	}
	r, err := l.await(ctx, e)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("append to ledger %s: %w", a.Ledger, err)
	}
	return r, nil
}

// await returns e's reply. What the queue took is always answered.
func (l *Ledger) await(ctx context.Context, e *entry) (command.Receipt, error) {
	select {
	case r := <-e.reply:
		return r.receipt, r.err
	case <-ctx.Done():
		e.gone.Store(true)
		return command.Receipt{}, ctx.Err()
	}
}
