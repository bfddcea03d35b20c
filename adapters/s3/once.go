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
	input := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, Body: bytes.NewReader(data), IfNoneMatch: aws.String("*"),
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	}
	_, err := s.client.PutObject(ctx, input)
	switch statusOf(err) {
	case http.StatusPreconditionFailed, http.StatusConflict:
	case http.StatusNotImplemented: // the server knows no conditions
		if _, err := s.Head(ctx, key); errors.Is(err, ErrNotFound) {
			return s.Replace(ctx, key, contentType, data)
		}
	default:
		if err != nil {
			return fmt.Errorf("put %s once: %w", key, err)
		}
		return nil
	}
	there, err := s.Read(ctx, key, int64(len(data))+1)
	if err != nil {
		return fmt.Errorf("put %s once: %w", key, err)
	}
	if !bytes.Equal(there, data) {
		return fmt.Errorf("put %s once: %w", key, ErrDiffers)
	}
	return nil
}

// Replace stores a small object over whatever is there.
func (s *Store) Replace(ctx context.Context, key, contentType string, data []byte) error {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, Body: bytes.NewReader(data),
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	})
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
