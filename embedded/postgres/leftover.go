package postgres

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	pollInterval = 5 * time.Millisecond // of files and processes that can't be waited for
	fastShutdown = 30 * time.Second     // how long a leftover cluster gets before it is cut off
)

// pidFile is what PostgreSQL writes into postmaster.pid.
type pidFile struct {
	path  string
	lines []string
}

func readPidFile(dataDir string) (pidFile, bool) {
	path := filepath.Join(dataDir, "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		return pidFile{}, false
	}
	return pidFile{path, strings.Split(string(text), "\n")}, true
}

func (f pidFile) pid() int {
	pid, _ := strconv.Atoi(strings.TrimSpace(f.lines[0])) // an unreadable one is nobody's
	return pid
}

// ready tells whether PostgreSQL says that it accepts connections.
func (f pidFile) ready() bool {
	const statusLine = 7
	return len(f.lines) > statusLine && strings.TrimSpace(f.lines[statusLine]) == "ready"
}

// endLeftover makes sure that no cluster runs on dataDir. The caller holds the
// lock, so whoever runs one was left behind by a dead owner.
func endLeftover(ctx context.Context, dataDir string, log *slog.Logger) error {
	file, ok := readPidFile(dataDir)
	if !ok {
		return nil
	}
	pid := file.pid()
	if !runsOn(ctx, pid, dataDir) {
		return file.disown()
	}
	log.LogAttrs(ctx, slog.LevelInfo, "stopping a cluster that a dead owner left behind", slog.Int("pid", pid))
	for _, step := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, fastShutdown}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		_ = syscall.Kill(pid, step.signal) // it may be gone by now
		gone, err := awaitGone(ctx, pid, dataDir, step.timeout)
		if err != nil {
			return fmt.Errorf("stop the leftover cluster %d: %w", pid, err)
		}
		if gone {
			if file, ok := readPidFile(dataDir); ok {
				return file.disown()
			}
			return nil
		}
	}
	return fmt.Errorf("the leftover cluster %d does not end", pid)
}

// disown puts our pid in the place of a dead or foreign one: PostgreSQL takes
// its parent's pid for a stale one, yet still sees from the rest of the file
// whether processes of the old cluster hold its shared memory.
func (f pidFile) disown() error {
	f.lines[0] = strconv.Itoa(os.Getpid())
	info, err := os.Stat(f.path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	return os.WriteFile(f.path, []byte(strings.Join(f.lines, "\n")), info.Mode().Perm())
}

func awaitGone(ctx context.Context, pid int, dataDir string, timeout time.Duration) (bool, error) {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for runsOn(ctx, pid, dataDir) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-tick.C:
		}
	}
	return true, nil
}

// runsOn tells whether pid is a PostgreSQL server on dataDir.
func runsOn(ctx context.Context, pid int, dataDir string) bool {
	if pid <= 1 {
		return false
	}
	if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		return slices.ContainsFunc(bytes.Split(line, []byte{0}), func(arg []byte) bool {
			return string(arg) == dataDir
		})
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
	return err == nil && strings.Contains(string(out), dataDir)
}
