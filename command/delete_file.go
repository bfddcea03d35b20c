package command

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// DeleteFile removes a file on which no document stands.
type DeleteFile struct {
	TenantID uuid.UUID
	FileID   uuid.UUID
}

// Decide picks the events that delete f. While its bytes are on their way it is
// [ErrFileBusy]; while documents stand on it, a [*ReferencedError]; while the tenant
// is held, a [*HeldError].
func (c DeleteFile) Decide(f File, h Holds) ([]events.FileEvent, error) {
	switch {
	case f.Status == "", f.Status == FileDeleted:
		return nil, ErrNotFound
	case f.References > 0:
		return nil, &ReferencedError{Documents: f.References}
	case f.Status == FileProcessing:
		return nil, ErrFileBusy
	}
	if err := h.freesFiles(); err != nil {
		return nil, err
	}
	return []events.FileEvent{events.FileDeleted{S3Path: f.S3Path}}, nil
}

// DeleteFile deletes a file. An upload of the same bytes meets it on the file's
// stream: whoever comes second decides anew on what the first one did.
func (a *App) DeleteFile(ctx context.Context, meta Meta, c DeleteFile) (Receipt, error) {
	file, holds := fileStream(c.FileID), holdStream(c.TenantID)
	result, err := perform(ctx, a, c.TenantID, meta, []events.Stream{file, holds}, func(h *history) (decision[nothing], error) {
		deleted, err := c.Decide(fold(h, file, evolveFile), fold(h, holds, evolveHolds))
		return quiet(change(file, deleted)), err
	})
	return result.Receipt, err
}
