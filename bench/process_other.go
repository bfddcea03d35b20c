//go:build !linux

package main

import "errors"

var errNoMemory = errors.New("the memory of a process can be measured on Linux only")

func syncDisks() {}

func residentMemory(int) (float64, error) { return 0, nil }

func peakMemory(int) (float64, error) { return 0, errNoMemory }

func forgetPeak(int) error { return errNoMemory }
