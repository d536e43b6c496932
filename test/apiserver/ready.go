package apiserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const pollInterval = 50 * time.Millisecond

// waitUntilReady returns once a write of every user would go through: admission works, and the users have their rights.
func (s *Server) waitUntilReady(ctx context.Context, options Options) error {
	if err := s.poll(ctx, s.loadCertificate); err != nil {
		return fmt.Errorf("wait for the certificate: %w", err)
	}
	if err := s.waitUntilAdmits(ctx); err != nil {
		return err
	}
	return s.grantAccess(ctx, options)
}

// waitUntilAdmits returns once a write of the administrator would go through: the server is ready, has made its own namespaces
// and roles, and its admission plugins have read the policies that exist.
func (s *Server) waitUntilAdmits(ctx context.Context) error {
	steps := []struct {
		name    string
		request Request
		status  int
	}{
		{"readyz", Request{Path: "/readyz"}, http.StatusOK},
		{"namespace default", Request{Path: "/api/v1/namespaces/default"}, http.StatusOK},
		// readyz does not wait for the informers of the admission plugins: until then a write is 403 "not yet ready to handle request".
		{"admission", Request{
			Method: http.MethodPost,
			Path:   "/api/v1/namespaces/default/configmaps?dryRun=All",
			Body:   []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"ready-"}}`),
		}, http.StatusCreated},
	}
	for _, step := range steps {
		if err := s.poll(ctx, s.expect(step.request, step.status)); err != nil {
			return fmt.Errorf("wait for %s: %w", step.name, err)
		}
	}
	return nil
}

// poll calls done until it returns nil, a process ends, or the context does.
func (s *Server) poll(ctx context.Context, done func(context.Context) error) error {
	kube, etcd := s.processes[0], s.processes[1]
	for {
		err := done(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-etcd.exited:
			return etcd.failure()
		case <-kube.exited:
			return kube.failure()
		case <-ctx.Done():
			return fmt.Errorf("%w; last answer: %w", ctx.Err(), err)
		case <-time.After(pollInterval):
		}
	}
}

// loadCertificate makes the client, as soon as kube-apiserver has written the certificate that it signed itself.
func (s *Server) loadCertificate(context.Context) error {
	certificate, err := os.ReadFile(filepath.Join(s.Dir, certFile))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		return errors.New("no certificate in " + certFile)
	}
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
	}}
	return nil
}

// expect is a poll condition: the request is answered with the status.
func (s *Server) expect(request Request, status int) func(context.Context) error {
	return func(ctx context.Context) error {
		response, err := s.Do(ctx, request)
		if err != nil {
			return err
		}
		if response.Status != status {
			return fmt.Errorf("status %d: %s", response.Status, response.Body)
		}
		return nil
	}
}

// grantAccess lets the users and, unless they are restricted, all service accounts read and write every resource. It does not use the roles `admin` and
// `edit`: a controller, which does not run, would fill them.
func (s *Server) grantAccess(ctx context.Context, options Options) error {
	type object = map[string]any
	const rbac, name = "rbac.authorization.k8s.io", "policyc-test-users"
	subjects := []object{}
	if !options.RestrictServiceAccounts {
		subjects = append(subjects, object{"kind": "Group", "name": "system:serviceaccounts", "apiGroup": rbac})
	}
	for _, user := range options.Users {
		subjects = append(subjects, object{"kind": "User", "name": user.Name, "apiGroup": rbac})
	}
	for plural, body := range map[string]object{
		"clusterroles": {"kind": "ClusterRole", "rules": []object{{
			"apiGroups": []string{"*"},
			"resources": []string{"*"},
			"verbs":     []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
		}}},
		"clusterrolebindings": {"kind": "ClusterRoleBinding", "subjects": subjects,
			"roleRef": object{"apiGroup": rbac, "kind": "ClusterRole", "name": name}},
	} {
		body["apiVersion"], body["metadata"] = rbac+"/v1", object{"name": name}
		content, err := json.Marshal(body)
		if err != nil {
			return err
		}
		create := Request{Method: http.MethodPost, Path: "/apis/" + rbac + "/v1/" + plural, Body: content}
		if err := s.expect(create, http.StatusCreated)(ctx); err != nil {
			return fmt.Errorf("create the %s of the test users: %w", plural, err)
		}
	}
	return s.waitForAccess(ctx, options.Users)
}

// waitForAccess waits until RBAC, which reads through an informer, knows the grant.
func (s *Server) waitForAccess(ctx context.Context, users []User) error {
	for _, user := range users {
		read := s.expect(Request{Path: "/api/v1/namespaces/default", User: user.Name}, http.StatusOK)
		if err := s.poll(ctx, read); err != nil {
			return fmt.Errorf("wait for the access of %s: %w", user.Name, err)
		}
	}
	return nil
}
