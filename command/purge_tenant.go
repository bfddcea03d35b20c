package command

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// TenantByID returns a tenant as its ledger tells; the zero Tenant if there is none.
func (a *App) TenantByID(ctx context.Context, id uuid.UUID) (Tenant, error) {
	stream := tenantStream(id)
	past, err := a.ledger.Load(ctx, id, stream.ID)
	if err != nil {
		return Tenant{}, err
	}
	return fold(loaded(past), stream, evolveTenant), nil
}

// TenantFree checks, on its ledger, that nothing in a tenant is held, be it closed or
// not: [*HeldError] if something is.
func (a *App) TenantFree(ctx context.Context, id uuid.UUID) error {
	stream := holdStream(id)
	past, err := a.ledger.Load(ctx, id, stream.ID)
	if err != nil {
		return err
	}
	return fold(loaded(past), stream, evolveHolds).freesTenant()
}

// MarkPurged records that a closed tenant's database and objects are gone. Doing
// so again changes nothing; [ErrConflict] if the tenant is not closed.
func (a *App) MarkPurged(ctx context.Context, meta Meta, tenant uuid.UUID) (Receipt, error) {
	return a.onTenant(ctx, meta, tenant, func(t Tenant) ([]events.TenantEvent, error) {
		switch {
		case !t.Created:
			return nil, ErrNotFound
		case !t.Deleted:
			return nil, ErrConflict
		case t.Purged:
			return nil, nil
		default:
			return []events.TenantEvent{events.TenantPurged{}}, nil
		}
	})
}
