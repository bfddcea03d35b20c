package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Unfinished is an upload in parts that was begun and neither completed nor aborted.
type Unfinished struct {
	Key    string
	Upload string // its name, for [Store.AbortParts]
	Begun  time.Time
}

// Unfinished calls found for each unfinished upload under prefix until found fails;
// that error is returned as it is.
func (s *Store) Unfinished(ctx context.Context, prefix string, found func(Unfinished) error) error {
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list uploads of %s: %w", prefix, err)
		}
		for _, u := range page.Uploads {
			err := found(Unfinished{Key: aws.ToString(u.Key), Upload: aws.ToString(u.UploadId), Begun: aws.ToTime(u.Initiated)})
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
func (s *Store) AbortStale(ctx context.Context, prefix string, before time.Time) (aborted int, err error) {
	err = s.Unfinished(ctx, prefix, func(u Unfinished) error {
		if !u.Begun.Before(before) {
			return nil
		}
		if err := s.AbortParts(ctx, u.Key, u.Upload); err != nil {
			return err
		}
		aborted++
		return nil
	})
	return aborted, err
}
