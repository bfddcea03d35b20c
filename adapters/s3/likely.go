package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cartulary/cartulary/command"
)

// PutLikely is [Store.Put] for a body that most likely has exactly size bytes: one whose
// length nobody told, but that can be guessed. Such a body is sent with one request that
// streams, as [Store.PutSized] does it, so that no more than half a MiB is in memory, and
// there is no second try. If size is below zero, nothing is known, and nothing gained.
//
// Any other body is stored as well. One that turns out shorter is filled up with zeros,
// which are cut off at the store; a caller that doesn't want many sent lets its body
// fail. One that turns out longer, by less than a quarter of a MiB, has the rest put
// behind; more is [ErrTooLarge]. Until that is done, the object is there as it should not
// be: no one may know its key before PutLikely returns.
func (s *Store) PutLikely(
	ctx context.Context, key, contentType string, body io.Reader, size, limit int64,
) (command.Digest, error) {
	size = min(size, limit)
	if size <= smallSize {
		return s.Put(ctx, key, contentType, body, limit)
	}
	stream := s.newHashed(&capped{r: body, left: limit}, unknownSize)
	err := s.putStream(ctx, key, contentType, &fitted{r: stream, left: size}, size)
	var behind []byte
	if err == nil {
		behind, err = s.rest(stream)
	}
	digest, ended := stream.close()
	switch {
	case ended != nil && !errors.Is(ended, io.EOF):
		err = ended // what the request failed with follows from it
	case err == nil && ctx.Err() != nil: // stored, but nobody waits for it any more
		err = ctx.Err()
	case err == nil && digest.Size != size:
		err = s.amend(ctx, key, contentType, min(digest.Size, size), behind)
	}
	if err != nil {
		err = errors.Join(err, s.discard(ctx, key)) // it may have arrived all the same
		return command.Digest{}, fmt.Errorf("put %s: %w", key, err)
	}
	return digest, nil
}

// rest returns what is left of a stream, if that is little.
func (s *Store) rest(stream io.Reader) ([]byte, error) {
	buffer := s.getSmall()
	defer s.small.Put(buffer)
	n, err := fill(stream, *buffer)
	switch {
	case err == nil:
		return nil, ErrTooLarge
	case errors.Is(err, io.EOF):
		return append([]byte(nil), (*buffer)[:n]...), nil
	default:
		return nil, err
	}
}

// fitted is a reader that ends after left bytes: what its own has more is not read,
// what it has less are zeros.
type fitted struct {
	r     io.Reader
	left  int64
	ended bool // r did
}

// Read implements [io.Reader].
func (f *fitted) Read(b []byte) (n int, err error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), f.left)]
	if f.ended {
		clear(b)
		n = len(b)
	} else if n, err = f.r.Read(b); errors.Is(err, io.EOF) {
		f.ended, err = true, nil
	}
	f.left -= int64(n)
	return n, err
}
