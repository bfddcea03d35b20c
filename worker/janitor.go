package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// StagingGrace is how long a staging object is left alone: longer than any upload
// takes to be recorded and than any download link lives.
const StagingGrace = 15 * time.Minute

// longestUpload is longer than any request may take that brings a file's bytes: 100 MiB,
// as slowly as the API lets them come, are on their way for 107 minutes.
const longestUpload = 2 * time.Hour

// StagedObject is an object in a tenant's staging area.
type StagedObject struct {
	Key      string
	Modified time.Time
}

// Staging is the store of bytes on their way in.
type Staging interface {
	// List calls found for each object whose key begins with prefix.
	List(ctx context.Context, prefix string, found func(StagedObject) error) error
	// Delete removes an object; it is no error if there is none.
	Delete(ctx context.Context, key string) error
	// AbortStale removes what unfinished uploads under prefix left that began before
	// a time, and returns how many those were.
	AbortStale(ctx context.Context, prefix string, before time.Time) (int, error)
}

// Ledgers lists ledgers in the order of their ids.
type Ledgers interface {
	// Ledgers returns up to limit ids that come after the given one.
	Ledgers(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// Janitor removes staging objects that no file stands on any more, and what
// unfinished uploads left.
type Janitor struct {
	App     *command.App
	Staging Staging
	Ledgers Ledgers
	Logger  *slog.Logger
	Every   time.Duration
}

// Run sweeps at intervals until ctx ends.
func (j *Janitor) Run(ctx context.Context) {
	ticker := time.NewTicker(j.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			removed, err := j.Sweep(ctx, now.Add(-StagingGrace))
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				j.Logger.LogAttrs(ctx, slog.LevelWarn, "sweep of staging objects cut short", slog.Any("error", err))
			case removed > 0:
				j.Logger.LogAttrs(ctx, slog.LevelInfo, "staging area swept", slog.Int("removed", removed))
			}
		}
	}
}

// Sweep removes the staging objects, last modified before a time, that no file
// stands on, and the unfinished uploads begun before it; it returns how many.
func (j *Janitor) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	const page = 500
	after := uuid.Nil
	for {
		ledgers, err := j.Ledgers.Ledgers(ctx, after, page)
		if err != nil {
			return removed, fmt.Errorf("list ledgers: %w", err)
		}
		for _, ledger := range ledgers {
			if ledger == events.PlatformLedger {
				continue
			}
			n, err := j.sweepTenant(ctx, ledger, before)
			removed += n
			if err != nil {
				return removed, fmt.Errorf("sweep tenant %s: %w", ledger, err)
			}
		}
		if len(ledgers) < page {
			return removed, nil
		}
		after = ledgers[len(ledgers)-1]
	}
}

func (j *Janitor) sweepTenant(ctx context.Context, tenant uuid.UUID, before time.Time) (removed int, err error) {
	prefix := command.StagingPrefix(tenant)
	err = j.Staging.List(ctx, prefix, func(o StagedObject) error {
		if !o.Modified.Before(before) {
			return nil
		}
		document, err := uuid.Parse(strings.TrimPrefix(o.Key, prefix))
		if err != nil {
			return nil //nolint:nilerr // not an object of ours
		}
		needed, err := j.needed(ctx, tenant, document, o.Key)
		if err != nil || needed {
			return err
		}
		if err := j.Staging.Delete(ctx, o.Key); err != nil {
			return err
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, err
	}
	for _, sweep := range []func(context.Context, uuid.UUID, time.Time) (int, error){j.sweepDirect, j.sweepResumable} {
		abandoned, err := sweep(ctx, tenant, before)
		removed += abandoned
		if err != nil {
			return removed, err
		}
	}
	aborted, err := j.Staging.AbortStale(ctx, prefix, before.Add(-longestUpload)) // they may be under way
	return removed + aborted, err
}

// sweepDirect removes what members stored themselves and never completed.
func (j *Janitor) sweepDirect(ctx context.Context, tenant uuid.UUID, before time.Time) (removed int, err error) {
	prefix := command.DirectPrefix(tenant)
	err = j.Staging.List(ctx, prefix, func(o StagedObject) error {
		if !o.Modified.Before(before) {
			return nil
		}
		removed++
		return j.Staging.Delete(ctx, o.Key)
	})
	if err != nil {
		return removed, err
	}
	aborted, err := j.Staging.AbortStale(ctx, prefix, before)
	return removed + aborted, err
}

// needed reports whether the file of a document still stands on a staging object.
func (j *Janitor) needed(ctx context.Context, tenant, document uuid.UUID, key string) (bool, error) {
	d, err := j.App.DocumentByID(ctx, tenant, document)
	if err != nil || d.Version == 0 {
		return false, err
	}
	file, err := j.App.FileByID(ctx, tenant, d.FileID)
	return file.S3Path == key, err
}
