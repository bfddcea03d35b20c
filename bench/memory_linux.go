package main

import "syscall"

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
