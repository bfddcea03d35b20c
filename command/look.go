package command

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Files returns the states of files on the ledger, in the order of their ids.
func (a *App) Files(ctx context.Context, tenant uuid.UUID, ids []uuid.UUID) ([]File, error) {
	return states(ctx, a, tenant, ids, fileStream, evolveFile)
}

// Documents returns the states of documents on the ledger, in the order of their ids.
func (a *App) Documents(ctx context.Context, tenant uuid.UUID, ids []uuid.UUID) ([]Document, error) {
	return states(ctx, a, tenant, ids, documentStream, evolveDocument)
}

func states[S any](
	ctx context.Context, a *App, ledger uuid.UUID, ids []uuid.UUID,
	stream func(uuid.UUID) events.Stream, evolve func(S, events.Recorded) S,
) ([]S, error) {
	past, err := a.ledger.Load(ctx, ledger, ids...)
	if err != nil {
		return nil, err
	}
	h := loaded(past)
	list := make([]S, len(ids))
	for i, id := range ids {
		list[i] = fold(h, stream(id), evolve)
	}
	return list, nil
}

// Creation returns the event that made a tenant; [ErrNotFound] if there is none.
func (a *App) Creation(ctx context.Context, tenant uuid.UUID) (events.Recorded, error) {
	past, err := a.ledger.Load(ctx, tenant, tenant)
	if err != nil {
		return events.Recorded{}, err
	}
	if len(past[tenant]) == 0 {
		return events.Recorded{}, ErrNotFound
	}
	return past[tenant][0], nil
}
