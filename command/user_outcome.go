package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// userOutcome is what is remembered of a command that described an account. Outcomes
// are kept with the ledger, so that the person's data stands in it sealed.
type userOutcome struct {
	ID        uuid.UUID     `json:"id"`
	Person    events.Sealed `json:"person"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Version   int64         `json:"version"`
}

// described opens the outcome of a use case; [ErrNotFound] if the person was erased.
func (a *App) described(ctx context.Context, r Result[userOutcome], err error) (Result[UserDetails], error) {
	if err != nil {
		return Result[UserDetails]{}, err
	}
	keys, err := a.keys.Keys(ctx, r.Value.ID)
	if err != nil {
		return Result[UserDetails]{}, err
	}
	var person events.Person
	switch err := keys.Open(r.Value.Person, &person); {
	case errors.Is(err, events.ErrErased):
		return Result[UserDetails]{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	case err != nil:
		return Result[UserDetails]{}, err
	}
	details := userDetails(r.Value.ID, person, r.Value.CreatedAt, r.Value.UpdatedAt, r.Value.Version)
	return Result[UserDetails]{Value: details, Receipt: r.Receipt}, nil
}
