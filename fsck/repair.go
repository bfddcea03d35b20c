package fsck

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// operation is what the trail calls an act of this package.
const operation = "fsck"

// repair is a way to mend something.
type repair struct {
	ledger uuid.UUID // whose trail tells of it
	intent string    // for the trail
	do     func(ctx context.Context) error
	done   string
}

// perform records what is about to be done, and does it.
func (c *Checker) perform(ctx context.Context, f Finding, r *repair) error {
	act := command.RecordOperation{Ledger: r.ledger, By: c.cfg.By, Action: operation, Detail: r.intent}
	if _, err := c.cfg.App.RecordOperation(ctx, act); err != nil {
		return fmt.Errorf("record it: %w", err)
	}
	if err := r.do(ctx); err != nil {
		return fmt.Errorf("repair what is %s: %w", f.Kind, err)
	}
	return nil
}

// trail is where acts on the tenant are recorded. Nobody reads a purged tenant's
// ledger any more.
func (t *tenant) trail() uuid.UUID {
	if t.state.Purged {
		return events.PlatformLedger
	}
	return t.id
}

func (t *tenant) remove(key string) *repair {
	return &repair{t.trail(), "remove orphaned object " + key, func(ctx context.Context) error {
		return t.cfg.Objects.Delete(ctx, key)
	}, "removed"}
}

func (t *tenant) abort(u Upload) *repair {
	return &repair{t.trail(), "abort unfinished upload of " + u.Key, func(ctx context.Context) error {
		return t.cfg.Objects.Abort(ctx, u)
	}, "aborted"}
}

func (t *tenant) drop() *repair {
	return &repair{t.trail(), "drop the database of purged tenant " + t.id.String(), func(ctx context.Context) error {
		return t.cfg.Databases.Drop(ctx, t.id)
	}, "dropped"}
}

func (t *tenant) provision() *repair {
	return &repair{t.trail(), "make the missing database", func(ctx context.Context) error {
		return t.cfg.Worker.Provision(ctx, t.id)
	}, "made, empty; cartulary replay --tenant " + t.id.String() + " fills it"}
}

// repairFile returns the way to mend a file; nil if there is none.
func (t *tenant) repairFile(ctx context.Context, id uuid.UUID, f command.File, k Kind) (*repair, error) {
	switch {
	case !t.cfg.Repair:
		return nil, nil
	case k == Stuck:
		return t.requeue(id), nil
	case k == Failed:
		got, err := t.cfg.Objects.Verify(ctx, f.S3Path)
		if errors.Is(err, t.cfg.NotFound) || err == nil && got != f.Digest {
			return nil, nil
		}
		return t.requeue(id), err
	case (k == Missing || k == Altered) && f.Status == command.FileReady:
		got, err := t.cfg.Objects.Verify(ctx, f.Staged)
		if errors.Is(err, t.cfg.NotFound) || err == nil && got != f.Digest {
			return nil, nil
		}
		return &repair{t.trail(), fmt.Sprintf("restore file %s from %s", id, f.Staged), func(ctx context.Context) error {
			return t.restore(ctx, f)
		}, "restored from " + f.Staged}, err
	}
	return nil, nil
}

// requeue has a worker verify a file once more that failed, or that none has finished.
func (t *tenant) requeue(id uuid.UUID) *repair {
	return &repair{t.trail(), fmt.Sprintf("retry file %s", id), func(ctx context.Context) error {
		_, err := t.cfg.App.RetryFile(ctx, command.Meta{ID: uuid.New()}, command.RetryFile{TenantID: t.id, FileID: id, StuckBefore: t.stuck})
		return err
	}, "queued for a worker to verify"}
}

// restore copies the bytes as they were received to where they belong.
func (t *tenant) restore(ctx context.Context, f command.File) error {
	if err := t.cfg.Objects.Copy(ctx, f.Staged, f.S3Path); err != nil {
		return err
	}
	got, err := t.cfg.Objects.Verify(ctx, f.S3Path)
	if err == nil && got != f.Digest {
		err = errors.New("the copy differs")
	}
	return err
}
