package main

import (
	"errors"
	"os"
	"syscall"
)

// Magic numbers of file systems that keep files in memory (statfs(2)).
const (
	tmpfsMagic = 0x01021994
	ramfsMagic = 0x858458f6
)

// onMemory reports whether a directory lies in memory rather than on a disk.
func onMemory(dir string) bool {
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) != nil {
		return false
	}
	return fs.Type == tmpfsMagic || fs.Type == ramfsMagic
}

// mostMemory returns the most memory that a process had, in MiB.
func mostMemory(s *os.ProcessState) (float64, error) {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, errors.New("the memory of a process can't be told here")
	}
	return float64(usage.Maxrss) / 1024, nil // KiB; getrusage(2)
}
