package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// syncDisks returns when nothing that was written waits for a disk any more.
func syncDisks() { syscall.Sync() }

// residentMemory returns how much memory a process holds, in MiB (proc(5)).
func residentMemory(pid int) (float64, error) { return memoryOf(pid, "VmRSS:") }

// peakMemory returns the most that a process held since it began or [forgetPeak].
func peakMemory(pid int) (float64, error) { return memoryOf(pid, "VmHWM:") }

// forgetPeak makes what a process holds now its peak.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

func memoryOf(pid int, what string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) //nolint:gosec // a number
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == what {
			kib, err := strconv.ParseFloat(string(fields[1]), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d: no %s", pid, what)
}
