package apiserver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// errPortTaken is a failure that new ports can cure.
var errPortTaken = errors.New("a port was taken meanwhile")

// process is a program that runs until it is killed.
type process struct {
	name    string
	logPath string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the program has ended
}

// startProcess runs a program with its output in dir/<name>.log.
func startProcess(name, path, dir string, args []string) (*process, error) {
	p := &process{name: name, logPath: filepath.Join(dir, name+".log")}
	log, err := os.Create(p.logPath)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = dir
	if p.exited, err = StartChild(p.cmd, log); err != nil {
		return nil, fmt.Errorf("run %s: %w", name, err)
	}
	return p, nil
}

// StartChild starts a program that ends with this process, however that ends. Its output goes to log, which is closed, as
// is exited, when it has ended; how it ended is in ProcessState.
func StartChild(cmd *exec.Cmd, log *os.File) (exited chan struct{}, err error) {
	cmd.Stdout, cmd.Stderr = log, log
	dieWithParent(cmd)
	exited = make(chan struct{})
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that started the child ends, not the process, so this
		// goroutine keeps its thread for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // its result is in ProcessState
			close(exited)
		}
	}()
	return exited, <-started
}

// kill ends the program and waits until it is gone.
func (p *process) kill() {
	p.cmd.Process.Kill() // fails only when the program has ended by itself
	<-p.exited
}

// failure explains why the program ended by itself.
func (p *process) failure() error {
	log, err := os.ReadFile(p.logPath)
	if err != nil {
		return fmt.Errorf("%s ended: %v, and its log is unreadable: %w", p.name, p.cmd.ProcessState, err)
	}
	if bytes.Contains(log, []byte("address already in use")) {
		return fmt.Errorf("%s: %w", p.name, errPortTaken)
	}
	return fmt.Errorf("%s ended: %v; the end of its log:\n%s", p.name, p.cmd.ProcessState, lastLines(string(log), 15))
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
