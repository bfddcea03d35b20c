package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Keep stores a small object as [Store.PutOnce] does and locks it for as long as
// [Config.KeepFor] says: nobody can remove it then, the bucket's owner included (S3
// Object Lock, compliance mode). In a bucket with versions, that is the version.
func (s *Store) Keep(ctx context.Context, key, contentType string, data []byte) error {
	input := s.object(key, contentType, data)
	if s.keepFor > 0 {
		input.ObjectLockMode = types.ObjectLockModeCompliance
		input.ObjectLockRetainUntilDate = aws.Time(time.Now().Add(s.keepFor).UTC().Truncate(time.Second))
		input.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 // which S3 wants of whatever is locked
	}
	return s.putOnce(ctx, input, data)
}

// lockable makes sure that objects of the bucket can be locked.
func (s *Store) lockable(ctx context.Context) error {
	out, err := s.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.bucket})
	if err != nil {
		return fmt.Errorf("checkpoints can't be locked there: %w", err)
	}
	if out.ObjectLockConfiguration == nil || out.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return errors.New("checkpoints can't be locked there: the bucket has no object lock")
	}
	return nil
}
