package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cartulary/cartulary/internal/apitest"
	"github.com/cartulary/cartulary/internal/dirlock"
)

// childVariable makes this test binary be the program itself.
const childVariable = "CARTULARY_STANDALONE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is the program as a process of its own.
type process struct {
	cmd  *exec.Cmd
	base string
}

// dataDir returns a directory that PostgreSQL's own user can reach when root runs
// the tests.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs the program on a data directory and waits until it says that it is
// ready.
func start(t *testing.T, dir string) *process {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "--data", dir, "--port", "0")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(func() { p.end(t, syscall.SIGKILL) })
	address := regexp.MustCompile(`ready at (http://\S+) `)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if match := address.FindStringSubmatch(lines.Text()); match != nil {
			p.base = match[1]
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return p
		}
	}
	t.Fatalf("it never said that it was ready: %v", lines.Err())
	return nil
}

// end signals the process and waits for its end.
func (p *process) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if p.cmd.ProcessState != nil {
		return
	}
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || signal == syscall.SIGTERM) {
		t.Errorf("it ended with %v", err)
	}
}

func TestAWholeLifeThatSurvivesKills(t *testing.T) {
	dir := filepath.Join(dataDir(t), "data")
	first := start(t, dir)
	client := apitest.SignUp(t, first.base)
	tenant := client.CreateTenant(t)
	apitest.Journey(t, client, tenant)
	apitest.TooLarge(t, client, tenant)
	apitest.ReadYourWrites(t, client, tenant, 50)
	kept := apitest.File{Name: "kept.pdf", MimeType: "application/pdf", Size: 1 << 20, Seed: 7}
	document := client.MustUpload(t, tenant, kept.Name, kept.MimeType, kept.Body())
	listed := client.List(t, tenant)
	first.end(t, syscall.SIGKILL)

	second := start(t, dir)
	client.Move(second.base)
	if after := client.List(t, tenant); len(after) != len(listed) {
		t.Errorf("%d documents before the kill, %d after", len(listed), len(after))
	}
	if size, sha, _ := client.Download(t, tenant, document.ID); size != kept.Size || sha != kept.SHA256(t) {
		t.Errorf("after the kill %d bytes with SHA-256 %s came back", size, sha)
	}
	apitest.ReadYourWrites(t, client, tenant, 5)
	begin := time.Now()
	second.end(t, syscall.SIGTERM)
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	start(t, dir)
}

func TestItMayBeStoppedWhileItStarts(t *testing.T) {
	dir := filepath.Join(dataDir(t), "data")
	for _, after := range []time.Duration{0, 50, 700, 1400} { // looking for PostgreSQL, making a cluster, starting it, migrating it
		cmd := exec.CommandContext(t.Context(), os.Args[0], "--data", dir, "--port", "0")
		cmd.Env = append(os.Environ(), childVariable+"=1")
		cmd.Stderr = t.Output()
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(stdout)
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "Starting") {
			t.Fatalf("got %q, %v", line, err)
		}
		time.Sleep(after * time.Millisecond)
		go func() { _, _ = io.Copy(io.Discard, lines) }()
		(&process{cmd: cmd}).end(t, syscall.SIGTERM)
	}
}

func TestOneOwnerADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := dirlock.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }()
	err = run(t.Context(), []string{"--data", dir, "--port", "0"}, io.Discard, io.Discard)
	if !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	if err := run(t.Context(), []string{"--help"}, io.Discard, &help); err == nil || !strings.Contains(help.String(), "-data") {
		t.Errorf("got %v, %q", err, help.String())
	}
	for _, args := range [][]string{{"--port", "x"}, {"--unknown"}, {"surplus"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func TestSettingsAreDrawnOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := openSettings(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openSettings(dir)
	if err != nil || first != second || len(first.JWTSecret) < 32 {
		t.Errorf("got %+v, then %+v, %v", first, second, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "settings.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openSettings(dir); err == nil {
		t.Error("broken settings were accepted")
	}
}
