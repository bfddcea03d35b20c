package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// RecordLoginFailure records that somebody failed to prove to be a user, in the
// user's stream; in that of the address if there is no such user.
type RecordLoginFailure struct {
	UserID    uuid.UUID // uuid.Nil if nobody has the address
	Email     string    // as it was given; read if nobody has it
	Reason    events.LoginFailure
	Throttled int64 // attempts refused unseen since the last that was recorded
	Origin    events.Origin
	At        time.Time // of the attempt
}

// RecordLoginFailure records a failed login. Nobody is its actor, since nobody
// knows who it was.
func (a *App) RecordLoginFailure(ctx context.Context, meta Meta, c RecordLoginFailure) (Receipt, error) {
	meta.Actor = uuid.Nil
	if c.UserID == uuid.Nil {
		return a.recordUnknownAddress(ctx, meta, c)
	}
	sealed, err := a.seal(ctx, c.UserID, c.Origin)
	if err != nil {
		return Receipt{}, err
	}
	return a.recordSession(ctx, meta, c.UserID, events.UserLoginFailed{
		Origin: sealed, Reason: c.Reason, Throttled: c.Throttled,
	})
}

func (a *App) recordUnknownAddress(ctx context.Context, meta Meta, c RecordLoginFailure) (Receipt, error) {
	address := c.Email
	if normalized, ok := NormalizeEmail(address); ok {
		address = normalized
	}
	meta, err := a.fromStranger(ctx, meta, c)
	if err != nil {
		return Receipt{}, err
	}
	stream := emailStream(a.emailKey, address)
	return a.recordFact(ctx, meta, stream, func(h *history) (decision[nothing], error) {
		fold(h, stream, evolveEmail)
		return quiet(change(stream, []events.EmailEvent{
			events.EmailLoginFailed{Reason: c.Reason, Throttled: c.Throttled},
		})), nil
	})
}

// fromStranger lets the events of meta say where the attempt came from, encrypted under
// the key of that day's strangers, which it makes if there is none.
func (a *App) fromStranger(ctx context.Context, meta Meta, c RecordLoginFailure) (Meta, error) {
	meta.Origin, meta.stranger = c.Origin, events.Stranger(c.At)
	keys, err := a.keys.Keys(ctx, meta.stranger)
	if err != nil {
		return Meta{}, err
	}
	if _, ok := keys[meta.stranger]; !ok {
		_, err = a.keys.Create(ctx, meta.stranger)
	}
	return meta, err
}
