package cluster

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
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
	p := &process{cmd: exec.Command(l.path, l.args...), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = l.dir, l.env, log, log
	dieWithParent(p.cmd)
	started := make(chan error)
	go func() {
		// The kernel kills the child when the thread that started it ends, so that this goroutine keeps its thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // its result is in ProcessState
			close(p.exited)
		}
	}()
	return p, <-started
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
