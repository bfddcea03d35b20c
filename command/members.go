package command

import (
	"context"
	"time"

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

// AddMember lets a registered user into a tenant; [ErrNoUser] if nobody is
// registered by that id.
func (a *App) AddMember(ctx context.Context, meta Meta, c AddMember) (Result[MemberDetails], error) {
	user := userStream(c.UserID)
	past, err := a.ledger.Load(ctx, events.PlatformLedger, user.ID)
	if err != nil {
		return Result[MemberDetails]{}, err
	}
	if !fold(loaded(past), user, evolveUser).Registered {
		return Result[MemberDetails]{}, ErrNoUser
	}
	return a.onMember(ctx, meta, c.TenantID, MemberDetails{UserID: c.UserID, Role: c.Role}, c.Decide)
}

// MemberDetails describes a member to the members of the tenant.
type MemberDetails struct {
	UserID   uuid.UUID   `json:"user_id"`
	Role     events.Role `json:"role"`
	JoinedAt time.Time   `json:"joined_at"`
}

// onMember performs a use case whose outcome is a member.
func (a *App) onMember(
	ctx context.Context, meta Meta, tenant uuid.UUID, member MemberDetails, decide func(Tenant) ([]events.TenantEvent, error),
) (Result[MemberDetails], error) {
	stream := tenantStream(tenant)
	return perform(ctx, a, tenant, meta, []events.Stream{stream}, func(h *history) (decision[MemberDetails], error) {
		t := fold(h, stream, evolveTenant)
		decided, err := decide(t)
		return decision[MemberDetails]{
			changes: []Change{change(stream, decided)},
			outcome: func(at time.Time) MemberDetails {
				m := member
				m.JoinedAt = at
				if before, ok := t.Members[m.UserID]; ok {
					m.JoinedAt = before.JoinedAt
				}
				return m
			},
		}, err
	})
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
	member, ok := t.Members[c.UserID]
	switch {
	case !ok:
		return nil, ErrNotFound
	case member.Role == c.Role:
		return nil, nil
	case member.Role == events.RoleAdmin && t.admins() == 1:
		return nil, ErrLastAdmin
	}
	return []events.TenantEvent{events.MemberRoleChanged{UserID: c.UserID, Role: c.Role, Previous: member.Role}}, nil
}

// ChangeRole gives a member another role; [ErrLastAdmin] if no admin would be left.
func (a *App) ChangeRole(ctx context.Context, meta Meta, c ChangeRole) (Result[MemberDetails], error) {
	return a.onMember(ctx, meta, c.TenantID, MemberDetails{UserID: c.UserID, Role: c.Role}, c.Decide)
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
	member, ok := t.Members[c.UserID]
	switch {
	case !ok:
		return nil, ErrNotFound
	case member.Role == events.RoleAdmin && t.admins() == 1:
		return nil, ErrLastAdmin
	}
	return []events.TenantEvent{events.MemberRemoved{UserID: c.UserID, Role: member.Role}}, nil
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
