package s3_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/internal/s3test"
)

func TestMain(m *testing.M) {
	s3test.ServeIfAsked()
	goleak.VerifyTestMain(m,
		// Idle connections of clients that the tests are done with.
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// setup returns the store of a server of the test's own.
func setup(t *testing.T) (*s3.Store, *s3test.Server) {
	t.Helper()
	server := s3test.Start(t)
	store, err := s3.New(t.Context(), config(server))
	if err != nil {
		t.Fatal(err)
	}
	return store, server
}

func config(server *s3test.Server) s3.Config {
	return s3.Config{
		Endpoint: server.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	}
}
