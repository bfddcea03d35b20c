package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cartulary/cartulary/command"
)

// Bounds on what is done for an upload after its own context has ended.
const (
	settleTimeout  = 5 * time.Second  // until requests on their way are cut off
	cleanupTimeout = 30 * time.Second // for removing what a failed upload left
)

// Put stores what body holds under a new key and returns what that was. When
// body fails, ctx ends or the store refuses, nothing stays under key; when body
// holds more than limit bytes, the error is [ErrTooLarge]. After [ErrAborted], which is of
// one upload alone, another one may go well.
func (s *Store) Put(
	ctx context.Context, key, contentType string, body io.Reader, limit int64,
) (command.Digest, error) {
	body = &capped{r: body, left: limit}
	h := newHashes()
	err := s.put(ctx, key, contentType, body, h)
	if err == nil && ctx.Err() != nil { // stored, but nobody waits for it any more
		err = errors.Join(ctx.Err(), s.discard(ctx, key))
	}
	if err != nil {
		return command.Digest{}, fmt.Errorf("put %s: %w", key, err)
	}
	return h.digest(), nil
}

// put sends bodies that fit into one part with one request, from a small buffer
// if they fit into that.
func (s *Store) put(ctx context.Context, key, contentType string, body io.Reader, h *hashes) error {
	small := s.getSmall()
	n, err := fill(body, *small)
	if err != nil {
		defer s.small.Put(small)
		return s.putWhole(ctx, key, contentType, (*small)[:n], err, h)
	}
	part := s.getLarge()
	copy(*part, *small)
	s.small.Put(small)
	n, err = fill(body, (*part)[smallSize:])
	n += smallSize
	if err != nil {
		defer s.large.Put(part)
		return s.putWhole(ctx, key, contentType, (*part)[:n], err, h)
	}
	u := &upload{store: s, key: key, body: body, hashes: h}
	return u.run(ctx, contentType, part)
}

// putWhole stores data, which is all there was before reading ended as readErr
// says.
func (s *Store) putWhole(
	ctx context.Context, key, contentType string, data []byte, readErr error, h *hashes,
) error {
	if !errors.Is(readErr, io.EOF) {
		return readErr
	}
	wait := h.start(data)
	defer wait()
	size := int64(len(data))
	sending, cancel := lingering(ctx)
	defer cancel()
	_, err := s.client.PutObject(sending, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType,
		Body: bytes.NewReader(data), ContentLength: &size,
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	}, unsignedPayload)
	if err != nil {
		return errors.Join(err, s.discard(ctx, key)) // it may have arrived all the same
	}
	return nil
}

// PutVerified stores data, whose digest is d, in the place of whatever is under key. The
// store compares both hashes with what has arrived and refuses what differs.
func (s *Store) PutVerified(ctx context.Context, key, contentType string, data []byte, d command.Digest) error {
	sums := make([]string, 2)
	for i, sum := range []string{d.MD5, d.SHA256} {
		binary, err := hex.DecodeString(sum)
		if err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
		sums[i] = base64.StdEncoding.EncodeToString(binary)
	}
	input := s.object(key, contentType, data)
	input.ContentMD5, input.ChecksumSHA256 = &sums[0], &sums[1] // not every store knows the latter
	if _, err := s.client.PutObject(ctx, input, unsignedPayload); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// lingering returns a context that ends a while after ctx does. What was sent is
// waited for that long: taking back a request that the store is still at would
// race with it, and could lose.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(settleTimeout)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// discard removes an object that was stored in vain.
func (s *Store) discard(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return s.Delete(ctx, key)
}

// unsignedPayload saves the signature's own SHA-256 over the body.
func unsignedPayload(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}
