package roles

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/fsck"
)

const (
	orphansEvery = 6 * time.Hour
	orphansGrace = 24 * time.Hour
)

// sweepOrphans does the safe part of a check's repairs at intervals until ctx ends; see
// [fsck.Checker.Sweep].
func (p *Platform) sweepOrphans(ctx context.Context, store *s3.Store) {
	ticker := time.NewTicker(orphansEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := p.SweepOrphans(ctx, store, orphansGrace); err != nil && ctx.Err() == nil {
				p.logger.LogAttrs(ctx, slog.LevelWarn, "sweep of orphaned objects cut short", slog.Any("error", err))
			}
		}
	}
}

// SweepOrphans removes what no file has stood on, and uploads in parts that have not
// ended, for as long as grace.
func (p *Platform) SweepOrphans(ctx context.Context, store *s3.Store, grace time.Duration) error {
	checker := p.newFsck(store, nil, FsckOptions{
		Repair: true, Grace: grace,
		Found: func(f fsck.Finding) {
			p.logger.LogAttrs(ctx, slog.LevelInfo, "orphan swept", slog.String("kind", string(f.Kind)), slog.String("key", f.Key),
				slog.String("reason", f.Detail), slog.String("refused", f.Refused))
		},
		Unchecked: func(tenant uuid.UUID, err error) {
			p.logger.LogAttrs(ctx, slog.LevelWarn, "sweep of orphaned objects failed", slog.String("tenant_id", tenant.String()), slog.Any("error", err))
		},
	})
	return checker.Sweep(ctx)
}
