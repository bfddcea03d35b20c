package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// unreferencedPage is how many files, and how many ledgers, are looked at at once.
const unreferencedPage = 500

// Forgetter deletes files on which no document has stood for a grace period.
type Forgetter struct {
	App     *command.App
	Ledgers Ledgers
	// Unreferenced returns up to limit files of a tenant on which no document has
	// stood since before a time, by id, those after the given one. It may be wrong;
	// the ledger decides. A tenant without a database has none.
	Unreferenced func(ctx context.Context, tenant uuid.UUID, before time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error)
	Logger       *slog.Logger
	Grace        time.Duration
	Every        time.Duration
}

// Run sweeps at intervals until ctx ends.
func (f *Forgetter) Run(ctx context.Context) {
	ticker := time.NewTicker(f.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			deleted, err := f.Sweep(ctx, now.Add(-f.Grace))
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				f.Logger.LogAttrs(ctx, slog.LevelWarn, "sweep of unreferenced files cut short", slog.Any("error", err))
			case deleted > 0:
				f.Logger.LogAttrs(ctx, slog.LevelInfo, "unreferenced files deleted", slog.Int("deleted", deleted))
			}
		}
	}
}

// Sweep deletes the files on which no document has stood since before a time, of
// all tenants, and returns how many. One sick tenant does not keep it from others.
func (f *Forgetter) Sweep(ctx context.Context, before time.Time) (deleted int, err error) {
	var failures []error
	for after := uuid.Nil; ; {
		ledgers, err := f.Ledgers.Ledgers(ctx, after, unreferencedPage)
		if err != nil {
			return deleted, fmt.Errorf("list ledgers: %w", err)
		}
		for _, tenant := range ledgers {
			if tenant == events.PlatformLedger {
				continue
			}
			n, err := f.sweepTenant(ctx, tenant, before)
			deleted += n
			if err != nil {
				failures = append(failures, fmt.Errorf("tenant %s: %w", tenant, err))
			}
			if ctx.Err() != nil {
				return deleted, ctx.Err()
			}
		}
		if len(ledgers) < unreferencedPage {
			return deleted, errors.Join(failures...)
		}
		after = ledgers[len(ledgers)-1]
	}
}

func (f *Forgetter) sweepTenant(ctx context.Context, tenant uuid.UUID, before time.Time) (deleted int, err error) {
	for after := uuid.Nil; ; {
		files, err := f.Unreferenced(ctx, tenant, before, after, unreferencedPage)
		if err != nil {
			return deleted, err
		}
		for _, file := range files {
			id, err := uuid.NewV7()
			if err != nil {
				return deleted, fmt.Errorf("draw a command id: %w", err)
			}
			_, err = f.App.DeleteFile(ctx, command.Meta{ID: id}, command.DeleteFile{TenantID: tenant, FileID: file})
			switch {
			case err == nil:
				deleted++
			case !spared(err):
				return deleted, err
			}
		}
		if len(files) < unreferencedPage {
			return deleted, nil
		}
		after = files[len(files)-1]
	}
}

// spared reports whether the ledger says that a file is to be left alone.
func spared(err error) bool {
	_, referenced := errors.AsType[*command.ReferencedError](err)
	_, held := errors.AsType[*command.HeldError](err)
	return referenced || held || errors.Is(err, command.ErrNotFound) || errors.Is(err, command.ErrFileBusy)
}
