package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cartulary/cartulary/command"
)

// PresignPut returns a link with which anyone can store one object of exactly size
// bytes under key until ttl has passed, and the headers that have to be sent with it.
// An MD5 digest, in hexadecimal, is bound too unless it is "".
func (s *Store) PresignPut(
	ctx context.Context, key, contentType string, size int64, md5 string, ttl time.Duration,
) (string, http.Header, error) {
	input := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, ContentLength: &size,
		ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	}
	if md5 != "" {
		sum, err := hex.DecodeString(md5)
		if err != nil {
			return "", nil, fmt.Errorf("presign %s: %w", key, err)
		}
		input.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(sum))
	}
	request, err := s.presign.PresignPutObject(ctx, input, s3.WithPresignExpires(ttl))
	return presigned(key, request, err)
}

// BeginParts begins an object that is stored in parts, and returns the name of that
// upload.
func (s *Store) BeginParts(ctx context.Context, key, contentType string) (string, error) {
	out, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, ServerSideEncryption: s.sse, SSEKMSKeyId: s.kmsKey,
	})
	if err != nil {
		return "", fmt.Errorf("begin %s: %w", key, err)
	}
	return aws.ToString(out.UploadId), nil
}

// PresignPart is [Store.PresignPut] for the part of a number, from 1 on.
func (s *Store) PresignPart(
	ctx context.Context, key, upload string, number int, size int64, ttl time.Duration,
) (string, http.Header, error) {
	request, err := s.presign.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: &key, UploadId: &upload, PartNumber: partNumber(number), ContentLength: &size,
	}, s3.WithPresignExpires(ttl))
	return presigned(key, request, err)
}

// presigned returns a request's link and the headers that its sender has to set. Host
// and Content-Length every HTTP client sets itself.
func presigned(key string, request *v4.PresignedHTTPRequest, err error) (string, http.Header, error) {
	if err != nil {
		return "", nil, fmt.Errorf("presign %s: %w", key, err)
	}
	headers := request.SignedHeader.Clone()
	headers.Del("Host")
	headers.Del("Content-Length")
	return request.URL, headers, nil
}

// CompleteParts makes the object of its parts, whose entity tags are in their order.
func (s *Store) CompleteParts(ctx context.Context, key, upload string, tags []string) error {
	parts := make([]types.CompletedPart, len(tags))
	for i := range tags {
		parts[i] = types.CompletedPart{PartNumber: partNumber(i + 1), ETag: &tags[i]}
	}
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: &key, UploadId: &upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return fmt.Errorf("complete %s: %w", key, err)
	}
	return nil
}

// AbortParts removes the parts of an upload; it is no error if there is none.
func (s *Store) AbortParts(ctx context.Context, key, upload string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &key, UploadId: &upload})
	if err != nil && !missing(err) {
		return fmt.Errorf("abort %s: %w", key, err)
	}
	return nil
}

// Adopt copies an object that others may still write to a key of our own, and returns
// what is there then; [ErrNotFound] if there is nothing under from. An object that has
// not exactly size bytes is neither copied nor read: the digest is its size alone.
func (s *Store) Adopt(ctx context.Context, from, to string, size int64) (command.Digest, error) {
	found, err := s.Head(ctx, from)
	if err != nil {
		return command.Digest{}, err
	}
	if found.Size != size {
		return command.Digest{Size: found.Size}, nil
	}
	if err := s.Copy(ctx, from, to); err != nil {
		return command.Digest{}, err
	}
	return s.Verify(ctx, to)
}
