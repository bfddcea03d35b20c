package erasure

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// replaceable checks that the person is nowhere the only admin. It returns the
// tenants in the order in which to leave them: those first that can still refuse.
func (e *Eraser) replaceable(ctx context.Context, person uuid.UUID, tenants []Tenant) ([]Tenant, error) {
	var sole, led, others []Tenant
	for _, t := range tenants {
		standing, err := e.cfg.App.Standing(ctx, t.ID, person)
		switch {
		case err != nil:
			return nil, fmt.Errorf("erase: members of %s: %w", t.ID, err)
		case standing.Sole:
			sole = append(sole, t)
		case standing.Role == events.RoleAdmin:
			led = append(led, t)
		default:
			others = append(others, t)
		}
	}
	if len(sole) > 0 {
		return nil, &SoleAdminError{sole}
	}
	return append(led, others...), nil
}

// place is what a person was in a tenant.
type place struct {
	tenant Tenant
	role   events.Role
}

// leave takes the person out of the tenants, in their order, and returns which were
// left. It stops with [*SoleAdminError] at one that has no other admin any more.
func (e *Eraser) leave(ctx context.Context, meta command.Meta, person uuid.UUID, tenants []Tenant) (left []place, err error) {
	for _, t := range tenants {
		leaving, err := another(meta)
		if err != nil {
			return left, err
		}
		result, err := e.cfg.App.LeaveTenant(ctx, leaving, t.ID, person)
		switch {
		case err == nil:
			left = append(left, place{t, result.Value})
		case errors.Is(err, command.ErrLastAdmin):
			return left, &SoleAdminError{[]Tenant{t}}
		case !errors.Is(err, command.ErrNotFound):
			return left, fmt.Errorf("erase: leave %s: %w", t.ID, err)
		}
	}
	return left, nil
}

// refuse puts the person back where somebody else's leaving came in between, and
// returns why.
func (e *Eraser) refuse(ctx context.Context, meta command.Meta, person uuid.UUID, left []place, why *SoleAdminError) error {
	var failures []error
	for _, p := range left {
		returning, err := another(meta)
		if err == nil {
			_, err = e.cfg.App.ReturnToTenant(ctx, returning,
				command.ReturnToTenant{TenantID: p.tenant.ID, UserID: person, Role: p.role})
		}
		if err != nil && !errors.Is(err, command.ErrNotFound) { // closed meanwhile
			failures = append(failures, fmt.Errorf("return to %s as %s: %w", p.tenant.ID, p.role, err))
		}
	}
	if len(failures) > 0 {
		return fmt.Errorf("erase: refused (%s), but tenants were left: %w", why.Error(), errors.Join(failures...))
	}
	return why
}

// another returns meta for one more command of the same request.
func another(meta command.Meta) (command.Meta, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return meta, fmt.Errorf("draw a command id: %w", err)
	}
	meta.ID, meta.Keyed = id, false
	return meta, nil
}
