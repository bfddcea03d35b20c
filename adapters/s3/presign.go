package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// PresignGet returns a link with which anyone can get the object until ttl (one
// second at least) has passed. It is answered with contentType, and in such a way
// that browsers save it under filename.
func (s *Store) PresignGet(ctx context.Context, key, filename, contentType string, ttl time.Duration) (string, error) {
	return s.presignGet(ctx, key, disposition("attachment", filename), contentType, ttl)
}

// PresignInline is [Store.PresignGet] for what browsers are to show.
func (s *Store) PresignInline(ctx context.Context, key, filename, contentType string, ttl time.Duration) (string, error) {
	return s.presignGet(ctx, key, disposition("inline", filename), contentType, ttl)
}

func (s *Store) presignGet(ctx context.Context, key, disposition, contentType string, ttl time.Duration) (string, error) {
	request, err := s.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: &key, ResponseContentDisposition: &disposition, ResponseContentType: &contentType,
	}, s3.WithPresignExpires(max(ttl, time.Second)))
	if err != nil {
		return "", fmt.Errorf("presign %s: %w", key, err)
	}
	return request.URL, nil
}

// PresignHead is [Store.PresignGet] for the method HEAD, to learn size and entity tag.
func (s *Store) PresignHead(ctx context.Context, key string, ttl time.Duration) (string, error) {
	request, err := s.presign.PresignHeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key},
		s3.WithPresignExpires(max(ttl, time.Second)))
	if err != nil {
		return "", fmt.Errorf("presign %s: %w", key, err)
	}
	return request.URL, nil
}
