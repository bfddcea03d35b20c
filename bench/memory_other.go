//go:build !linux

package main

// onMemory reports whether a directory lies in memory rather than on a disk, where
// that can be told.
func onMemory(string) bool { return false }
