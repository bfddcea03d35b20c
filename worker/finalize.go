package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Why files fail.
const (
	reasonGone  = "the received bytes are gone"
	reasonWrong = "the stored bytes are not the received ones"
)

// finalize verifies a file's bytes, which lie under staged, and brings them to their
// final key. That depends on when they were received alone, so that whoever does it, and
// however often, does it there. An event that another one came after is nothing to act on,
// nor is a file that was stored at once.
func (w *Worker) finalize(ctx context.Context, r events.Recorded, staged string) error {
	tenant, id := r.Ledger, r.Stream.ID
	if !strings.HasPrefix(staged, command.StagingPrefix(tenant)) {
		return nil
	}
	file, err := w.cfg.App.FileByID(ctx, tenant, id)
	if err != nil {
		return fmt.Errorf("load file %s: %w", id, err)
	}
	if file.Status != command.FileProcessing || file.S3Path != staged || file.Queued != r.StreamVersion {
		return nil
	}
	w.step(StepVerify)
	got, err := w.cfg.Objects.Verify(ctx, staged)
	switch {
	case errors.Is(err, w.cfg.NotFound):
		return w.fail(ctx, r, staged, reasonGone)
	case err != nil:
		return fmt.Errorf("verify file %s: %w", id, err)
	case got != file.Digest:
		return w.fail(ctx, r, staged, reasonWrong)
	}
	final := command.StoredPath(tenant, id, file.Digest.MD5, file.BornAt, file.Born)
	w.step(StepCopy)
	if err := w.cfg.Objects.Copy(ctx, staged, final); err != nil {
		return fmt.Errorf("store file %s: %w", id, err)
	}
	w.step(StepRecord)
	_, err = w.cfg.App.StoreFile(ctx, causedBy(r), command.StoreFile{TenantID: tenant, FileID: id, Staged: staged, S3Path: final})
	if err != nil {
		return fmt.Errorf("record file %s as stored: %w", id, err)
	}
	w.step(StepRecorded)
	return nil
}

func (w *Worker) fail(ctx context.Context, r events.Recorded, staged, reason string) error {
	w.cfg.Logger.LogAttrs(ctx, slog.LevelError, "file failed", slog.String("tenant_id", r.Ledger.String()),
		slog.String("file_id", r.Stream.ID.String()), slog.String("reason", reason))
	w.step(StepFail)
	_, err := w.cfg.App.FailFile(ctx, causedBy(r), command.FailFile{
		TenantID: r.Ledger, FileID: r.Stream.ID, Staged: staged, Reason: reason,
	})
	if err != nil {
		return fmt.Errorf("record file %s as failed: %w", r.Stream.ID, err)
	}
	return nil
}
