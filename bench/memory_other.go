//go:build !linux

package main

import "errors"

// onMemory reports whether a directory lies in memory rather than on a disk, where
// that can be told.
func onMemory(string) bool { return false }

// mostMemory returns the most memory that this process had, in MiB, where that can be
// told.
func mostMemory() (float64, error) {
	return 0, errors.New("the memory of a process can't be told here")
}
