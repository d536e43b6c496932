package cluster

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Pod is a process that a Deployment or a Job asked for.
type Pod struct {
	Name, Namespace string

	cluster  *Cluster
	template *corev1.PodTemplateSpec
	hash     string // of the template
	number   int
	dir      string
	once     bool // of a Job: ended is ended

	mu       sync.Mutex
	process  *process
	launched *launch
	ready    bool
	stopping bool
	ended    bool // it will not run again
	code     int  // the exit status, once ended
	restarts int

	cancel context.CancelFunc
	done   chan struct{} // closed when ended
}

// newPod starts a pod. Its goroutine starts the process, and again when it ends by itself.
func (c *Cluster) newPod(namespace, owner, hash string, template *corev1.PodTemplateSpec, once bool) *Pod {
	c.mu.Lock()
	c.created++
	number := c.created
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pod{Name: fmt.Sprintf("%s-%s-%d", owner, hash, number), Namespace: namespace, cluster: c, template: template, hash: hash,
		number: number, once: once, cancel: cancel, done: make(chan struct{})}
	p.dir = filepath.Join(c.dir, p.Name)
	go p.run(ctx)
	return p
}

func (p *Pod) run(ctx context.Context) {
	defer close(p.done)
	for {
		code, err := p.runOnce(ctx)
		if err != nil {
			p.cluster.options.Logf("pod %s: %v", p.Name, err)
		} else {
			p.cluster.options.Logf("pod %s ended with %d", p.Name, code)
		}
		p.mu.Lock()
		p.process, p.ready, p.code = nil, false, code
		p.ended = p.stopping || p.once && err == nil || ctx.Err() != nil
		ended := p.ended
		p.restarts++
		p.mu.Unlock()
		if ended {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(p.cluster.options.RestartDelay):
		}
	}
}

// runOnce runs the process until it ends.
func (p *Pod) runOnce(ctx context.Context) (code int, err error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return 0, err
	}
	launched, err := p.cluster.launch(ctx, p)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	if p.stopping {
		p.mu.Unlock()
		return 0, nil
	}
	process, err := launched.start(p.logPath())
	if err == nil {
		p.process, p.launched = process, launched
	}
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	p.probe(ctx, process, launched)
	<-process.exited
	return process.cmd.ProcessState.ExitCode(), nil
}

// terminate stops the pod as a kubelet does; it returns at once.
func (p *Pod) terminate() {
	p.mu.Lock()
	already, process := p.stopping, p.process
	p.stopping, p.ready = true, false
	p.mu.Unlock()
	if already {
		return
	}
	go func() {
		defer p.cancel()
		if process == nil {
			return
		}
		grace := 30 * time.Second
		if s := p.template.Spec.TerminationGracePeriodSeconds; s != nil {
			grace = time.Duration(*s) * time.Second
		}
		if hook := p.template.Spec.Containers[0].Lifecycle; hook != nil && hook.PreStop != nil && hook.PreStop.Sleep != nil {
			pause := min(grace, time.Duration(hook.PreStop.Sleep.Seconds)*time.Second)
			time.Sleep(pause)
			grace -= pause
		}
		if process.terminate(grace) {
			p.cluster.options.Logf("pod %s: killed, since it did not stop in %v", p.Name, grace)
		}
	}()
}

// destroy kills the pod and waits for its end.
func (p *Pod) destroy() {
	p.mu.Lock()
	p.stopping = true
	process := p.process
	p.mu.Unlock()
	p.cancel()
	if process != nil {
		process.kill()
	}
	<-p.done
}

// Kill sends SIGKILL to the process, as the kernel does when memory is short. It is started again after Options.RestartDelay.
func (p *Pod) Kill() {
	p.mu.Lock()
	process := p.process
	p.mu.Unlock()
	if process != nil {
		process.kill()
	}
}

// Ready reports whether the pod gets requests.
func (p *Pod) Ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready && !p.stopping
}

// Restarts counts how often the process ended.
func (p *Pod) Restarts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restarts
}

// Address is where the process listens for what is a port of the container, "192.0.2.2:41234"; "" when it does not run.
func (p *Pod) Address(containerPort int32) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil || p.launched.ports[containerPort] == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.cluster.address, p.launched.ports[containerPort])
}

// PID is the process; 0 when it does not run.
func (p *Pod) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return 0
	}
	return p.process.cmd.Process.Pid
}

// Kubeconfig is the path of what the process logs in with.
func (p *Pod) Kubeconfig() string { return filepath.Join(p.dir, "kubeconfig") }

// Log is what the process wrote, over all its restarts.
func (p *Pod) Log() string {
	content, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	return string(content)
}

func (p *Pod) logPath() string { return filepath.Join(p.dir, "log") }

// state is what reconciliation asks of a pod, at one moment.
type state struct{ ready, stopping, ended bool }

func (p *Pod) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return state{p.ready, p.stopping, p.ended}
}

// all returns every pod, in the order of their start.
func (c *Cluster) all() []*Pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	var pods []*Pod
	for _, d := range c.deployments {
		pods = append(pods, d.pods...)
	}
	for _, j := range c.jobs {
		if j.pod != nil {
			pods = append(pods, j.pod)
		}
	}
	slices.SortFunc(pods, func(a, b *Pod) int { return cmp.Compare(a.number, b.number) })
	return pods
}
