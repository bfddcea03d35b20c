package roles

import (
	"context"
	"io"
	"log/slog"
)

// closing closes c and logs what goes wrong.
func closing(ctx context.Context, logger *slog.Logger, name string, c io.Closer) {
	if err := c.Close(); err != nil {
		logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "close "+name, slog.Any("error", err))
	}
}
