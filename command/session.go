package command

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// RecordLogin records that a user started a session.
type RecordLogin struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Origin    events.Origin
}

// RecordLogin records the start of a session in the user's stream.
func (a *App) RecordLogin(ctx context.Context, meta Meta, c RecordLogin) (Receipt, error) {
	sealed, err := a.seal(ctx, c.UserID, c.Origin)
	if err != nil {
		return Receipt{}, err
	}
	return a.recordSession(ctx, meta, c.UserID, events.UserLoggedIn{SessionID: c.SessionID, Origin: sealed})
}

// RecordLogout names a user and the session that a record is about.
type RecordLogout struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
}

// RecordLogout records the end of a session in the user's stream.
func (a *App) RecordLogout(ctx context.Context, meta Meta, c RecordLogout) (Receipt, error) {
	return a.recordSession(ctx, meta, c.UserID, events.UserLoggedOut{SessionID: c.SessionID})
}

// RecordLogoutEverywhere records that a user ended all sessions, from one of them.
func (a *App) RecordLogoutEverywhere(ctx context.Context, meta Meta, c RecordLogout) (Receipt, error) {
	return a.recordSession(ctx, meta, c.UserID, events.UserLoggedOutEverywhere{SessionID: c.SessionID})
}

// RecordPasswordChange records that a user chose another password, in a session. A
// keyed one that was recorded before gives the first receipt, Replayed.
func (a *App) RecordPasswordChange(ctx context.Context, meta Meta, c RecordLogout) (Receipt, error) {
	return a.recordSession(ctx, meta, c.UserID, events.UserPasswordChanged{SessionID: c.SessionID})
}

// RecordTokenReuse says in which session a spent refresh token was brought again.
type RecordTokenReuse struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Origin    events.Origin
}

// RecordTokenReuse records that a spent refresh token ended its session. Nobody is its
// actor, since nobody knows who it was.
func (a *App) RecordTokenReuse(ctx context.Context, meta Meta, c RecordTokenReuse) (Receipt, error) {
	meta.Actor = uuid.Nil
	sealed, err := a.seal(ctx, c.UserID, c.Origin)
	if err != nil {
		return Receipt{}, err
	}
	return a.recordSession(ctx, meta, c.UserID, events.UserTokenReused{SessionID: c.SessionID, Origin: sealed})
}

// factRetries is how often a fact is offered to the ledger again, which decides on
// nothing that others could have changed.
const factRetries = 16

func (a *App) recordSession(ctx context.Context, meta Meta, user uuid.UUID, e events.UserEvent) (Receipt, error) {
	stream := userStream(user)
	return a.recordFact(ctx, meta, stream, func(h *history) (decision[nothing], error) {
		if !fold(h, stream, evolveUser).Registered {
			return decision[nothing]{}, ErrNotFound
		}
		return quiet(change(stream, []events.UserEvent{e})), nil
	})
}

// recordFact adds to a stream of the platform's ledger what has happened anyway,
// however busy the stream is.
func (a *App) recordFact(
	ctx context.Context, meta Meta, stream events.Stream, decide func(*history) (decision[nothing], error),
) (Receipt, error) {
	result, err := perform(ctx, a, events.PlatformLedger, meta, []events.Stream{stream}, decide)
	for retry := 1; retry <= factRetries && errors.Is(err, ErrConflict); retry++ {
		result, err = perform(ctx, a, events.PlatformLedger, meta, []events.Stream{stream}, decide)
	}
	return result.Receipt, err
}
