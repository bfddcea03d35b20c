package pgtest

import (
	"os"
	"syscall"
)

const (
	memory = "/dev/shm" // where Linux has a file system in memory
	room   = 6 << 30    // bytes that must be free there
)

// place returns the directory below which clusters are made: TMPDIR if it is set, else
// one in memory if there is room, else the system's for temporary files. To make and to
// drop a database is to make and to remove some 300 files, which costs a file system on
// disk several times what it costs one in memory; and tests do little else so often.
func place() string {
	if os.Getenv("TMPDIR") != "" {
		return os.TempDir()
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(memory, &stat); err != nil {
		return os.TempDir()
	}
	if free := stat.Bavail * uint64(stat.Bsize); free < room {
		return os.TempDir()
	}
	return memory
}
