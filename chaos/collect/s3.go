package collect

import (
	"context"
	"crypto/md5" //nolint:gosec // what the platform's rows hold
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/chaos/check"
)

// S3 says where the objects are.
type S3 struct {
	Endpoint, AccessKey, SecretKey, Bucket, Region string
}

// readers is how many objects are read at once.
const readers = 8

// objects reads every object of the bucket: the text of signed checkpoints, and the
// hashes of what else there is.
func objects(ctx context.Context, cfg S3, into *check.Snapshot) error {
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(cfg.Endpoint),
		Region:       cfg.Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(cfg.AccessKey, cfg.SecretKey, ""),
	})
	var mu sync.Mutex
	into.Objects, into.Checkpoints = map[string]check.Object{}, map[string]string{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(cfg.Bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("s3: list: %w", err)
		}
		for _, listed := range page.Contents {
			key := aws.ToString(listed.Key)
			group.Go(func() error {
				answer, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(cfg.Bucket), Key: aws.String(key)})
				if err != nil {
					return fmt.Errorf("s3: get %s: %w", key, err)
				}
				defer func() { _ = answer.Body.Close() }()
				if strings.HasPrefix(key, check.CheckpointPrefix) {
					text, err := io.ReadAll(answer.Body)
					mu.Lock()
					defer mu.Unlock()
					into.Checkpoints[key] = string(text)
					return err
				}
				object, err := digest(answer.Body)
				mu.Lock()
				defer mu.Unlock()
				into.Objects[key] = object
				return err
			})
		}
	}
	return group.Wait()
}

func digest(body io.Reader) (check.Object, error) {
	sum5, sum256 := md5.New(), sha256.New() //nolint:gosec // MD5 is what the platform's rows hold
	size, err := io.Copy(io.MultiWriter(sum5, sum256), body)
	return check.Object{Size: size, MD5: hex.EncodeToString(sum5.Sum(nil)), SHA256: hex.EncodeToString(sum256.Sum(nil))}, err
}
