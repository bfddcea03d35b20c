//go:build !linux

package kafkatest

import "syscall"

// dieWithParent can't be had here: the broker stays when the test binary is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
