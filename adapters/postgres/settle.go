package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// Pauses between attempts to reach a server that has gone away.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// witness is a row that is there if, and only if, its transaction was committed.
type witness struct {
	ledger  uuid.UUID
	seq     int64     // of the event, or 0 for a command
	id      uuid.UUID // of the event or command
	command time.Time // of the command
}

// settle finds out what became of a transaction whose commit was cut off: nil if
// it was committed, cause if it was not, command.ErrUncertain if there is no
// telling in time.
func (w *writer) settle(cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Timeout)
	defer cancel()
	pause := firstPause
	for {
		committed, err := w.ask(ctx)
		switch {
		case err == nil && committed:
			return nil
		case err == nil:
			return cause
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", command.ErrUncertain, cause)
		}
	}
}

// ask looks for the batch's witness. It locks the witness's head first: for as
// long as the server is busy with the lost transaction, it holds that lock.
func (w *writer) ask(ctx context.Context) (bool, error) {
	if err := w.connect(ctx); err != nil {
		return false, err
	}
	row := w.batch.witness
	w.batch.ids.reset(oidUUID)
	w.batch.ids.uuid(row.ledger)
	there := false
	look := request{
		statement: stmtEventThere,
		params:    [][]byte{row.ledger[:], int64Bytes(row.seq), row.id[:]},
	}
	if row.seq == 0 {
		look = request{
			statement: stmtCommandThere,
			params:    [][]byte{row.ledger[:], row.id[:], int64Bytes(row.command.UnixMicro() - postgresEpoch)},
		}
	}
	look.row = func([][]byte) error {
		there = true
		return nil
	}
	err := w.session.roundTrip(ctx, []request{
		{statement: stmtBegin},
		{statement: stmtLockHeads, params: [][]byte{w.batch.ids.value()}},
		look,
		{statement: stmtRollback},
	})
	return there, err
}

func int64Bytes(v int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(v)) //nolint:gosec // two's complement is the wire format
}
