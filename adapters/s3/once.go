package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrDiffers says that an object that is stored once and for all is there already,
// with other bytes.
var ErrDiffers = errors.New("the object is there with other bytes")

// PutOnce stores a small object under a key where nothing is, or the same bytes are;
// otherwise it fails with [ErrDiffers] and leaves what is there.
func (s *Store) PutOnce(ctx context.Context, key, contentType string, data []byte) error {
	return s.putOnce(ctx, s.object(key, contentType, data), data)
}

// putOnce does what [Store.PutOnce] says.
func (s *Store) putOnce(ctx context.Context, input *s3.PutObjectInput, data []byte) error {
	key := *input.Key
	input.IfNoneMatch = aws.String("*")
	_, err := s.client.PutObject(ctx, input)
	if statusOf(err) == http.StatusNotImplemented { // the server knows no conditions
		if _, headErr := s.Head(ctx, key); errors.Is(headErr, ErrNotFound) {
			input.IfNoneMatch, input.Body = nil, bytes.NewReader(data)
			_, err = s.client.PutObject(ctx, input)
		}
	}
	if err == nil {
		return nil
	}
	if !mayBeThere(err, input) {
		return fmt.Errorf("put %s once: %w", key, err)
	}
	there, readErr := s.Read(ctx, key, int64(len(data))+1)
	if readErr != nil {
		return fmt.Errorf("put %s once: %w", key, errors.Join(err, readErr))
	}
	if !bytes.Equal(there, data) {
		return fmt.Errorf("put %s once: %w", key, ErrDiffers)
	}
	return nil
}

// mayBeThere reports whether a refusal can mean that the object is there already:
// some stores look at an object's lock before they look at the condition.
func mayBeThere(err error, input *s3.PutObjectInput) bool {
	switch statusOf(err) {
	case http.StatusPreconditionFailed, http.StatusConflict, http.StatusNotImplemented:
		return true
	case http.StatusForbidden, http.StatusBadRequest:
		return input.ObjectLockMode != ""
	default:
		return false
	}
}

// object describes a small object that is to be stored.
func (s *Store) object(key, contentType string, data []byte) *s3.PutObjectInput {
	return &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, Body: bytes.NewReader(data),
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	}
}

// Replace stores a small object over whatever is there.
func (s *Store) Replace(ctx context.Context, key, contentType string, data []byte) error {
	_, err := s.client.PutObject(ctx, s.object(key, contentType, data))
	if err != nil {
		return fmt.Errorf("replace %s: %w", key, err)
	}
	return nil
}

// Read returns the first limit bytes of an object; [ErrNotFound] if there is none.
func (s *Store) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, translate(err))
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}
