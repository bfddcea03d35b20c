//go:build !linux

package stack

import "syscall"

// dieWithParent does what it can: elsewhere, children outlive a killed parent.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
