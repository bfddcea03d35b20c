package command

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// EraseUser makes the platform forget a person: the account is closed and its
// address is free again. That the person's key is destroyed, without which nothing
// recorded of the person can be read, is for the caller to see to afterwards.
type EraseUser struct {
	UserID uuid.UUID
}

// Decide closes the account. claim is that of the account's address, and stays as
// it is if that can't be read any more.
func (c EraseUser) Decide(u User, claim EmailClaim) ([]events.UserEvent, []events.EmailEvent, error) {
	switch {
	case u.Erased:
		return nil, nil, nil
	case !u.Registered:
		return nil, nil, ErrNotFound
	default:
		return []events.UserEvent{events.UserErased{}}, claim.release(c.UserID), nil
	}
}

// EraseUser closes an account. Doing so again changes nothing.
func (a *App) EraseUser(ctx context.Context, meta Meta, c EraseUser) (Receipt, error) {
	receipt, err := a.eraseUser(ctx, meta, c)
	for retry := 1; retry <= maxRetries && errors.Is(err, errStale); retry++ {
		receipt, err = a.eraseUser(ctx, meta, c)
	}
	if errors.Is(err, errStale) {
		return receipt, errors.Join(ErrConflict, err)
	}
	return receipt, err
}

// eraseUser makes one attempt. Which address's stream it must load depends on the
// profile, as with [App.changeProfile].
func (a *App) eraseUser(ctx context.Context, meta Meta, c EraseUser) (Receipt, error) {
	user := userStream(c.UserID)
	streams := []events.Stream{user}
	before, current, err := a.profile(ctx, user)
	switch {
	case err == nil:
		streams = append(streams, emailStream(a.emailKey, current.Email))
	case errors.Is(err, events.ErrErased), before.Erased: // there is no address to read
	default:
		return Receipt{}, err
	}
	result, err := perform(ctx, a, events.PlatformLedger, meta, streams, func(h *history) (decision[nothing], error) {
		state := fold(h, user, evolveUser)
		if state.Version != before.Version && !state.Erased {
			return decision[nothing]{}, errStale
		}
		var claim EmailClaim
		if len(streams) > 1 {
			claim = fold(h, streams[1], evolveEmail)
		}
		erased, released, err := c.Decide(state, claim)
		changes := []Change{change(user, erased)}
		if len(streams) > 1 {
			changes = append(changes, change(streams[1], released))
		}
		return quiet(changes...), err
	})
	return result.Receipt, err
}
