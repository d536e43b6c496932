//go:build !linux

package apiserver

import "os/exec"

// dieWithParent does nothing where the kernel does not offer it: only Stop ends the program there.
func dieWithParent(*exec.Cmd) {}
