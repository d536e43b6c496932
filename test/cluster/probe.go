package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// firstProbes is how often a process that was never ready is asked: tests wait for it.
const firstProbes = 50 * time.Millisecond

// probe asks the readiness probe until the process ends. Without one, a process is ready that runs.
func (p *Pod) probe(ctx context.Context, process *process, l *launch) {
	container := &p.template.Spec.Containers[0]
	probe := container.ReadinessProbe
	if probe == nil || probe.HTTPGet == nil {
		p.setReady(process, true)
		return
	}
	client := &http.Client{
		Timeout:   time.Duration(max(1, probe.TimeoutSeconds)) * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // as a kubelet
	}
	url := probeURL(p.cluster.address, container, probe.HTTPGet, l)
	pause, failures := firstProbes, int32(0)
	for {
		select {
		case <-process.exited:
			return
		case <-time.After(pause):
		}
		if answers(ctx, client, url) {
			failures = 0
			pause = time.Duration(max(1, probe.PeriodSeconds)) * time.Second
			p.setReady(process, true)
		} else if failures++; failures >= max(1, probe.FailureThreshold) {
			p.setReady(process, false)
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode >= 200 && response.StatusCode < 400
}

func probeURL(address string, container *corev1.Container, get *corev1.HTTPGetAction, l *launch) string {
	port := get.Port.IntVal
	if get.Port.Type == intstr.String {
		port = portNamed(container, get.Port.StrVal)
	}
	scheme := strings.ToLower(string(get.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	return fmt.Sprintf("%s://%s:%d%s", scheme, address, l.ports[port], get.Path)
}

// portNamed is the port of a container by its name, or 0.
func portNamed(container *corev1.Container, name string) int32 {
	for _, port := range container.Ports {
		if port.Name == name {
			return port.ContainerPort
		}
	}
	return 0
}

// setReady notes what a probe saw of a process, if that is still the pod's.
func (p *Pod) setReady(process *process, ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == process {
		p.ready = ready && !p.stopping
	}
}
