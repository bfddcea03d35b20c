package s3test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// OwnProgram reports whether servers are programs of their own. That of versitygw
// stores what there is of a body that breaks off, which the embedded server refuses.
func OwnProgram() bool { return os.Getenv(Variable) != "" }

// runProgram runs the program and returns when it answers.
func (s *Server) runProgram(t testing.TB, port string) {
	t.Helper()
	program := os.Getenv(Variable)
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, "--port", port, "--dir", s.dir)
	s.cmd.Env = append(os.Environ(), "S3_ACCESS_KEY="+AccessKey, "S3_SECRET_KEY="+SecretKey, "S3_REGION="+Region, "VGW_VIRTUAL_DOMAIN="+Domain)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("s3test: %v", err)
	}
	s.Endpoint = "http://127.0.0.1:" + port
	for deadline := time.Now().Add(patience); !healthy(t, s.Endpoint+"/-/healthy"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("s3test: %s did not start within %s", program, patience)
		}
	}
}

func healthy(t testing.TB, url string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (s *Server) makeBucket(t testing.TB) {
	t.Helper()
	client := s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, Region: Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(Bucket)}); err != nil {
		t.Fatalf("s3test: make the bucket: %v", err)
	}
}

// freePort returns a port that was free a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	return port
}
