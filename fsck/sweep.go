package fsck

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Sweep looks, in all tenants, for what is orphaned and unfinished and, if Config asks for
// repairs, removes it. It reads no bytes and no read models, and it leaves alone what only
// somebody can judge who knows what happened: objects that the platform does not name so,
// and objects of which the ledger does not know yet, as after it was set back to an
// earlier time. Tenants that fail are told through Unchecked.
func (c *Checker) Sweep(ctx context.Context) error {
	err := c.eachLedger(ctx, func(id uuid.UUID) {
		if err := c.sweepTenant(ctx, id); err != nil && ctx.Err() == nil {
			c.unchecked(id, err)
		}
	})
	if err != nil {
		return fmt.Errorf("list tenants: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.probes(ctx)
}

func (c *Checker) sweepTenant(ctx context.Context, id uuid.UUID) error {
	state, err := c.cfg.App.TenantByID(ctx, id)
	if err != nil || !state.Created {
		return err
	}
	t := c.tenant(id, state)
	t.sweeping = true
	return t.objects(ctx)
}
