package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// oldest is the first major version that the platform's schema works on.
const oldest = 14

// binaries is an installation of PostgreSQL's server.
type binaries struct {
	dir   string // holds postgres and initdb
	major int
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// findBinaries returns the installation whose major version is want, or the
// newest when want is 0; false if there is none.
func findBinaries(ctx context.Context, want int) (binaries, bool) {
	var best binaries
	seen := make(map[string]bool)
	for _, dir := range candidateDirs(ctx) {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			dir = resolved
		}
		if seen[dir] {
			continue
		}
		seen[dir] = true
		b, err := inspect(ctx, dir)
		switch {
		case err != nil || b.major < oldest:
		case want == 0 && b.major > best.major:
			best = b
		case want != 0 && b.major == want:
			return b, true
		}
	}
	return best, best.major != 0
}

// candidateDirs lists where an installation may be, the likeliest first.
func candidateDirs(ctx context.Context) []string {
	var dirs []string
	if found, err := exec.LookPath("postgres"); err == nil {
		if resolved, err := filepath.EvalSymlinks(found); err == nil {
			dirs = append(dirs, filepath.Dir(resolved))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",             // Debian
		"/usr/pgsql-*/bin",                      // Red Hat
		"/opt/homebrew/opt/postgresql@*/bin",    // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",       // Homebrew on Intel
		"/Applications/Postgres.app/*/*/*/bin",  // Postgres.app
		"/home/linuxbrew/.linuxbrew/opt/p*/bin", // Homebrew on Linux
		"/usr/local/pgsql/bin",                  // built from source
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well-formed
		dirs = append(dirs, found...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	return dirs
}

var versionPattern = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

// inspect reads the version of the installation in dir.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return b, err
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output() //nolint:gosec // an installed program
	if err != nil {
		return b, fmt.Errorf("ask for PostgreSQL's version: %w", err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return b, fmt.Errorf("ask for PostgreSQL's version: unexpected answer %q", out)
	}
	b.major, err = strconv.Atoi(string(match[1]))
	return b, err
}

// clusterMajor returns the major version that made the cluster in dataDir, or 0
// if there is none yet.
func clusterMajor(dataDir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	return major, nil
}
