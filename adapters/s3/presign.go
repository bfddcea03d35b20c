package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// PresignGet returns a link with which anyone can get the object until ttl (one
// second at least) has passed. It is answered with contentType, and in such a way
// that browsers save it under filename.
func (s *Store) PresignGet(ctx context.Context, key, filename, contentType string, ttl time.Duration) (string, error) {
	request, err := s.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: &key,
		ResponseContentDisposition: aws.String(attachment(filename)),
		ResponseContentType:        &contentType,
	}, s3.WithPresignExpires(max(ttl, time.Second)))
	if err != nil {
		return "", fmt.Errorf("presign %s: %w", key, err)
	}
	return request.URL, nil
}
