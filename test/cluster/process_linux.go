package cluster

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill the program when this process ends in any way.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
