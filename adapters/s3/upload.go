package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const abortInterval = 50 * time.Millisecond

// upload is one upload in parts. Two parts are in memory at most: two on their
// way, or one that is being read and one on its way.
type upload struct {
	store  *Store
	key    string
	body   io.Reader
	hashes *hashes

	id    *string
	parts []*types.CompletedPart
}

// run uploads first, a full part, and the rest of the body. It gives first back
// to the pool.
func (u *upload) run(ctx context.Context, contentType string, first *[]byte) error {
	s := u.store
	out, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.bucket, Key: &u.key, ContentType: &contentType, ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	})
	if err != nil {
		s.large.Put(first)
		return err
	}
	u.id = out.UploadId
	if err = u.send(ctx, first); err == nil {
		err = u.complete(ctx)
	}
	if err != nil {
		return errors.Join(aborted(err), u.abort(ctx))
	}
	return nil
}

// aborted joins [ErrAborted] to a refusal that says that an upload, or what it had sent, is
// not there any more.
func aborted(err error) error {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok &&
		(refusal.ErrorCode() == "NoSuchUpload" || refusal.ErrorCode() == "InvalidPart") {
		return errors.Join(ErrAborted, err)
	}
	return err
}

// send sends all parts, and returns when none is on its way any more. The first
// failure, of the body or of a part, ends the rest and is returned.
func (u *upload) send(ctx context.Context, first *[]byte) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	partCtx, cutOff := lingering(ctx)
	defer cutOff()
	var sending sync.WaitGroup
	free := make(chan *[]byte, 2)
	free <- u.store.getLarge()
	hashed := func() {}
	for part, n, err := first, len(*first), error(nil); ; n, err = fill(u.body, *part) {
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			fail(err)
		}
		if n == 0 || ctx.Err() != nil {
			free <- part
			break
		}
		hashed()
		hashed = u.start(partCtx, fail, part, n, free, &sending)
		if ended {
			break
		}
		if part = next(ctx, free); part == nil {
			break
		}
	}
	sending.Wait()
	for range cap(free) {
		u.store.large.Put(<-free)
	}
	return context.Cause(ctx)
}

// next returns a free buffer, or nil when ctx ends.
func next(ctx context.Context, free <-chan *[]byte) *[]byte {
	select {
	case part := <-free:
		return part
	case <-ctx.Done():
		return nil
	}
}

// start begins to hash and to send the first n bytes of part, which becomes free
// when both are done; the function it returns waits for the hashing.
func (u *upload) start(
	ctx context.Context, fail context.CancelCauseFunc, part *[]byte, n int, free chan<- *[]byte, sending *sync.WaitGroup,
) (hashed func()) {
	data := (*part)[:n]
	hashed = u.hashes.start(data)
	completed := &types.CompletedPart{PartNumber: partNumber(len(u.parts) + 1)}
	u.parts = append(u.parts, completed)
	sending.Go(func() {
		if err := u.store.sendPart(ctx, u.key, u.id, completed, data); err != nil {
			fail(err)
		}
		hashed()
		free <- part
	})
	return hashed
}

// sendPart sends a part of an upload and notes its entity tag.
func (s *Store) sendPart(ctx context.Context, key string, upload *string, part *types.CompletedPart, data []byte) error {
	size := int64(len(data))
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: &key, UploadId: upload, PartNumber: part.PartNumber,
		Body: bytes.NewReader(data), ContentLength: &size,
	}, unsignedPayload)
	if err != nil {
		return err
	}
	part.ETag = out.ETag
	return nil
}

func (u *upload) complete(ctx context.Context) error {
	parts := make([]types.CompletedPart, len(u.parts))
	for i, part := range u.parts {
		parts[i] = *part
	}
	sending, cancel := lingering(ctx)
	defer cancel()
	_, err := u.store.client.CompleteMultipartUpload(sending, &s3.CompleteMultipartUploadInput{
		Bucket: &u.store.bucket, Key: &u.key, UploadId: u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

// abort removes the parts and, should the upload have been completed without our
// hearing of it, the object. A part that was cut off may still arrive, and then
// needs another abort: so it repeats until the store knows of no such upload.
func (u *upload) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	tick := time.NewTicker(abortInterval)
	defer tick.Stop()
	s := u.store
	for {
		_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &s.bucket, Key: &u.key, UploadId: u.id,
		})
		if err == nil {
			_, err = s.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &s.bucket, Key: &u.key, UploadId: u.id})
		}
		if missing(err) {
			return s.discard(ctx, u.key)
		}
		if statusOf(err) == 0 && err != nil { // there is no store to speak to
			return fmt.Errorf("abort: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("abort: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
