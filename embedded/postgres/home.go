package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// fallbackRoot holds what an unprivileged user must reach when the directory
// that was asked for lies in a place closed to it. Used under root only.
const fallbackRoot = "/var/lib/cartulary"

// home is where a cluster's files are.
type home struct{ dir string }

func (h home) data() string     { return filepath.Join(h.dir, "data") }
func (h home) password() string { return filepath.Join(h.dir, "password") }
func (h home) log() string      { return filepath.Join(h.dir, "postgres.log") }

// findHome returns the place of the cluster that belongs to dir: dir itself or,
// when PostgreSQL's user can't reach that, a directory which a file in dir
// names. So a dir that was removed and made again gets a new, empty cluster.
func findHome(ctx context.Context, dir string, log *slog.Logger) (home, identity, error) {
	note := filepath.Join(dir, "location")
	if text, err := os.ReadFile(note); err == nil {
		h := home{strings.TrimSpace(string(text))}
		id, err := chooseIdentity(h.data())
		return h, id, err
	}
	h := home{dir}
	id, err := chooseIdentity(h.data())
	if err != nil || id.credential == nil {
		return h, id, err
	}
	closed, err := closedTo(id, dir)
	if err != nil || closed == "" {
		return h, id, err
	}
	if h, err = makeFallback(dir, note); err != nil {
		return h, id, err
	}
	log.LogAttrs(ctx, slog.LevelWarn, "PostgreSQL's user can't reach the data directory: the cluster goes elsewhere",
		slog.String("closed", closed), slog.String("cluster", h.dir), slog.Any("uid", id.uid))
	return h, id, nil
}

// makeFallback makes a directory for the cluster of dir and leaves a note of it.
func makeFallback(dir, note string) (home, error) {
	if err := os.MkdirAll(fallbackRoot, 0o755); err != nil { //nolint:gosec // holds no secrets itself
		return home{}, err
	}
	digest := sha256.Sum256([]byte(dir))
	made, err := os.MkdirTemp(fallbackRoot, hex.EncodeToString(digest[:6])+"-")
	if err != nil {
		return home{}, err
	}
	if err := os.Chmod(made, 0o711); err != nil { //nolint:gosec // as above
		return home{}, err
	}
	return home{made}, writeFileSync(note, []byte(made+"\n"))
}

// closedTo returns the first directory on the way to and including path that id
// may not pass through, or "".
func closedTo(id identity, path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	var way []string
	for dir := path; ; dir = filepath.Dir(dir) {
		way = append(way, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, w := range slices.Backward(way) {
		info, err := os.Stat(w)
		if err != nil {
			return "", err
		}
		if !mayPass(id, info) {
			return w, nil
		}
	}
	return "", nil
}

// mayPass tells by the permission bits; it knows nothing of access lists.
func mayPass(id identity, info os.FileInfo) bool {
	bit := os.FileMode(0o001)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case stat.Uid == id.uid:
			bit = 0o100
		case stat.Gid == id.gid:
			bit = 0o010
		}
	}
	return info.Mode().Perm()&bit != 0
}

// writeFileSync writes a file of mode 0600 that is there in full or not at all.
func writeFileSync(path string, data []byte) error {
	scratch := path + ".new"
	f, err := os.OpenFile(scratch, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(scratch, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return d.Close()
}
