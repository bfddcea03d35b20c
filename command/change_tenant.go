package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// ChangeTenant gives a tenant another name.
type ChangeTenant struct {
	TenantID uuid.UUID
	Name     string
	Actor    uuid.UUID
}

// Decide picks the events that change t.
func (c ChangeTenant) Decide(t Tenant) ([]events.TenantEvent, error) {
	if err := t.administered(c.Actor); err != nil {
		return nil, err
	}
	var v validation
	v.text(c.Name, "name", maxTenantNameRunes)
	if err := v.err(); err != nil || c.Name == t.Name {
		return nil, err
	}
	return []events.TenantEvent{events.TenantChanged{Name: c.Name, Previous: t.Name}}, nil
}

// ChangeTenant gives a tenant another name.
func (a *App) ChangeTenant(ctx context.Context, meta Meta, c ChangeTenant) (Result[ChangedTenant], error) {
	stream := tenantStream(c.TenantID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{stream}, func(h *history) (decision[ChangedTenant], error) {
		t := fold(h, stream, evolveTenant)
		decided, err := c.Decide(t)
		return decision[ChangedTenant]{
			changes: []Change{change(stream, decided)},
			outcome: func(at time.Time) ChangedTenant {
				d := t.details(c.TenantID)
				if len(decided) > 0 {
					d.Name, d.UpdatedAt, d.Version = c.Name, at, d.Version+int64(len(decided))
				}
				return ChangedTenant{TenantDetails: d, JoinedAt: t.Members[c.Actor].JoinedAt}
			},
		}, err
	})
}

// ChangedTenant describes a tenant to the admin who changed it.
type ChangedTenant struct {
	TenantDetails

	JoinedAt time.Time `json:"joined_at"` // when the admin joined
}

// DeleteTenant closes a tenant.
type DeleteTenant struct {
	TenantID uuid.UUID
	Actor    uuid.UUID
}

// Decide picks the events that close t.
func (c DeleteTenant) Decide(t Tenant, h Holds) ([]events.TenantEvent, error) {
	if err := t.administered(c.Actor); err != nil {
		return nil, err
	}
	if err := h.freesTenant(); err != nil {
		return nil, err
	}
	return []events.TenantEvent{events.TenantDeleted{}}, nil
}

// DeleteTenant closes a tenant; [*HeldError] if that, or a document of it, is held.
// Its trail stays.
func (a *App) DeleteTenant(ctx context.Context, meta Meta, c DeleteTenant) (Receipt, error) {
	stream, holds := tenantStream(c.TenantID), holdStream(c.TenantID)
	result, err := perform(ctx, a, c.TenantID, meta, []events.Stream{stream, holds}, func(h *history) (decision[nothing], error) {
		decided, err := c.Decide(fold(h, stream, evolveTenant), fold(h, holds, evolveHolds))
		return quiet(change(stream, decided)), err
	})
	return result.Receipt, err
}
