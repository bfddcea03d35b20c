package command

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// AddMember lets a user into a tenant.
type AddMember struct {
	TenantID uuid.UUID
	UserID   uuid.UUID
	Role     events.Role
	Actor    uuid.UUID
}

// Decide picks the events that let the user into t.
func (c AddMember) Decide(t Tenant) ([]events.TenantEvent, error) {
	if err := t.administered(c.Actor); err != nil {
		return nil, err
	}
	if err := validRole(c.Role); err != nil {
		return nil, err
	}
	if _, member := t.Members[c.UserID]; member {
		return nil, ErrMember
	}
	return []events.TenantEvent{events.MemberAdded{UserID: c.UserID, Role: c.Role}}, nil
}

// AddMember lets a registered user into a tenant.
func (a *App) AddMember(ctx context.Context, meta Meta, c AddMember) (Receipt, error) {
	user := userStream(c.UserID)
	past, err := a.ledger.Load(ctx, events.PlatformLedger, user.ID)
	if err != nil {
		return Receipt{}, err
	}
	if !fold(loaded(past), user, evolveUser).Registered {
		return Receipt{}, &InvalidError{Fields: []FieldError{{"user_id", "must be the id of a registered user"}}}
	}
	return a.onTenant(ctx, meta, c.TenantID, c.Decide)
}

// ChangeRole gives a member another role.
type ChangeRole struct {
	TenantID uuid.UUID
	UserID   uuid.UUID
	Role     events.Role
	Actor    uuid.UUID
}

// Decide picks the events that change the member's role in t.
func (c ChangeRole) Decide(t Tenant) ([]events.TenantEvent, error) {
	if err := t.administered(c.Actor); err != nil {
		return nil, err
	}
	if err := validRole(c.Role); err != nil {
		return nil, err
	}
	role, member := t.Members[c.UserID]
	switch {
	case !member:
		return nil, ErrNotFound
	case role == c.Role:
		return nil, nil
	case role == events.RoleAdmin && t.admins() == 1:
		return nil, ErrLastAdmin
	}
	return []events.TenantEvent{events.MemberRoleChanged{UserID: c.UserID, Role: c.Role, Previous: role}}, nil
}

// ChangeRole gives a member another role; [ErrLastAdmin] if no admin would be left.
func (a *App) ChangeRole(ctx context.Context, meta Meta, c ChangeRole) (Receipt, error) {
	return a.onTenant(ctx, meta, c.TenantID, c.Decide)
}

// RemoveMember shows a member out of a tenant. Members may leave by themselves.
type RemoveMember struct {
	TenantID uuid.UUID
	UserID   uuid.UUID
	Actor    uuid.UUID
}

// Decide picks the events that remove the member from t.
func (c RemoveMember) Decide(t Tenant) ([]events.TenantEvent, error) {
	if _, member := t.Members[c.Actor]; !t.exists() || !member {
		return nil, ErrNotFound
	}
	if c.Actor != c.UserID {
		if err := t.administered(c.Actor); err != nil {
			return nil, err
		}
	}
	role, member := t.Members[c.UserID]
	switch {
	case !member:
		return nil, ErrNotFound
	case role == events.RoleAdmin && t.admins() == 1:
		return nil, ErrLastAdmin
	}
	return []events.TenantEvent{events.MemberRemoved{UserID: c.UserID, Role: role}}, nil
}

// RemoveMember shows a member out; [ErrLastAdmin] if no admin would be left.
func (a *App) RemoveMember(ctx context.Context, meta Meta, c RemoveMember) (Receipt, error) {
	return a.onTenant(ctx, meta, c.TenantID, c.Decide)
}

func validRole(r events.Role) error {
	switch r {
	case events.RoleAdmin, events.RoleUser, events.RoleViewer, events.RoleAuditor:
		return nil
	default:
		return &InvalidError{Fields: []FieldError{{"role", "must be admin, user, viewer or auditor"}}}
	}
}
