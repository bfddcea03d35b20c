package httpapi_test

import (
	"context"
	"testing"

	"github.com/cartulary/cartulary/adapters/s3"
	embedded "github.com/cartulary/cartulary/embedded/s3"
)

// objectStore starts an S3 server that ends with the test.
func objectStore(t testing.TB) *s3.Store {
	t.Helper()
	const key, bucket, region = "access-key", "documents", "us-east-1"
	server, err := embedded.Start(t.Context(), embedded.Config{
		Dir: t.TempDir(), AccessKey: key, SecretKey: secret, Bucket: bucket, Region: region,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := s3.New(context.WithoutCancel(t.Context()), s3.Config{
		Endpoint: server.Endpoint(), AccessKey: key, SecretKey: secret, Bucket: bucket, Region: region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
