package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// RemovalDelay is how long the bytes of a deleted file stay: longer than links to
// them live, and than most downloads take.
const RemovalDelay = 2 * time.Minute

// Remover removes the bytes of deleted files. A file that is received again lies
// under a key of its own, so that a late removal never hits it.
type Remover struct {
	App     *command.App
	Objects interface {
		// Delete removes an object; it is no error if there is none.
		Delete(ctx context.Context, key string) error
	}
	Logger *slog.Logger
}

// RemoverTopics are the topics whose events a remover acts on.
func RemoverTopics() []string { return []string{events.TopicFileDeleted} }

// Act acts on an event, which must be [RemovalDelay] old. It fails if that must be done
// again.
func (r *Remover) Act(ctx context.Context, m events.Message) error {
	recorded, err := events.Decode(m.Body)
	if err != nil {
		return fmt.Errorf("remover: %w", err)
	}
	e, ok := recorded.Event.(events.FileDeleted)
	if !ok {
		return nil
	}
	if err := r.remove(ctx, recorded, e); err != nil {
		return fmt.Errorf("remove the bytes of file %s: %w", recorded.Stream.ID, err)
	}
	return nil
}

func (r *Remover) remove(ctx context.Context, recorded events.Recorded, e events.FileDeleted) error {
	file, err := r.App.FileByID(ctx, recorded.Ledger, recorded.Stream.ID)
	if err != nil {
		return err
	}
	if file.Status != command.FileDeleted && file.S3Path == e.S3Path {
		r.Logger.LogAttrs(ctx, slog.LevelError, "a deleted file's key is in use again: left alone", slog.String("key", e.S3Path))
		return nil
	}
	return r.Objects.Delete(ctx, e.S3Path)
}
