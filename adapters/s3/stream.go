package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cartulary/cartulary/command"
)

// PutSized stores a body of exactly size bytes under a new key and returns what
// that was. It does so with one request that streams, so that no more than half a
// MiB is in memory; what is short is sent from memory instead, and tried again if the
// store fails. It fails like [Store.Put], with [ErrTooLarge] when there are more than
// size bytes, and with [io.ErrUnexpectedEOF] when there are less.
func (s *Store) PutSized(
	ctx context.Context, key, contentType string, body io.Reader, size int64,
) (command.Digest, error) {
	body = &exactly{r: &capped{r: body, left: size}, left: size}
	if size <= smallSize {
		return s.Put(ctx, key, contentType, body, size)
	}
	stream := s.newHashed(body, size)
	err := s.putStream(ctx, key, contentType, stream, size)
	digest, ended := stream.close()
	switch {
	case ended != nil && !errors.Is(ended, io.EOF):
		err = errors.Join(ended, s.discard(ctx, key)) // what the request failed with follows from it
	case err == nil && ctx.Err() != nil: // stored, but nobody waits for it any more
		err = errors.Join(ctx.Err(), s.discard(ctx, key))
	case err == nil && digest.Size != size:
		err = errors.Join(io.ErrUnexpectedEOF, s.discard(ctx, key))
	case err != nil:
		err = errors.Join(err, s.discard(ctx, key)) // it may have arrived all the same
	}
	if err != nil {
		return command.Digest{}, fmt.Errorf("put %s: %w", key, err)
	}
	return digest, nil
}

// putStream sends a body that can be read once: there is no second try.
func (s *Store) putStream(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	sending, cancel := lingering(ctx)
	defer cancel()
	_, err := s.client.PutObject(sending, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, Body: body, ContentLength: &size,
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	}, unsignedPayload, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	return err
}

// exactly fails with io.ErrUnexpectedEOF when its reader ends before left bytes.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// hashed hashes what is read through it: one buffer is hashed while its bytes are
// being sent and the other one is filled. An HTTP client may go on reading a body
// after it has answered; once hashed is closed it reads nothing any more. Of a body
// that is not as it should be, the end is never handed out: a store that has received
// all that was announced would keep it.
type hashed struct {
	mu     sync.Mutex
	closed bool

	store      *Store
	r          io.Reader
	size       int64 // of the whole body, or unknownSize
	busy, next *[]byte
	ready      []byte // of busy, still to be handed out
	err        error  // what reading ended with
	hashes     *hashes
	wait       func()
}

// unknownSize is the size of a body that ends where it ends.
const unknownSize = -1

func (s *Store) newHashed(r io.Reader, size int64) *hashed {
	return &hashed{store: s, r: r, size: size, busy: s.getSmall(), next: s.getSmall(), hashes: newHashes(), wait: func() {}}
}

// Read implements [io.Reader].
func (h *hashed) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	if len(h.ready) == 0 {
		if h.err != nil {
			return 0, h.err
		}
		n, err := fill(h.r, *h.next)
		if err == nil && h.hashes.size+int64(n) == h.size {
			_, err = fill(h.r, make([]byte, 1)) // before the last bytes are handed out
		}
		if h.err = err; err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		h.wait()
		h.busy, h.next = h.next, h.busy
		h.ready = (*h.busy)[:n]
		h.wait = h.hashes.start(h.ready)
		if n == 0 {
			return 0, h.err
		}
	}
	n := copy(p, h.ready)
	h.ready = h.ready[n:]
	return n, nil
}

// close returns what was read, and what reading ended with, if it has. It waits for
// a read under way.
func (h *hashed) close() (command.Digest, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.wait()
	h.store.small.Put(h.busy)
	h.store.small.Put(h.next)
	return h.hashes.digest(), h.err
}
