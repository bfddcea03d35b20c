//go:build !linux

package redistest

import "os/exec"

// dieWithUs can't tie the server to the test binary here: Cleanup ends it.
func dieWithUs(*exec.Cmd) {}
