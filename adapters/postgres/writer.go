package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxBatchBytes bounds what one transaction carries, unless a single command is
// larger.
const maxBatchBytes = 8 << 20

// writer turns waiting entries into transactions, one at a time.
type writer struct {
	queue    *queue
	memory   *memory
	pool     *pgxpool.Pool
	options  Options
	session  *session // nil until needed, and after it broke
	batch    batch
	requests []request
}

// run serves the queue until it is closed and empty.
func (w *writer) run() {
	defer func() {
		if w.session != nil {
			w.session.close(context.Background())
		}
	}()
	for {
		w.batch.reset()
		if !w.queue.take(&w.batch, w.options.MaxBatch) {
			return
		}
		w.serve()
		w.queue.release(w.batch.lanes)
	}
}

// serve commits the batch and answers everyone in it.
func (w *writer) serve() {
	if len(w.batch.entries) == 0 {
		return // whoever asked has gone
	}
	w.batch.sort()
	w.memory.recall(w.batch.books)
	err := w.attempt()
	if err == nil && len(w.batch.entries) > 0 {
		err = w.commit()
	}
	if err == nil {
		w.memory.keep(w.batch.books)
		for _, b := range w.batch.books {
			if b.grown() {
				w.options.OnAppend(b.id, b.seq)
			}
		}
	}
	for i, e := range w.batch.entries {
		r := w.batch.replies[i]
		if err != nil {
			r = reply{err: err}
		}
		e.reply <- r
	}
	if err != nil && w.session != nil {
		w.session.close(context.Background()) // whatever state it is in
		w.session = nil
	}
}

func (w *writer) commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Timeout)
	defer cancel()
	if err := w.lock(ctx); err != nil {
		return fmt.Errorf("lock heads: %w", err)
	}
	w.batch.decide(time.Now())
	if w.batch.empty() {
		return w.roundTrip(ctx, request{statement: stmtRollback})
	}
	w.requests = w.batch.writes(w.requests[:0])
	err := w.session.roundTrip(ctx, w.requests)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRolledBack), errors.As(err, &refused) && refused.Severity == "ERROR":
		return fmt.Errorf("write: %w", err) // the server said no: nothing was committed
	default:
		return w.settle(fmt.Errorf("write: %w", err))
	}
}

// lock begins the transaction, locks the heads and looks up what the decisions
// stand on. A connection that broke while nothing was under way is replaced.
func (w *writer) lock(ctx context.Context) error {
	fresh := w.session == nil
	if fresh {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	w.requests = w.batch.lookups(w.requests[:0])
	err := w.session.roundTrip(ctx, w.requests)
	if err != nil && !fresh && w.session.broken() && ctx.Err() == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
		w.requests = w.batch.lookups(w.requests[:0])
		err = w.session.roundTrip(ctx, w.requests)
	}
	if err != nil || !w.batch.missing() {
		return err
	}
	// New ledgers: start over with their heads in place. Heads are created before
	// any is locked, so that two writers can't wait for each other.
	w.requests = w.batch.creation(w.requests[:0])
	if err := w.session.roundTrip(ctx, w.requests); err != nil {
		return err
	}
	if w.batch.missing() {
		return errors.New("a head that was created is not there")
	}
	return nil
}

func (w *writer) connect(ctx context.Context) error {
	if w.session != nil {
		w.session.close(ctx)
		w.session = nil
	}
	s, err := openSession(ctx, w.pool)
	if err != nil {
		return err
	}
	w.session = s
	return nil
}

func (w *writer) roundTrip(ctx context.Context, r request) error {
	w.requests = append(w.requests[:0], r)
	return w.session.roundTrip(ctx, w.requests)
}
