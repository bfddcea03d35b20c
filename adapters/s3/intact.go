package s3

import (
	"context"
	"errors"

	"github.com/cartulary/cartulary/command"
)

// Intact reports whether the store says nothing of an object but what d does: it is not
// read. That there is none, or one of another size or MD5, the store knows; what changed
// beneath it, it does not.
func (s *Store) Intact(ctx context.Context, key string, d command.Digest) (bool, error) {
	found, err := s.Head(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	default:
		return found.Size == d.Size && (found.MD5 == "" || found.MD5 == d.MD5), nil
	}
}
