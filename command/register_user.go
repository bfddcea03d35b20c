package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// RegisterUser opens an account. The password is not the ledger's business.
type RegisterUser struct {
	UserID    uuid.UUID
	Email     string
	FirstName string
	LastName  string
}

// Validate checks everything that can be checked without the ledger:
// [*InvalidError] names every bad field.
func (c RegisterUser) Validate() error {
	_, err := validPerson(c.Email, c.FirstName, c.LastName)
	return err
}

// Decide gives the address to the new user.
func (c RegisterUser) Decide(claim EmailClaim, person events.Sealed) ([]events.EmailEvent, []events.UserEvent, error) {
	if claim.Holder != uuid.Nil {
		return nil, nil, ErrEmailTaken
	}
	claimed, err := claim.claim(c.UserID)
	if err != nil {
		return nil, nil, err
	}
	return claimed, []events.UserEvent{events.UserRegistered{Person: person}}, nil
}

// RegisterUser opens an account; [ErrEmailTaken] if the address has one.
func (a *App) RegisterUser(ctx context.Context, meta Meta, c RegisterUser) (Result[UserDetails], error) {
	person, err := validPerson(c.Email, c.FirstName, c.LastName)
	if err != nil {
		return Result[UserDetails]{}, err
	}
	key, err := a.keys.Create(ctx, c.UserID)
	if err != nil {
		return Result[UserDetails]{}, err
	}
	sealed, err := events.Seal(key, c.UserID, person)
	if err != nil {
		return Result[UserDetails]{}, err
	}
	user, email := userStream(c.UserID), emailStream(a.emailKey, person.Email)
	meta.Actor = c.UserID
	result, err := perform(ctx, a, events.PlatformLedger, meta, []events.Stream{user, email},
		func(h *history) (decision[userOutcome], error) {
			claimed, registered, err := c.Decide(fold(h, email, evolveEmail), sealed)
			return decision[userOutcome]{
				changes: []Change{change(email, claimed), change(user, registered)},
				outcome: func(at time.Time) userOutcome {
					return userOutcome{ID: c.UserID, Person: sealed, CreatedAt: at, UpdatedAt: at, Version: 1}
				},
			}, err
		})
	return a.described(ctx, result, err)
}

// sealOrigin returns where a command came from, encrypted under the key of who
// sent it: nil for the platform itself, and for a person who was erased.
func (a *App) sealOrigin(ctx context.Context, meta Meta) (*events.Sealed, error) {
	sender := meta.Actor
	if sender == uuid.Nil {
		sender = meta.stranger
	}
	if sender == uuid.Nil || meta.Origin == (events.Origin{}) {
		return nil, nil
	}
	keys, err := a.keys.Keys(ctx, sender)
	if err != nil {
		return nil, err
	}
	key, ok := keys[sender]
	if !ok {
		return nil, nil
	}
	sealed, err := events.Seal(key, sender, meta.Origin)
	if err != nil {
		return nil, err
	}
	return &sealed, nil
}

// seal encrypts v under the person's key; [ErrNotFound] if there is none, because the
// person was erased: a new key would bring the person back.
func (a *App) seal(ctx context.Context, person uuid.UUID, v any) (events.Sealed, error) {
	keys, err := a.keys.Keys(ctx, person)
	if err != nil {
		return events.Sealed{}, err
	}
	key, ok := keys[person]
	if !ok {
		return events.Sealed{}, ErrNotFound
	}
	return events.Seal(key, person, v)
}
