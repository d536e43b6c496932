//go:build !linux

package cluster

import "os/exec"

// dieWithParent exists on Linux only.
func dieWithParent(*exec.Cmd) {}
