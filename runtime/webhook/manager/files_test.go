package manager

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/policyc/policyc/runtime/webhook/certs"
)

// issuer writes what cert-manager would: a certificate with its authority.
func issuer(t *testing.T, folder string, now time.Time) {
	t.Helper()
	plan := certs.Plan{Names: []string{"policyc-runtime.policyc-system.svc"}, CALife: 360 * day, ServingLife: 90 * day}
	s, err := plan.Step(nil, now, false)
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		if err := os.WriteFile(filepath.Join(folder, name), data[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFiles changes the authority behind the back of two replicas, one of which gets its files later.
func TestFiles(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(validating(), mutating()).Build()
	now := &clock{start}
	var replicas []*files
	for range 2 {
		replicas = append(replicas, &files{folder: t.TempDir(), configurations: configurations{client: c, name: "policyc", service: service},
			served: &served{}, settle: time.Minute, now: now.now})
	}
	if _, err := replicas[0].Reconcile(context.Background(), reconcile.Request{}); err == nil {
		t.Error("there are no files, and no error")
	}
	issuer(t, replicas[0].folder, start)
	copied(t, replicas[0].folder, replicas[1].folder)
	look := func() {
		t.Helper()
		for _, r := range replicas {
			reconciled(t, r)
			shake(t, bundles(t, c)[0], r.served, now.Time)
		}
	}
	look()
	first := replicas[0].served.Leaf()

	seen := bundles(t, c)[0] // by an API server that is late
	issuer(t, replicas[0].folder, start)
	for range 5 {
		now.Time = now.Add(11 * time.Second)
		look()
		shake(t, seen, replicas[0].served, now.Time)
	}
	if !replicas[0].served.Leaf().Equal(first) {
		t.Error("the certificate was exchanged before API servers could know")
	}
	for range 3 {
		now.Time = now.Add(11 * time.Second)
		look()
	}
	if replicas[0].served.Leaf().Equal(first) {
		t.Error("the new certificate is never served")
	}
	copied(t, replicas[0].folder, replicas[1].folder)
	for range 7 {
		now.Time = now.Add(11 * time.Second)
		look()
	}
	if !replicas[1].served.Leaf().Equal(replicas[0].served.Leaf()) {
		t.Error("a replica stays with the old certificate")
	}
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
