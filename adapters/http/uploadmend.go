package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cartulary/cartulary/command"
)

// mending returns what looks whether the store still has the bytes of a file that was
// verified long ago, and puts them there again if it has not. It goes by what the store
// tells: an object that rotted where it lies is found by fsck alone.
func (a *API) mending(d command.Digest, put command.Put) command.Put {
	return func(ctx context.Context, key string) error {
		switch intact, err := a.cfg.Objects.Intact(ctx, key, d); {
		case err != nil:
			return fmt.Errorf("look for the bytes of an upload: %w", err)
		case intact:
			return nil
		}
		if err := put(ctx, key); err != nil {
			return err
		}
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "a file whose bytes were lost has them again", slog.String("key", key))
		return nil
	}
}

// copying returns what brings the staged bytes of an upload under another key.
func (a *API) copying(upload command.UploadDocument) command.Put {
	return func(ctx context.Context, key string) error {
		switch got, err := a.cfg.Objects.Verify(ctx, upload.S3Path); {
		case err != nil:
			return fmt.Errorf("verify an upload: %w", err)
		case got != upload.Digest:
			return errors.New("what was staged is not what was received")
		}
		if err := a.cfg.Objects.Copy(ctx, upload.S3Path, key); err != nil {
			return fmt.Errorf("store an upload: %w", err)
		}
		return nil
	}
}
