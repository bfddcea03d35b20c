package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// amend makes an object of the first bytes of itself, and of what comes behind them. S3
// takes no part but the last below 5 MiB, and copies none of an object that has less:
// what fits into memory is read and stored anew.
func (s *Store) amend(ctx context.Context, key, contentType string, first int64, behind []byte) error {
	if first+int64(len(behind)) <= partSize {
		return s.rewrite(ctx, key, contentType, first, behind)
	}
	upload, err := s.BeginParts(ctx, key, contentType)
	if err != nil {
		return err
	}
	if err = s.amendIn(ctx, key, upload, first, behind); err != nil {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		err = errors.Join(aborted(err), s.AbortParts(cleaning, key, upload))
	}
	return err
}

func (s *Store) amendIn(ctx context.Context, key, upload string, first int64, behind []byte) error {
	copied, err := s.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
		Bucket: &s.bucket, Key: &key, UploadId: &upload, PartNumber: partNumber(1),
		CopySource: aws.String(copySource(s.bucket, key)), CopySourceRange: aws.String(fmt.Sprintf("bytes=0-%d", first-1)),
	})
	if err != nil {
		return fmt.Errorf("copy the first %d bytes of %s: %w", first, key, err)
	}
	tags := []string{aws.ToString(copied.CopyPartResult.ETag)}
	if len(behind) > 0 {
		added := types.CompletedPart{PartNumber: partNumber(2)}
		if err := s.sendPart(ctx, key, &upload, &added, behind); err != nil {
			return err
		}
		tags = append(tags, aws.ToString(added.ETag))
	}
	return s.CompleteParts(ctx, key, upload, tags)
}

// rewrite is amend for what fits into one part.
func (s *Store) rewrite(ctx context.Context, key, contentType string, first int64, behind []byte) error {
	object, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	part := s.getLarge()
	defer s.large.Put(part)
	if n, err := fill(object, (*part)[:first]); err != nil && (int64(n) < first || !errors.Is(err, io.EOF)) {
		return fmt.Errorf("read the first %d bytes of %s: %w", first, key, err)
	}
	data := append((*part)[:first], behind...)
	return s.putWhole(ctx, key, contentType, data, io.EOF, newHashes())
}
