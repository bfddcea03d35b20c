package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Standing is what a user is in a tenant.
type Standing struct {
	Role events.Role // "" for nobody
	Sole bool        // the tenant is open, and would have no admin without the user
}

// Standing returns what a user is in a tenant, as its ledger has it.
func (a *App) Standing(ctx context.Context, tenant, user uuid.UUID) (Standing, error) {
	stream := tenantStream(tenant)
	past, err := a.ledger.Load(ctx, tenant, stream.ID)
	if err != nil {
		return Standing{}, err
	}
	t := fold(loaded(past), stream, evolveTenant)
	role := t.Members[user].Role
	return Standing{Role: role, Sole: t.exists() && role == events.RoleAdmin && t.admins() == 1}, nil
}

// LeaveTenant takes a user out of a tenant at the user's own wish, and tells the role
// that is given up; [ErrLastAdmin] if no admin would be left.
func (a *App) LeaveTenant(ctx context.Context, meta Meta, tenant, user uuid.UUID) (Result[events.Role], error) {
	stream := tenantStream(tenant)
	return perform(ctx, a, tenant, meta, []events.Stream{stream}, func(h *history) (decision[events.Role], error) {
		t := fold(h, stream, evolveTenant)
		decided, err := RemoveMember{TenantID: tenant, UserID: user, Actor: user}.Decide(t)
		return decision[events.Role]{
			changes: []Change{change(stream, decided)},
			outcome: func(time.Time) events.Role { return t.Members[user].Role },
		}, err
	})
}

// ReturnToTenant takes back that a user left a tenant.
type ReturnToTenant struct {
	TenantID uuid.UUID
	UserID   uuid.UUID
	Role     events.Role // that was given up
}

// Decide picks the events that let the user back into t: none, if somebody did so
// meanwhile.
func (c ReturnToTenant) Decide(t Tenant) ([]events.TenantEvent, error) {
	if !t.exists() {
		return nil, ErrNotFound
	}
	if _, member := t.Members[c.UserID]; member {
		return nil, nil
	}
	return []events.TenantEvent{events.MemberAdded{UserID: c.UserID, Role: c.Role}}, nil
}

// ReturnToTenant lets a user back in who left for something that was then refused.
// Nobody is asked: it must follow [App.LeaveTenant].
func (a *App) ReturnToTenant(ctx context.Context, meta Meta, c ReturnToTenant) (Receipt, error) {
	return a.onTenant(ctx, meta, c.TenantID, c.Decide)
}
