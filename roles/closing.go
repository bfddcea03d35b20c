package roles

import (
	"context"
	"io"
	"log/slog"
)

// closing closes c and logs what goes wrong.
func closing(ctx context.Context, logger *slog.Logger, name string, c io.Closer) {
	if err := c.Close(); err != nil {
		logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "not closed cleanly", slog.String("what", name), slog.Any("error", err))
	}
}
