package command

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// maxRetries is how often a command starts over when a stream it decided on
// moved in the meantime.
const maxRetries = 3

// PersonKeys holds the keys of personal data.
type PersonKeys interface {
	// Create returns the person's key, which it makes if there is none.
	Create(ctx context.Context, person uuid.UUID) (events.Key, error)
	// Keys returns the keys of those persons who have one.
	Keys(ctx context.Context, persons ...uuid.UUID) (events.Keys, error)
}

// App is every use case of the write side:
//
//	users      RegisterUser  ChangeProfile  RecordLogin  RecordLogout
//	tenants    CreateTenant  MarkProvisioned  ChangeTenant  DeleteTenant
//	members    AddMember  ChangeRole  RemoveMember
//	documents  UploadDocument  RenameDocument  DeleteDocument
//	files      StoreFile  FailFile
type App struct {
	ledger   Ledger
	keys     PersonKeys
	emailKey []byte
	locks    keyedMutex
}

// NewApp returns the write side over a ledger. emailKey keys the ids of e-mail
// claims and must never change.
func NewApp(ledger Ledger, keys PersonKeys, emailKey []byte) *App {
	return &App{ledger: ledger, keys: keys, emailKey: emailKey}
}

// Result is what a use case ends with: the thing it made or changed, and where
// in which ledger that stands.
type Result[T any] struct {
	Value T
	Receipt
}

// history is what a use case decides on: the events of the streams it loaded.
type history map[uuid.UUID][]events.Recorded

// decision is what a use case decided: the changes, and how their outcome is
// described once the time is known at which the ledger took them.
type decision[T any] struct {
	changes []Change
	outcome func(at time.Time) T
}

// perform runs one use case on one ledger: load, decide, append; again from the
// start when someone else was faster. A keyed command that was done before gets
// the first outcome.
func perform[T any](
	ctx context.Context, app *App, ledger uuid.UUID, meta Meta, streams []events.Stream,
	decide func(history) (decision[T], error),
) (Result[T], error) {
	if meta.Keyed {
		receipt, found, err := app.ledger.Find(ctx, ledger, meta.ID, meta.Fingerprint)
		if err != nil {
			return Result[T]{}, err
		}
		if found {
			return replayed[T](receipt)
		}
	}
	ids := make([]uuid.UUID, len(streams))
	for i, s := range streams {
		ids[i] = s.ID
	}
	result, err := attempt(ctx, app, ledger, meta, ids, decide)
	for retry := 1; retry <= maxRetries && errors.Is(err, ErrConflict); retry++ {
		result, err = attemptAlone(ctx, app, ledger, meta, ids, decide)
	}
	return result, err
}

// attemptAlone makes an attempt while no other retry in this process works on
// the same streams, so that a crowd on one stream queues instead of colliding.
func attemptAlone[T any](
	ctx context.Context, app *App, ledger uuid.UUID, meta Meta, ids []uuid.UUID,
	decide func(history) (decision[T], error),
) (Result[T], error) {
	unlock, err := app.locks.lock(ctx, ids)
	if err != nil {
		return Result[T]{}, err
	}
	defer unlock()
	if err := pause(ctx, rand.N(2*time.Millisecond)); err != nil { //nolint:gosec // spreads retries, guards nothing
		return Result[T]{}, err
	}
	return attempt(ctx, app, ledger, meta, ids, decide)
}

func attempt[T any](
	ctx context.Context, app *App, ledger uuid.UUID, meta Meta, ids []uuid.UUID,
	decide func(history) (decision[T], error),
) (Result[T], error) {
	loaded, err := app.ledger.Load(ctx, ledger, ids...)
	if err != nil {
		return Result[T]{}, err
	}
	h := history(loaded)
	d, err := decide(h)
	if err != nil {
		return Result[T]{}, err
	}
	changes := d.changes[:0:0]
	for _, c := range d.changes {
		if len(c.Events) > 0 {
			c.Expected = int64(len(h[c.Stream.ID]))
			changes = append(changes, c)
		}
	}
	var value T
	receipt, err := app.ledger.Append(ctx, Append{
		Ledger: ledger, Meta: meta, Changes: changes,
		Outcome: func(r Receipt) []byte { return encodeOutcome(d.outcome(r.At)) },
	})
	switch {
	case err != nil:
		return Result[T]{}, err
	case receipt.Replayed:
		return replayed[T](receipt)
	}
	value = d.outcome(receipt.At)
	return Result[T]{Value: value, Receipt: receipt}, nil
}

// encodeOutcome returns nothing for what can't be encoded; a retry then fails with
// the error of [replayed] instead of being answered wrongly.
func encodeOutcome(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func replayed[T any](receipt Receipt) (Result[T], error) {
	var value T
	if err := json.Unmarshal(receipt.Outcome, &value); err != nil {
		return Result[T]{}, fmt.Errorf("read the outcome of an earlier command: %w", err)
	}
	return Result[T]{Value: value, Receipt: receipt}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// change returns the change that adds events to a stream.
func change[E events.Event](stream events.Stream, added []E) Change {
	c := Change{Stream: stream, Events: make([]events.Event, len(added))}
	for i, e := range added {
		c.Events[i] = e
	}
	return c
}

// fold applies a stream's events to its empty state.
func fold[S any](h history, stream events.Stream, evolve func(S, events.Recorded) S) S {
	var state S
	for _, r := range h[stream.ID] {
		state = evolve(state, r)
	}
	return state
}

// nothing is the outcome of a use case that has nothing to tell.
type nothing struct{}

func quiet(changes ...Change) decision[nothing] {
	return decision[nothing]{changes: changes, outcome: func(time.Time) nothing { return nothing{} }}
}
