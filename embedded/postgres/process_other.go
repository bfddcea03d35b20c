//go:build unix && !linux

package postgres

import "syscall"

// processAttributes can't tie the child to our life here: the next Start stops
// a cluster that was left behind.
func processAttributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: credential}
}
