package command

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
//	users      RegisterUser  ChangeProfile  EraseUser
//	sessions   RecordLogin  RecordLoginFailure  RecordLogout  RecordLogoutEverywhere  RecordPasswordChange  RecordTokenReuse
//	tenants    CreateTenant  MarkProvisioned  ChangeTenant  DeleteTenant  MarkPurged
//	members    AddMember  ChangeRole  RemoveMember  LeaveTenant  ReturnToTenant
//	documents  UploadDocument  UploadAtOnce  ChangeDocument  DeleteDocument
//	files      StoreFile  FailFile  RetryFile  DeleteFile
//	holds      PlaceHold  ReleaseHold
//	access     GrantDownload  RecordRefusal  RecordExport  RecordOperation
type App struct {
	ledger   Ledger
	keys     PersonKeys
	emailKey []byte
	locks    keyedMutex
	memory   memory
}

// NewApp returns the write side over a ledger. emailKey keys the ids of e-mail
// claims and must never change.
func NewApp(ledger Ledger, keys PersonKeys, emailKey []byte) *App {
	return &App{ledger: ledger, keys: keys, emailKey: emailKey, memory: newMemory()}
}

// Result is what a use case ends with: the thing it made or changed, and where
// in which ledger that stands.
type Result[T any] struct {
	Value T
	Receipt
}

// decision is what a use case decided: the changes, and how their outcome is
// described once the time is known at which the ledger took them.
type decision[T any] struct {
	changes []Change
	since   int64 // the version from which the thing has looked as it does; 0 for the latest
	outcome func(at time.Time) T
}

// useCase is one use case on one ledger.
type useCase[T any] struct {
	app     *App
	ledger  uuid.UUID
	meta    Meta
	origin  *events.Sealed  // of meta
	streams []events.Stream // that it decides on; first, that of the thing it is about
	decide  func(*history) (decision[T], error)
}

// perform runs a use case: load, decide, append; again from the start when someone
// else was faster, be it on a stream that was only read. A keyed command that was done before gets the first outcome.
func perform[T any](
	ctx context.Context, app *App, ledger uuid.UUID, meta Meta, streams []events.Stream,
	decide func(*history) (decision[T], error),
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
	origin, err := app.sealOrigin(ctx, meta)
	if err != nil {
		return Result[T]{}, err
	}
	u := useCase[T]{app: app, ledger: ledger, meta: meta, origin: origin, streams: streams, decide: decide}
	result, err := u.attempt(ctx)
	for retry := 1; retry <= maxRetries && errors.Is(err, ErrConflict); retry++ {
		result, err = u.attemptAlone(ctx)
	}
	return result, err
}

// Recorded returns the receipt of a keyed command that was recorded before.
func (a *App) Recorded(ctx context.Context, ledger uuid.UUID, meta Meta) (Receipt, bool, error) {
	return a.ledger.Find(ctx, ledger, meta.ID, meta.Fingerprint)
}

// attemptAlone makes an attempt while no other retry in this process works on
// the same streams, so that a crowd on one stream queues instead of colliding.
func (u useCase[T]) attemptAlone(ctx context.Context) (Result[T], error) {
	unlock, err := u.app.locks.lock(ctx, u.streams)
	if err != nil {
		return Result[T]{}, err
	}
	defer unlock()
	if err := pause(ctx, rand.N(2*time.Millisecond)); err != nil { //nolint:gosec // spreads retries, guards nothing
		return Result[T]{}, err
	}
	return u.attempt(ctx)
}

// attempt decides on what is remembered, if the ledger will check all of it; else
// on what the ledger holds.
func (u useCase[T]) attempt(ctx context.Context) (Result[T], error) {
	if known := u.app.memory.recall(u.ledger, u.streams); len(known) > 0 {
		h, err := u.load(ctx, known)
		if err != nil {
			return Result[T]{}, err
		}
		d, err := u.decided(h)
		if changes := d.expecting(h, u.streams); err == nil && !h.unchecked(changes) {
			return u.append(ctx, h, d, changes)
		}
	}
	h, err := u.load(ctx, nil)
	if err != nil {
		return Result[T]{}, err
	}
	d, err := u.decided(h)
	if err != nil {
		return Result[T]{}, err
	}
	return u.append(ctx, h, d, d.expecting(h, u.streams))
}

// decided decides on h. That what the command changes is at another version than
// it matches is said only of commands that could be done else (RFC 9110 §13.2.1).
func (u useCase[T]) decided(h *history) (decision[T], error) {
	d, err := u.decide(h)
	if m := u.meta.IfMatch; err == nil && m != nil {
		latest := h.version(u.streams[0])
		if d.since == 0 {
			d.since = latest
		}
		if !m.admits(d.since, latest) {
			err = ErrPrecondition
		}
	}
	return d, err
}

// load returns the history of the use case's streams, of which some are known.
func (u useCase[T]) load(ctx context.Context, known map[uuid.UUID]snapshot) (*history, error) {
	missing := make([]uuid.UUID, 0, len(u.streams))
	for _, s := range u.streams {
		if _, ok := known[s.ID]; !ok {
			missing = append(missing, s.ID)
		}
	}
	var past map[uuid.UUID][]events.Recorded
	if len(missing) > 0 {
		var err error
		if past, err = u.app.ledger.Load(ctx, u.ledger, missing...); err != nil {
			return nil, err
		}
	}
	h := loaded(past)
	h.known = known
	return h, nil
}

// append records what was decided on h.
func (u useCase[T]) append(ctx context.Context, h *history, d decision[T], changes []Change) (Result[T], error) {
	receipt, err := u.app.ledger.Append(ctx, Append{
		Ledger: u.ledger, Meta: u.meta, Changes: changes, Origin: u.origin,
		Outcome: func(r Receipt) []byte { return encodeOutcome(d.outcome(r.At)) },
	})
	if err != nil {
		u.app.memory.forget(u.ledger, u.streams)
		return Result[T]{}, err
	}
	if receipt.Replayed {
		return replayed[T](receipt)
	}
	u.app.memory.remember(u.ledger, h, u.meta, changes, receipt)
	return Result[T]{Value: d.outcome(receipt.At), Receipt: receipt}, nil
}

// expecting returns the changes that add anything, each at its stream's version; and,
// if there are any, changes that only check the streams which were decided on and
// stay as they are. A command that adds nothing stands for itself: it expects nothing.
func (d decision[T]) expecting(h *history, streams []events.Stream) []Change {
	changes := make([]Change, 0, max(len(d.changes), len(streams)))
	for _, c := range d.changes {
		if len(c.Events) > 0 {
			c.Expected = h.version(c.Stream)
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return changes
	}
	for _, s := range streams {
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.Stream.ID == s.ID }) {
			changes = append(changes, Change{Stream: s, Expected: h.version(s)})
		}
	}
	return changes
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

// nothing is the outcome of a use case that has nothing to tell.
type nothing struct{}

func quiet(changes ...Change) decision[nothing] {
	return decision[nothing]{changes: changes, outcome: func(time.Time) nothing { return nothing{} }}
}
