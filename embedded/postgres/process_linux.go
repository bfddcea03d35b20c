package postgres

import "syscall"

// processAttributes makes the kernel shut the child down (SIGINT: PostgreSQL's
// fast shutdown) when we die, however we die.
func processAttributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: credential, Pdeathsig: syscall.SIGINT}
}
