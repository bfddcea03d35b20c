package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"
)

// Errors of a [Store].
var (
	ErrNotFound = errors.New("no such object")
	ErrTooLarge = errors.New("the object is too large")

	// ErrAborted says that somebody else ended an upload in parts.
	ErrAborted = errors.New("the upload was aborted meanwhile")
)

// Store is one bucket. Its methods may be called concurrently.
type Store struct {
	bucket  string
	client  *s3.Client
	presign *s3.PresignClient

	sse    types.ServerSideEncryption // of new objects; "": as the bucket has it
	kmsKey *string                    // for aws:kms; nil: the bucket's

	keepFor time.Duration // see [Config.KeepFor]

	small, large sync.Pool // of *[]byte
}

// New returns the store, whose bucket it makes if there is none and it may.
//
// It fails unless an object can be stored there and removed again.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open object store: %w", err)
	}
	s := &Store{bucket: cfg.Bucket, client: cfg.client(cfg.Endpoint), sse: types.ServerSideEncryption(cfg.SSE), keepFor: cfg.KeepFor}
	if cfg.KMSKey != "" {
		s.kmsKey = &cfg.KMSKey
	}
	public := s.client
	if cfg.PublicEndpoint != "" && cfg.PublicEndpoint != cfg.Endpoint {
		public = cfg.client(cfg.PublicEndpoint)
	}
	s.presign = s3.NewPresignClient(public)
	s.small.New = func() any { return newBuffer(smallSize) }
	s.large.New = func() any { return newBuffer(partSize) }
	if err := s.ensureBucket(ctx, cfg); err != nil {
		return nil, fmt.Errorf("open object store: bucket %s: %w", cfg.Bucket, err)
	}
	if s.keepFor > 0 {
		if err := s.lockable(ctx); err != nil {
			return nil, fmt.Errorf("open object store: bucket %s: %w", cfg.Bucket, err)
		}
	}
	if err := s.probe(ctx); err != nil {
		return nil, fmt.Errorf("open object store: bucket %s: no object can be stored and removed: %w", cfg.Bucket, err)
	}
	return s, nil
}

func newBuffer(size int) *[]byte {
	b := make([]byte, size)
	return &b
}

func (s *Store) ensureBucket(ctx context.Context, cfg Config) error {
	err := s.Ready(ctx)
	switch {
	case err == nil:
		return nil
	case statusOf(err) == http.StatusForbidden:
		return fmt.Errorf("the credentials may not use it: %w", err)
	case statusOf(err) != http.StatusNotFound:
		return err
	case !cfg.CreateBucket:
		return errors.New("there is none; make it, or allow that with S3_CREATE_BUCKET=true")
	}
	input := &s3.CreateBucketInput{Bucket: &s.bucket}
	if cfg.KeepFor > 0 {
		input.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	if cfg.Region != "us-east-1" { // which is what none stands for, and may not be named
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(cfg.Region),
		}
	}
	_, err = s.client.CreateBucket(ctx, input)
	var mine *types.BucketAlreadyOwnedByYou
	if err == nil || errors.As(err, &mine) { // someone else of us was faster
		return nil
	}
	return fmt.Errorf("there is none, and it can't be made: %w", err)
}

// ProbesPrefix is what the keys begin with of objects that [New] tries the store with.
const ProbesPrefix = "probes/"

// probe stores a small object and removes it again.
func (s *Store) probe(ctx context.Context) error {
	key := ProbesPrefix + uuid.NewString()
	if err := s.Replace(ctx, key, "text/plain", []byte("may this process write?\n")); err != nil {
		return err
	}
	return s.Delete(ctx, key)
}

// Ready tells whether the bucket can be reached.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	return err
}

// Delete removes an object; it is no error if there is none.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil && !missing(err) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// Head returns what the store knows of an object; [ErrNotFound] if there is none.
func (s *Store) Head(ctx context.Context, key string) (Object, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return Object{}, fmt.Errorf("head %s: %w", key, translate(err))
	}
	o := Object{Key: key, Size: aws.ToInt64(out.ContentLength), LastModified: aws.ToTime(out.LastModified)}
	if out.ServerSideEncryption != types.ServerSideEncryptionAwsKms {
		o.MD5 = md5Of(out.ETag)
	}
	return o, nil
}

// translate adds ErrNotFound to an error that means it.
func translate(err error) error {
	if missing(err) {
		return errors.Join(ErrNotFound, err)
	}
	return err
}

func missing(err error) bool {
	var noBucket *types.NoSuchBucket
	return statusOf(err) == http.StatusNotFound && !errors.As(err, &noBucket)
}

// statusOf returns the HTTP status of the store's refusal, or 0.
func statusOf(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}
