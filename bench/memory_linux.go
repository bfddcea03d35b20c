package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
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

// mostMemory returns the most memory that this process had, in MiB. (What getrusage(2)
// tells of a process begins with what its parent had.)
func mostMemory() (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib float64
			_, err := fmt.Sscanf(rest, "%f kB", &kib)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}
