package s3

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cartulary/cartulary/command"
)

// Object is what the store knows of an object.
type Object struct {
	Key          string
	Size         int64 // bytes
	LastModified time.Time
}

// Verify reads an object and returns what it really holds; [ErrNotFound] if
// there is none.
func (s *Store) Verify(ctx context.Context, key string) (command.Digest, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return command.Digest{}, fmt.Errorf("verify %s: %w", key, translate(err))
	}
	defer func() { _ = out.Body.Close() }()
	digest, err := s.hash(out.Body)
	if err != nil {
		return command.Digest{}, fmt.Errorf("verify %s: %w", key, err)
	}
	return digest, nil
}

// Open returns what an object holds, to be closed by the caller; [ErrNotFound] if
// there is none.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, translate(err))
	}
	return out.Body, nil
}

// Copy copies an object of up to 5 GiB, content type included, over whatever
// stands under to; [ErrNotFound] if there is nothing to copy.
func (s *Store) Copy(ctx context.Context, from, to string) error {
	_, err := s.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &s.bucket, Key: &to, CopySource: aws.String(copySource(s.bucket, from)),
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	})
	if err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, translate(err))
	}
	return nil
}

// copySource is a path, each segment percent-encoded.
func copySource(bucket, key string) string {
	segments := strings.Split(key, "/")
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return bucket + "/" + strings.Join(segments, "/")
}

// List calls found for each object whose key begins with prefix, in the order of
// keys, until found fails; that error is returned as it is.
func (s *Store) List(ctx context.Context, prefix string, found func(Object) error) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, o := range page.Contents {
			err := found(Object{
				Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), LastModified: aws.ToTime(o.LastModified),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// AbortStale removes the parts of uploads under prefix that began before the
// given time, which only a killed process leaves, and returns how many uploads
// that were.
func (s *Store) AbortStale(ctx context.Context, prefix string, before time.Time) (int, error) {
	aborted := 0
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return aborted, fmt.Errorf("list uploads of %s: %w", prefix, err)
		}
		for _, upload := range page.Uploads {
			if !aws.ToTime(upload.Initiated).Before(before) {
				continue
			}
			_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
				Bucket: &s.bucket, Key: upload.Key, UploadId: upload.UploadId,
			})
			if err != nil && !missing(err) {
				return aborted, fmt.Errorf("abort upload of %s: %w", aws.ToString(upload.Key), err)
			}
			aborted++
		}
	}
	return aborted, nil
}
