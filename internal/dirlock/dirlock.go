// Package dirlock gives a directory one owner at a time among all processes of
// a machine. The kernel takes the lock away from an owner that dies.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrHeld says that another live owner has the directory.
var ErrHeld = errors.New("held by another running process")

// Lock is the ownership of a directory.
type Lock struct{ file *os.File }

// Acquire makes dir if it is missing and us its owner. It fails with [ErrHeld],
// without waiting, while there is another.
func Acquire(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // others may have to pass through
		return nil, err
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w (%s)", dir, ErrHeld, strings.TrimSpace(string(holder)))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &Lock{f}
	if err := l.sign(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return l, nil
}

// sign leaves our pid for whoever finds the lock held.
func (l *Lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(l.file, os.Getpid())
	return err
}

// Release gives the directory up. The file stays: removing it would let two
// owners lock two files of one name.
func (l *Lock) Release() error { return l.file.Close() }
