// Package cluster runs the workloads of a real API server as processes on this machine, as controllers, scheduler and kubelet
// would run them in containers: what a Helm chart installs comes to life, with the rights of its own ServiceAccounts and no others.
//
//	running, err := cluster.Start(ctx, cluster.Options{Server: server, Images: map[string]string{"ghcr.io/policyc/policyc-runtime": binary}})
//	defer running.Stop()
//	helm.Run(ctx, server.Kubeconfig, "install", "policyc-runtime", "runtime/chart", "--namespace=policyc-system", "--create-namespace", "--wait")
//	for _, pod := range running.Pods("policyc-system") { … pod.Kill() }
//
//	Deployment, 2 replicas ─► 2 processes, each with a token of the pod's ServiceAccount and ports of its own
//	its readiness probe    ─► EndpointSlices of the Services that select it, and the Deployment's status
//	Job                    ─► a process; Complete or Failed by its exit status
//
// The API server must be started with Args, so that it calls webhooks at the endpoints of their Service: nobody routes the
// addresses of Services here. Pods are no objects of the API, images are not pulled, and liveness probes, init containers and
// affinity are not looked at.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/policyc/policyc/test/apiserver"
)

// Args is what kube-apiserver must be started with (apiserver.Options.Args).
func Args() []string { return []string{"--enable-aggregator-routing=true"} }

// Options says what to run, and where.
type Options struct {
	Server *apiserver.Server
	// Images has the program of each image, by the image's name without tag and digest.
	Images map[string]string
	// Namespaces are those whose Deployments and Jobs run, when there are others that only policies look at; nil means all.
	Namespaces []string
	// API is the URL at which pods find the API server; empty means the server's own. What stands there must have its certificate.
	API string
	// RestartDelay is how long a process that ended by itself stays down; 0 means a second, as the first time on a real node.
	RestartDelay time.Duration
	// Logf is told what happens; nil means nobody is.
	Logf func(format string, args ...any)
}

// Cluster is the workloads of one server. It is safe for concurrent use.
type Cluster struct {
	options Options
	client  kubernetes.Interface
	config  *rest.Config
	address string // of this machine, for endpoints
	dir     string // of the pods

	stop context.CancelFunc
	done sync.WaitGroup

	mu          sync.Mutex
	deployments map[string]*deployment // by namespace/name
	jobs        map[string]*job
	published   map[string]string // what was written, so that only changes are: EndpointSlices, Endpoints, status
	created     int               // pods, for their names
}

// syncInterval is how often the cluster looks at the API. It polls: a few objects, and no watch that could be cut off.
const syncInterval = 100 * time.Millisecond

// Start begins to run workloads, until Stop.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	address, err := nodeAddress()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", options.Server.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = -1, -1
	config.WarningHandler = rest.NoWarnings{} // Endpoints are deprecated, every time
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if options.Logf == nil {
		options.Logf = log.New(discard{}, "", 0).Printf
	}
	if options.RestartDelay == 0 {
		options.RestartDelay = time.Second
	}
	dir, err := makeDir(options.Server.Dir)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &Cluster{options: options, client: client, config: config, address: address, dir: dir, stop: cancel,
		deployments: map[string]*deployment{}, jobs: map[string]*job{}, published: map[string]string{}}
	c.done.Go(func() { c.run(running) })
	return c, nil
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// Stop kills all processes. The objects in the API stay as they are.
func (c *Cluster) Stop() {
	c.stop()
	c.done.Wait()
	for _, p := range c.all() {
		p.destroy()
	}
}

func (c *Cluster) run(ctx context.Context) {
	last := ""
	for {
		// An API server that restarts, a conflict: the next round sees it anew.
		if err := c.sync(ctx); err != nil && ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			c.options.Logf("cluster: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(syncInterval):
		}
	}
}

// sync brings processes to what objects ask for, and status to what processes do. Endpoints come before processes are stopped.
func (c *Cluster) sync(ctx context.Context) error {
	return errors.Join(c.syncDeployments(ctx), c.syncJobs(ctx), c.syncServices(ctx), c.syncBudgets(ctx))
}

// runs reports whether the workloads of a namespace run.
func (c *Cluster) runs(namespace string) bool {
	return c.options.Namespaces == nil || slices.Contains(c.options.Namespaces, namespace)
}

// Pods returns the pods of a namespace, those that are being stopped too, in the order of their start.
func (c *Cluster) Pods(namespace string) []*Pod {
	var found []*Pod
	for _, p := range c.all() {
		if p.Namespace == namespace {
			found = append(found, p)
		}
	}
	return found
}

// once calls write when a value is not the one of the last call for the key.
func (c *Cluster) once(key, value string, write func() error) error {
	c.mu.Lock()
	same := c.published[key] == value
	c.mu.Unlock()
	if same {
		return nil
	}
	if err := write(); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	c.mu.Lock()
	c.published[key] = value
	c.mu.Unlock()
	return nil
}

// forget makes the next once write.
func (c *Cluster) forget(key string) {
	c.mu.Lock()
	delete(c.published, key)
	c.mu.Unlock()
}

// nodeAddress finds an address of this machine that endpoints may have: the API refuses loopback and link-local ones.
func nodeAddress() (string, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String(), nil
		}
	}
	return "", errors.New("this machine has no IPv4 address but loopback ones, which endpoints may not have")
}
