package cluster

import (
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// process is a program that runs.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
}

// start runs a program with nothing of this process's environment, and appends its output to a file.
func (l *launch) start(logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(l.path, l.args...)}
	p.cmd.Dir, p.cmd.Env = l.dir, l.env
	p.exited, err = apiserver.StartChild(p.cmd, log)
	return p, err
}

// terminate sends SIGTERM and, when the grace is over, SIGKILL.
func (p *process) terminate(grace time.Duration) (killed bool) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended by itself
	select {
	case <-p.exited:
		return false
	case <-time.After(grace):
	}
	p.kill()
	return true
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}
