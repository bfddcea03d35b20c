package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// CreateTenant opens a tenant, of which the actor becomes the first admin.
type CreateTenant struct {
	TenantID uuid.UUID
	Name     string
	Actor    uuid.UUID
}

// Decide picks the events that create a tenant.
func (c CreateTenant) Decide(t Tenant) ([]events.TenantEvent, error) {
	var v validation
	v.text(c.Name, "name", maxTenantNameRunes)
	if err := v.err(); err != nil {
		return nil, err
	}
	if t.Created {
		return nil, ErrConflict
	}
	return []events.TenantEvent{
		events.TenantCreated{Name: c.Name, DatabaseName: events.DatabaseName(c.TenantID)},
		events.MemberAdded{UserID: c.Actor, Role: events.RoleAdmin},
	}, nil
}

// CreateTenant opens a tenant with a ledger of its own.
func (a *App) CreateTenant(ctx context.Context, meta Meta, c CreateTenant) (Result[TenantDetails], error) {
	stream := tenantStream(c.TenantID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{stream}, func(h *history) (decision[TenantDetails], error) {
		decided, err := c.Decide(fold(h, stream, evolveTenant))
		return decision[TenantDetails]{
			changes: []Change{change(stream, decided)},
			outcome: func(at time.Time) TenantDetails {
				return TenantDetails{
					ID: c.TenantID, Name: c.Name, DatabaseName: events.DatabaseName(c.TenantID), IsActive: true,
					CreatedAt: at, UpdatedAt: at, CreatedBy: c.Actor, Version: int64(len(decided)),
				}
			},
		}, err
	})
}

// MarkProvisioned records that the tenant's database is ready. Doing so again
// changes nothing.
func (a *App) MarkProvisioned(ctx context.Context, meta Meta, tenant uuid.UUID) (Receipt, error) {
	return a.onTenant(ctx, meta, tenant, func(t Tenant) ([]events.TenantEvent, error) {
		switch {
		case !t.Created:
			return nil, ErrNotFound
		case t.Provisioned, t.Purged:
			return nil, nil
		default:
			return []events.TenantEvent{events.TenantProvisioned{}}, nil
		}
	})
}

// onTenant performs a use case that decides on a tenant's own stream alone.
func (a *App) onTenant(
	ctx context.Context, meta Meta, tenant uuid.UUID, decide func(Tenant) ([]events.TenantEvent, error),
) (Receipt, error) {
	stream := tenantStream(tenant)
	result, err := perform(ctx, a, tenant, meta, []events.Stream{stream}, func(h *history) (decision[nothing], error) {
		decided, err := decide(fold(h, stream, evolveTenant))
		return quiet(change(stream, decided)), err
	})
	return result.Receipt, err
}
