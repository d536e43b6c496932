package apiserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill the program when this process ends in any way: a panic, a test timeout, kill -9.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
