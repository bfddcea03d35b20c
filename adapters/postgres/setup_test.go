package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// openPool returns a pool over a database, closed when the test ends.
func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// setup returns a ledger over a fresh database.
func setup(t *testing.T, options postgres.Options) (*postgres.Ledger, *pgxpool.Pool) {
	t.Helper()
	pool := openPool(t, pgtest.Platform(t))
	return openLedger(t, pool, options), pool
}

// openLedger returns one more ledger over a pool, closed when the test ends.
func openLedger(t *testing.T, pool *pgxpool.Pool, options postgres.Options) *postgres.Ledger {
	t.Helper()
	l := postgres.New(pool, options)
	t.Cleanup(l.Close)
	return l
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func document() events.Stream { return events.Stream{Kind: events.KindDocument, ID: newID()} }

// rename returns a command that adds n events to a stream.
func rename(ledger uuid.UUID, s events.Stream, expected int64, n int) command.Append {
	change := command.Change{Stream: s, Expected: expected}
	for i := range n {
		change.Events = append(change.Events, events.DocumentRenamed{Filename: fmt.Sprintf("%d.pdf", i)})
	}
	return command.Append{
		Ledger: ledger, Meta: command.Meta{ID: newID(), Actor: newID()}, Changes: []command.Change{change},
	}
}

func mustAppend(t *testing.T, l command.Ledger, a command.Append) command.Receipt {
	t.Helper()
	r, err := l.Append(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scan returns the one value that a query selects.
func scan[T any](t *testing.T, pool *pgxpool.Pool, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// processes spreads calls over several ledgers, as several processes would.
type processes struct {
	ledgers []*postgres.Ledger
	calls   atomic.Int64
}

func (p *processes) next() *postgres.Ledger {
	return p.ledgers[int(p.calls.Add(1))%len(p.ledgers)]
}

func (p *processes) Load(
	ctx context.Context, ledger uuid.UUID, streams ...uuid.UUID,
) (map[uuid.UUID][]events.Recorded, error) {
	return p.next().Load(ctx, ledger, streams...)
}

func (p *processes) Append(ctx context.Context, a command.Append) (command.Receipt, error) {
	return p.next().Append(ctx, a)
}

func (p *processes) Find(
	ctx context.Context, ledger, id uuid.UUID, fingerprint [32]byte,
) (command.Receipt, bool, error) {
	return p.next().Find(ctx, ledger, id, fingerprint)
}
