package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// purgeBatch is how many closed tenants are looked at in one sweep.
const purgeBatch = 100

// Purger removes what closed tenants leave, after a grace period: their objects,
// then their database. Then it records that they are gone; their trail stays.
// Each step may be cut off and done again, by any worker. A tenant in which something is
// held is left as it is, whenever and however it was closed.
type Purger struct {
	App       *command.App
	Databases interface {
		// Drop removes a tenant's database; it is no error if there is none.
		Drop(ctx context.Context, tenant uuid.UUID) error
	}
	Objects Staging
	// Closed returns up to limit tenants that were closed before a time and are not
	// recorded as gone. It may be wrong; the ledger decides.
	Closed func(ctx context.Context, before time.Time, limit int) ([]uuid.UUID, error)
	Logger *slog.Logger
	Grace  time.Duration
	Every  time.Duration
}

// Run purges at intervals until ctx ends.
func (p *Purger) Run(ctx context.Context) {
	ticker := time.NewTicker(p.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if err := p.Sweep(ctx, now.Add(-p.Grace)); err != nil && ctx.Err() == nil {
				p.Logger.LogAttrs(ctx, slog.LevelWarn, "closed tenants were not all purged", slog.Any("error", err))
			}
		}
	}
}

// Sweep purges the tenants that were closed before a time. One sick tenant does not keep
// it from others.
func (p *Purger) Sweep(ctx context.Context, before time.Time) error {
	tenants, err := p.Closed(ctx, before, purgeBatch)
	if err != nil {
		return fmt.Errorf("list closed tenants: %w", err)
	}
	var failures []error
	for _, id := range tenants {
		if err := p.purge(ctx, id, before); err != nil {
			failures = append(failures, fmt.Errorf("purge tenant %s: %w", id, err))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return incomplete(failures)
}

func (p *Purger) purge(ctx context.Context, id uuid.UUID, before time.Time) error {
	tenant, err := p.App.TenantByID(ctx, id)
	if err != nil {
		return err
	}
	if !tenant.Deleted || tenant.Purged || !tenant.DeletedAt.Before(before) {
		return nil
	}
	if held, err := p.held(ctx, id); held || err != nil {
		return err
	}
	p.Logger.LogAttrs(ctx, slog.LevelInfo, "purging tenant", slog.String("tenant_id", id.String()),
		slog.Time("closed_at", tenant.DeletedAt))
	removed, err := p.removeObjects(ctx, id)
	if err != nil {
		return err
	}
	if err := p.Databases.Drop(ctx, id); err != nil {
		return err
	}
	// The same id for every attempt, so that of two workers one records it.
	meta := command.Meta{ID: uuid.NewSHA1(id, []byte("purge"))}
	if _, err := p.App.MarkPurged(ctx, meta, id); err != nil {
		return fmt.Errorf("record it: %w", err)
	}
	p.Logger.LogAttrs(ctx, slog.LevelInfo, "tenant purged", slog.String("tenant_id", id.String()), slog.Int("objects", removed))
	return nil
}

// held reports, and logs, whether a hold stands in the tenant.
func (p *Purger) held(ctx context.Context, id uuid.UUID) (bool, error) {
	err := p.App.TenantFree(ctx, id)
	hold, held := errors.AsType[*command.HeldError](err)
	if !held {
		return false, err
	}
	p.Logger.LogAttrs(ctx, slog.LevelWarn, "a legal hold keeps a closed tenant from being purged",
		slog.String("tenant_id", id.String()), slog.Time("since", hold.Hold.Since), slog.String("by", hold.Hold.By.String()))
	return true, nil
}

// removeObjects removes all that lies under the tenant's prefix, unfinished uploads
// included.
func (p *Purger) removeObjects(ctx context.Context, tenant uuid.UUID) (removed int, err error) {
	prefix := command.TenantPrefix(tenant)
	if _, err := p.Objects.AbortStale(ctx, prefix, time.Now()); err != nil {
		return 0, err
	}
	err = p.Objects.List(ctx, prefix, func(o StagedObject) error {
		removed++
		return p.Objects.Delete(ctx, o.Key)
	})
	return removed, err
}
