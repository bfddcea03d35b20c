package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const module = "github.com/cartulary/cartulary"

// readyTimeout bounds how long the platform may take to be ready.
const readyTimeout = time.Minute

// standalone is the whole platform in a process of its own.
type standalone struct {
	cmd     *exec.Cmd
	dir     string
	address string // host and port of the API
	ended   chan struct{}
	stderr  tail
}

// readyLine finds the address in what the program prints when it is ready.
var readyLine = regexp.MustCompile(`ready at http://(\S+)`)

// startStandalone builds the program and runs it on an empty directory.
func (b *bench) startStandalone(ctx context.Context) (*standalone, error) {
	b.say("  starting the platform")
	program, err := b.build(ctx, "standalone")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.scratch, "standalone-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL's user passes through
		return nil, err
	}
	s := &standalone{dir: dir, ended: make(chan struct{})}
	s.cmd = exec.Command(program, "--data", dir, "--port", "0", "--rate-limit", "1000000000") //nolint:gosec,noctx // it is asked to end, not killed
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	addresses := make(chan string, 1)
	go func() {
		defer close(s.ended)
		findAddress(stdout, addresses)
		_ = s.cmd.Wait() // whoever needed it alive sees that it is not
	}()
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case s.address = <-addresses:
		return s, nil
	case <-s.ended:
		err = errors.New("it ended")
	case <-timeout.C:
		err = errors.New("it is not ready in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(fmt.Errorf("start the platform: %w: %s", err, &s.stderr), s.stop())
}

// findAddress reads to the end and hands over the address on the way.
func findAddress(r io.Reader, addresses chan<- string) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if found := readyLine.FindSubmatch(lines.Bytes()); found != nil {
			select {
			case addresses <- strings.TrimRight(string(found[1]), "."):
			default:
			}
		}
	}
}

// build returns the path of one of the programs below cmd, which it builds once.
func (b *bench) build(ctx context.Context, name string) (string, error) {
	path := filepath.Join(b.scratch, name)
	if _, err := os.Stat(path); err == nil { //nolint:gosec // below the directory of the user's own choice
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, module+"/cmd/"+name) //nolint:gosec // nothing of it comes from outside
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the platform: %w: %s", err, said)
	}
	return path, nil
}

// stop ends the program and removes what it stored.
func (s *standalone) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-s.ended:
	case <-timeout.C:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	return os.RemoveAll(s.dir) //nolint:gosec // a directory that the bench made
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4096

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = bytes.Clone(t.text[over:])
	}
	return len(p), nil
}

// String implements [fmt.Stringer].
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
