// Package s3test gives tests a real S3 server, each its own, in a process of its
// own, which a test can kill: by default the embedded server, run by the test binary
// itself, started once more, so that its working directory is left alone (see
// embedded/s3); with [Variable], a program.
//
// A package that uses s3test begins its TestMain with
//
//	s3test.ServeIfAsked()
package s3test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cartulary/cartulary/embedded/s3"
)

// Variable is the environment variable that names a program to use as the server, with
// the absolute path of scripts/s3 or of what takes its arguments.
const Variable = "CARTULARY_TEST_S3"

// What every server of this package is set up with.
const (
	AccessKey = "s3test-access"
	SecretKey = "s3test-secret"
	Bucket    = "s3test"
	Region    = "eu-west-1"
	Domain    = "store.test" // buckets are found as its subdomains, too
)

const (
	dirVariable  = "CARTULARY_S3TEST_DIR"
	portVariable = "CARTULARY_S3TEST_PORT"
	patience     = time.Minute
)

// ServeIfAsked turns the process into a server if [Start] started it as one; it
// does not return then. The server ends when its standard input does, which is
// when the test binary ends, however that comes about.
func ServeIfAsked() {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		return
	}
	if err := serve(dir); err != nil {
		fmt.Fprintln(os.Stderr, "s3test:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	port, err := strconv.Atoi(os.Getenv(portVariable))
	if err != nil {
		return err
	}
	server, err := s3.Start(ctx, s3.Config{
		Dir: dir, Port: port, AccessKey: AccessKey, SecretKey: SecretKey, Bucket: Bucket, Region: Region, Domain: Domain,
	})
	if err != nil {
		return err
	}
	fmt.Println(server.Endpoint())
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Close())
}

// Server is an S3 server of one test.
type Server struct {
	Endpoint string

	dir   string
	cmd   *exec.Cmd
	stdin io.Closer // of the embedded one, which ends with it
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir()}
	t.Cleanup(s.Kill)
	if !OwnProgram() {
		s.run(t, "0")
		return s
	}
	s.runProgram(t, freePort(t))
	s.makeBucket(t)
	return s
}

// Kill ends the server at once (SIGKILL) and waits until it is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may be gone already
	_ = s.cmd.Wait()         // says that it was killed
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
}

// Restart runs the server again, on what it kept and where it was, after Kill.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	port := s.Endpoint[strings.LastIndexByte(s.Endpoint, ':')+1:]
	if OwnProgram() {
		s.runProgram(t, port)
		return
	}
	s.run(t, port)
}

func (s *Server) run(t testing.TB, port string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), self)
	s.cmd.Env = append(os.Environ(), dirVariable+"="+s.dir, portVariable+"="+port)
	s.cmd.Stderr = os.Stderr
	s.cmd.WaitDelay = patience
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("s3test: %v", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.Kill()
		t.Fatalf("s3test: the server did not start; does TestMain begin with s3test.ServeIfAsked()? %v", err)
	}
	s.Endpoint = strings.TrimSpace(line)
}

// Get fetches a URL and returns the answer with its body.
func Get(t testing.TB, url string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}
