package redistest

import (
	"os/exec"
	"syscall"
)

// dieWithUs ends the server with the test binary. It is tied to a thread, which
// in a test binary lives as long as the process.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
