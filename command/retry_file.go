package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// RetryFile has a file that failed verified once more.
type RetryFile struct {
	TenantID uuid.UUID
	FileID   uuid.UUID

	// StuckBefore has a file that is being processed retried, too, if its bytes were
	// given to be verified before then. It is for operators: zero, no such file is.
	StuckBefore time.Time
}

// Decide picks the events that retry f; [ErrNotFailed] unless it failed or is stuck.
func (c RetryFile) Decide(f File) ([]events.FileEvent, error) {
	stuck := f.Status == FileProcessing && f.QueuedAt.Before(c.StuckBefore)
	switch {
	case !f.exists():
		return nil, ErrNotFound
	case f.Status != FileFailed && !stuck:
		return nil, ErrNotFailed
	}
	return []events.FileEvent{events.FileRetried{S3Path: f.S3Path}}, nil
}

// RetryFile has a file verified once more, by a worker, later.
func (a *App) RetryFile(ctx context.Context, meta Meta, c RetryFile) (Result[FileDetails], error) {
	stream := fileStream(c.FileID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{stream}, func(h *history) (decision[FileDetails], error) {
		file := fold(h, stream, evolveFile)
		retried, err := c.Decide(file)
		return decision[FileDetails]{
			changes: []Change{change(stream, retried)},
			outcome: func(at time.Time) FileDetails {
				after := file.queued(events.Recorded{StreamVersion: file.Version + 1, At: at}, file.S3Path)
				after.Version = after.Queued
				return after.details(c.FileID)
			},
		}, err
	})
}
