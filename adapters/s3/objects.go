package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // what entity tags are
	"encoding/hex"
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
	MD5          string // of what it holds, in lower-case hex; "" if the store does not tell
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

// md5Of returns the MD5 digest that an entity tag is, or "". Of an object that was
// stored in parts, or encrypted with keys of others, the tag is no digest; the latter
// does not show.
func md5Of(tag *string) string {
	sum := strings.ToLower(strings.Trim(aws.ToString(tag), `"`))
	if decoded, err := hex.DecodeString(sum); err != nil || len(decoded) != md5.Size {
		return ""
	}
	return sum
}

// Prefixes calls found for each stretch of keys that begin with prefix, up to and
// including their next slash, in order, until found fails; that error is returned as
// it is.
func (s *Store) Prefixes(ctx context.Context, prefix string, found func(string) error) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.bucket, Prefix: &prefix, Delimiter: aws.String("/"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, p := range page.CommonPrefixes {
			if err := found(aws.ToString(p.Prefix)); err != nil {
				return err
			}
		}
	}
	return nil
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
				Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), LastModified: aws.ToTime(o.LastModified), MD5: md5Of(o.ETag),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
