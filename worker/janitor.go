package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// StagingGrace is how long a staging object stays when nothing stands on it any more:
// longer than any download link lives, and than most downloads take. Of bytes that are not
// on the ledger nobody can tell; they stay for [command.LongestUpload] more.
const StagingGrace = 15 * time.Minute

// askingTimeout bounds a look into a tenant's read model.
const askingTimeout = 10 * time.Second

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
	// Shown returns where a tenant's read model says that a file lies, which is where
	// links lead; "" if it has no such file. It may lag behind the ledger.
	Shown  func(ctx context.Context, tenant, file uuid.UUID) (string, error)
	Logger *slog.Logger
	Every  time.Duration

	lagging map[string]time.Time // when keys were shown that the ledger was done with
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
				j.Logger.LogAttrs(ctx, slog.LevelWarn, "the staging area was not swept of all", slog.Int("removed", removed), slog.Any("error", err))
			case removed > 0:
				j.Logger.LogAttrs(ctx, slog.LevelInfo, "staging area swept", slog.Int("removed", removed))
			}
		}
	}
}

// Sweep removes the staging objects that are of no use since before a time, and what
// unfinished uploads left; it returns how many. One sick tenant does not keep it from
// others.
func (j *Janitor) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	const page = 500
	var failures []error
	for after := uuid.Nil; ; {
		ledgers, err := j.Ledgers.Ledgers(ctx, after, page)
		if err != nil {
			return removed, errors.Join(fmt.Errorf("list ledgers: %w", err), incomplete(failures))
		}
		for _, ledger := range ledgers {
			if ledger == events.PlatformLedger {
				continue
			}
			n, err := j.sweepTenant(ctx, ledger, before)
			removed += n
			if ctx.Err() != nil {
				return removed, ctx.Err()
			}
			if err != nil {
				failures = append(failures, fmt.Errorf("tenant %s: %w", ledger, err))
			}
		}
		if len(ledgers) < page {
			return removed, incomplete(failures)
		}
		after = ledgers[len(ledgers)-1]
	}
}

// incomplete returns what became of a round in which tenants failed; nil if none did.
func incomplete(failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	return fmt.Errorf("%d tenants failed, the others were served: %w", len(failures), errors.Join(failures...))
}

// sweepTenant sweeps each of a tenant's areas, whatever becomes of the others.
func (j *Janitor) sweepTenant(ctx context.Context, tenant uuid.UUID, before time.Time) (removed int, err error) {
	var failures []error
	for _, sweep := range []func(context.Context, uuid.UUID, time.Time) (int, error){
		j.sweepStaged, j.sweepUnfinished, j.sweepDirect, j.sweepResumable,
	} {
		n, err := sweep(ctx, tenant, before)
		removed += n
		failures = append(failures, err)
	}
	return removed, errors.Join(failures...)
}

// sweepStaged removes what was received and is not needed where it came in.
func (j *Janitor) sweepStaged(ctx context.Context, tenant uuid.UUID, before time.Time) (removed int, err error) {
	prefix := command.StagingPrefix(tenant)
	err = j.Staging.List(ctx, prefix, func(o StagedObject) error {
		if !o.Modified.Before(before) {
			return nil
		}
		document, err := uuid.Parse(strings.TrimPrefix(o.Key, prefix))
		if err != nil {
			return nil //nolint:nilerr // not an object of ours
		}
		useless, err := j.useless(ctx, tenant, document, o, before)
		if err != nil || !useless {
			return err
		}
		if err := j.Staging.Delete(ctx, o.Key); err != nil {
			return err
		}
		removed++
		return nil
	})
	return removed, err
}

// sweepUnfinished removes the parts of uploads that nobody can be at any more.
func (j *Janitor) sweepUnfinished(ctx context.Context, tenant uuid.UUID, before time.Time) (int, error) {
	return j.Staging.AbortStale(ctx, command.StagingPrefix(tenant), before.Add(-command.LongestUpload))
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

// useless reports whether nothing stands on a document's staging object since before a
// time. What has no document may be on its way to become one: some stores tell when an
// object was begun, not when it was whole.
func (j *Janitor) useless(ctx context.Context, tenant, document uuid.UUID, o StagedObject, before time.Time) (bool, error) {
	d, err := j.App.DocumentByID(ctx, tenant, document)
	if err != nil {
		return false, err
	}
	if d.Version == 0 {
		return o.Modified.Before(before.Add(-command.LongestUpload)), nil
	}
	file, err := j.App.FileByID(ctx, tenant, d.FileID)
	if err != nil || file.S3Path == o.Key || !file.UpdatedAt.Before(before) {
		return false, err
	}
	return j.hidden(ctx, tenant, d.FileID, o.Key, before)
}

// hidden reports whether a tenant's read model has not shown a file's staging object since
// before a time, as far as this janitor knows: one that lags behind the ledger does.
func (j *Janitor) hidden(ctx context.Context, tenant, file uuid.UUID, key string, before time.Time) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, askingTimeout)
	defer cancel()
	shown, err := j.Shown(limited, tenant, file)
	if err != nil {
		return false, err
	}
	if shown == key {
		if j.lagging == nil {
			j.lagging = make(map[string]time.Time)
		}
		j.lagging[key] = time.Now()
		return false, nil
	}
	if last, lagged := j.lagging[key]; lagged && !last.Before(before) {
		return false, nil
	}
	delete(j.lagging, key)
	return true, nil
}
