package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cartulary/cartulary/command"
)

// attempt appends to the ledgers that nobody else seems to write to, in one round
// trip: everything is decided on how they were left and on versions being as
// expected, and the statement checks both. Those that pass are answered and leave
// the batch; the rest is as if nothing had been tried. An error says that nothing
// further can be done for the batch.
func (w *writer) attempt() error {
	b := &w.batch
	if !b.recallable() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Timeout)
	defer cancel()
	if w.session == nil {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	b.assuming = true
	clear(b.versions)
	clear(b.known)
	b.decide(time.Now())
	if b.headLedger.n == 0 {
		b.shut()
		return nil
	}
	w.requests = append(w.requests[:0], b.attempt())
	err := w.session.roundTrip(ctx, w.requests)
	var refused *pgconn.PgError
	switch {
	case err == nil:
	case errors.As(err, &refused) && refused.Severity == "ERROR": // nothing was committed
		b.undo()
	default:
		if err := w.fence(fmt.Errorf("write: %w", err)); err != nil {
			return err
		}
	}
	w.finish()
	b.narrow()
	return nil
}

// recallable opens the books of the ledgers that can be written to as they were
// left, and says whether there are any.
func (b *batch) recallable() bool {
	some := false
	for _, k := range b.books {
		if k.past != nil && k.past.alone {
			k.reopen()
			some = true
		}
	}
	return some
}

// assume notes a version that the transaction is to check.
func (b *batch) assume(at address, version int64) {
	b.assumedLedger.uuid(at.ledger)
	b.assumedStream.uuid(at.id)
	b.assumedVersion.int64(version)
}

// attempt is the one statement of a transaction that was decided on assumptions.
// It marks the books that it appended to.
func (b *batch) attempt() request {
	r := request{
		statement: stmtAppend, row: b.readMoved,
		params: [][]byte{
			b.headLedger.value(), b.headBefore.value(), b.headAtBefore.value(),
			b.headSeq.value(), b.headAt.value(), b.headRange.value(),
			b.assumedLedger.value(), b.assumedStream.value(), b.assumedVersion.value(),
			b.eventLedger.value(), b.eventSeq.value(), b.eventStream.value(), b.eventVersion.value(),
			b.eventID.value(), b.eventType.value(), b.eventAt.value(), b.eventTrace.value(), b.eventBody.value(),
		},
	}
	if b.commandLedger.n > 0 {
		r.statement = stmtAppendKeyed
		r.params = append(r.params, b.commandLedger.value(), b.commandID.value(), b.commandPrint.value(),
			b.commandLastSeq.value(), b.commandAt.value(), b.commandOutcome.value())
	}
	return r
}

func (b *batch) readMoved(columns [][]byte) error {
	b.byID[uuid.UUID(columns[0])].done = true
	return nil
}

// undo takes back what readMoved did.
func (b *batch) undo() {
	for _, k := range b.books {
		k.done = false
	}
}

// finish answers the entries of the books that are done.
func (w *writer) finish() {
	var done []*book
	for _, k := range w.batch.books {
		if k.done {
			done = append(done, k)
			w.options.OnAppend(k.id, k.seq)
		}
	}
	w.memory.keep(done)
	for i, e := range w.batch.entries {
		if w.batch.byID[e.append.Ledger].done {
			e.reply <- w.batch.replies[i]
		}
	}
}

// narrow leaves what is not done, as if it had not been tried.
func (b *batch) narrow() {
	left := 0
	for _, e := range b.entries {
		if !b.byID[e.append.Ledger].done {
			b.entries[left] = e
			left++
		}
	}
	clear(b.entries[left:])
	b.entries, b.replies = b.entries[:left], b.replies[:left]
	clear(b.replies)
	open := b.books[:0]
	for _, k := range b.books {
		if !k.done {
			open = append(open, k)
		}
	}
	clear(b.books[len(open):])
	b.books = open
	b.shut()
}

// shut closes books that were opened on what is remembered.
func (b *batch) shut() {
	for _, k := range b.books {
		k.tree = nil
	}
}

// fence finds out what became of an attempt whose answer was lost, and marks the
// books that it appended to. The statement may not have begun on the server yet:
// fence moves the heads' times on, so that it can't append any more. It fails with
// command.ErrUncertain if there is no telling in time.
func (w *writer) fence(cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Timeout)
	defer cancel()
	pause := firstPause
	for {
		w.batch.undo()
		if err := w.fenceOnce(ctx); err == nil {
			return nil
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
			w.batch.undo()
			return fmt.Errorf("%w: %w", command.ErrUncertain, cause)
		}
	}
}

func (w *writer) fenceOnce(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	b := &w.batch
	heads := [][]byte{b.headLedger.value()}
	return w.session.roundTrip(ctx, []request{
		{statement: stmtBegin},
		{statement: stmtLockHeads, params: heads},
		{statement: stmtEventsThere, row: b.readMoved, params: [][]byte{
			b.headLedger.value(), b.headBefore.value(), b.headFirst.value(),
		}},
		{statement: stmtFence, params: heads},
		{statement: stmtCommit},
	})
}
