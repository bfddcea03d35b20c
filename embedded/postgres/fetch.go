package postgres

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchable lists, by major version, the builds that can be fetched.
var fetchable = map[int]embeddedpostgres.PostgresVersion{
	14: embeddedpostgres.V14,
	15: embeddedpostgres.V15,
	16: embeddedpostgres.V16,
	17: embeddedpostgres.V17,
	18: embeddedpostgres.V18,
}

const newestFetchable = 18

// fetchBinaries downloads PostgreSQL into root, unless a former call did, and
// returns it. A major of 0 asks for the newest. The download itself can't be
// cancelled; ctx is looked at before it and after.
func fetchBinaries(ctx context.Context, root string, major int, log *slog.Logger) (binaries, error) {
	if major == 0 {
		major = newestFetchable
	}
	version, ok := fetchable[major]
	if !ok {
		return binaries{}, fmt.Errorf("fetch PostgreSQL: there is no build of version %d", major)
	}
	home := filepath.Join(root, "postgresql-"+string(version))
	if b, err := inspect(ctx, filepath.Join(home, "bin")); err == nil {
		return b, nil
	}
	if err := ctx.Err(); err != nil { // which may be why none was found
		return binaries{}, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil { //nolint:gosec // PostgreSQL's user reads it
		return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	scratch, err := os.MkdirTemp(root, "fetching-")
	if err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log.LogAttrs(ctx, slog.LevelInfo, "no PostgreSQL on this machine: fetching one",
		slog.String("version", string(version)), slog.String("into", home))
	unpacked, err := unpack(scratch, major, version)
	if err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	if err := os.Rename(unpacked, home); err != nil && !os.IsExist(err) {
		return binaries{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, err
	}
	return inspect(ctx, filepath.Join(home, "bin"))
}

// unpack downloads and unpacks a build below scratch. The library has no call
// for only that: it is given a data directory that passes for an existing
// cluster but can't be started, so that it does its fetching and then gives up.
func unpack(scratch string, major int, version embeddedpostgres.PostgresVersion) (string, error) {
	unpacked := filepath.Join(scratch, "unpacked")
	hollow := filepath.Join(scratch, "hollow")
	if err := os.MkdirAll(hollow, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(hollow, "PG_VERSION"), []byte(strconv.Itoa(major)), 0o600); err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).Port(uint32(port)). //nolint:gosec // a port number
		CachePath(filepath.Join(scratch, "archive")).
		RuntimePath(filepath.Join(scratch, "runtime")).
		BinariesPath(unpacked).DataPath(hollow).Logger(io.Discard))
	startErr := library.Start()
	if _, err := os.Stat(filepath.Join(unpacked, "bin", "postgres")); err != nil {
		return "", fmt.Errorf("%w (%w)", startErr, err)
	}
	return unpacked, os.Chmod(unpacked, 0o755) //nolint:gosec // as above
}

// fetchRoot returns the directory that keeps fetched builds.
func fetchRoot(id identity) (string, error) {
	if id.credential != nil {
		return fallbackRoot, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for PostgreSQL: %w", err)
	}
	return filepath.Join(cache, "cartulary"), nil
}
