// Package apiserver starts real Kubernetes API servers for the end-to-end tests: an etcd and a
// kube-apiserver on loopback ports, without kubelet, containers or privileges.
//
// `go run ./test/apiserver/build` compiles the binaries from the modules in v1.37/ and v1.30/, once. Then
//
//	server, err := apiserver.Start(ctx, apiserver.Options{Version: "1.37"})
//	defer server.Stop()
//	server.Kubectl(ctx, policyYAML, "apply", "-f", "-")
//	response, err := server.Do(ctx, apiserver.Request{Method: "POST", Path: "/api/v1/namespaces/default/pods", User: "alice", Body: pod})
//
// gives what a user of the cluster would get:
//
//	response.Status     422
//	response.Message()  pods "web" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'limits' denied request: …
//	response.Warnings   those of policies that only warn
//
// What is not there: no controllers run, so no ServiceAccount appears in a new namespace, no Deployment makes Pods, no
// aggregated ClusterRole (admin, edit, view) has rules, and a ValidatingAdmissionPolicy's status.typeChecking stays empty.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options says which server to start. The zero value, with a Version, is a good one.
type Options struct {
	// Version is a minor that Versions lists, "1.37".
	Version string
	// AuditLog records every request, with the audit annotations of its admission, for Server.AuditEvents.
	AuditLog bool
	// Users may read and write every resource, so that policies and not RBAC decide; nil means DefaultUsers.
	Users []User
	// ServiceAccounts turns on the plugin that gives Pods a service account and a token. It refuses every Pod whose ServiceAccount
	// nobody has made: the controller that makes them does not run.
	ServiceAccounts bool
	// RestrictServiceAccounts leaves service accounts with what RBAC objects grant them. Otherwise they may what Users may.
	RestrictServiceAccounts bool
	// Args are added to kube-apiserver's command line, "--feature-gates=…".
	Args []string
	// Dir is where data, logs and credentials go, and is left behind to read; the next start there begins afresh. Empty means a
	// new folder that Stop removes.
	Dir string
}

// Server is a running API server with its etcd. It is safe for concurrent use.
type Server struct {
	// Version is the exact release, "v1.37.2".
	Version string
	// URL is the address of the API, "https://127.0.0.1:34567".
	URL string
	// Kubeconfig is the path of a kubeconfig whose current context is the administrator's; each user has one of the user's name.
	Kubeconfig string
	// Dir holds kube-apiserver.log, etcd.log and the rest.
	Dir string

	kubectl   string
	restart   func() (*process, error) // of kube-apiserver
	auditLog  string
	tokens    map[string]string
	client    *http.Client
	processes []*process // in the order to kill them
	temporary bool
	stop      sync.Once
}

// attempts at starting, because a port found free can be taken before the server listens on it.
const attempts = 3

// defaultStartTimeout applies when the context of Start has no deadline. A start takes some 3 seconds on an idle machine.
const defaultStartTimeout = 3 * time.Minute

// Start runs etcd and kube-apiserver, and returns when requests pass through admission. The context bounds the start only;
// the server runs until Stop, and on Linux no longer than this process, however that ends.
func Start(ctx context.Context, options Options) (*Server, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultStartTimeout)
		defer cancel()
	}
	built, err := findBinaries(options.Version)
	if err != nil {
		return nil, err
	}
	if options.Users == nil {
		options.Users = DefaultUsers()
	}
	for attempt := 1; ; attempt++ {
		server, err := startOnce(ctx, options, built)
		if err == nil {
			return server, nil
		}
		if attempt == attempts || ctx.Err() != nil || !errors.Is(err, errPortTaken) {
			return nil, fmt.Errorf("start kube-apiserver %s: %w", options.Version, err)
		}
	}
}

func startOnce(ctx context.Context, options Options, built binaries) (*Server, error) {
	server := &Server{Version: built.release, Dir: options.Dir, kubectl: built.path("kubectl"), temporary: options.Dir == ""}
	if err := server.run(ctx, options, built); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

func (s *Server) run(ctx context.Context, options Options, built binaries) error {
	if err := s.makeDir(); err != nil {
		return err
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	etcdURL := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	s.URL = fmt.Sprintf("https://127.0.0.1:%d", ports[1])
	s.Kubeconfig = filepath.Join(s.Dir, "kubeconfig")
	if options.AuditLog {
		s.auditLog = filepath.Join(s.Dir, auditLogFile)
	}
	if err := s.writeCredentials(options.Users); err != nil {
		return err
	}

	etcd, err := startProcess("etcd", built.path("etcd"), s.Dir, etcdArgs(s.Dir, etcdURL))
	if err != nil {
		return err
	}
	s.processes = []*process{etcd}
	// kube-apiserver retries until etcd answers, so that the two start side by side.
	args := append(serverArgs(s.Dir, etcdURL, ports[1], options), options.Args...)
	s.restart = func() (*process, error) {
		return startProcess("kube-apiserver", built.path("kube-apiserver"), s.Dir, args)
	}
	kube, err := s.restart()
	if err != nil {
		return err
	}
	s.processes = []*process{kube, etcd}
	return s.waitUntilReady(ctx, options)
}

// Restart kills kube-apiserver, starts it again on the same port with the same data, and returns when requests pass through
// admission. No other method but Do and Kubectl, whose requests fail meanwhile, may be called at the same time.
func (s *Server) Restart(ctx context.Context) error {
	s.processes[0].kill()
	kube, err := s.restart()
	if err != nil {
		return err
	}
	s.processes[0] = kube
	return s.waitUntilAdmits(ctx)
}

func (s *Server) makeDir() error {
	if s.temporary {
		dir, err := os.MkdirTemp("", "policyc-apiserver-")
		s.Dir = dir
		return err
	}
	dir, err := filepath.Abs(s.Dir) // the two programs run in it
	if err != nil {
		return err
	}
	s.Dir = dir
	for _, stale := range []string{etcdDir, certDir, auditLogFile} { // of the server before, or the attempt before
		if err := os.RemoveAll(filepath.Join(s.Dir, stale)); err != nil {
			return err
		}
	}
	return os.MkdirAll(s.Dir, 0o755)
}

// Stop kills both processes and removes the folder, unless Options named it. It can be called again, and by any goroutine.
func (s *Server) Stop() {
	s.stop.Do(func() {
		for _, p := range s.processes {
			p.kill() // nothing is kept, so a graceful shutdown, which takes seconds, has nothing to save
		}
		if s.client != nil {
			s.client.CloseIdleConnections()
		}
		if s.temporary && s.Dir != "" {
			os.RemoveAll(s.Dir)
		}
	})
}

// freePorts finds n distinct free loopback ports.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close() // only once all are found, so that they differ
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
