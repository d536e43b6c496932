//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/remote"
	"github.com/policyc/policyc/test/apiserver"
)

const loud = "../../policies/supply-chain"

// TestRemoteDifference compiles a policy otherwise than the engine has it: exactly the cases that show it differ.
func TestRemoteDifference(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		inputs := syntax.ReadPaths([]string{"../../policies/supply-chain/disallow-latest-tag.yaml", "../../policies/supply-chain/disallow-latest-tag_test.yaml"}, nil, diag.NewReport())
		s := loadSuite(t, c.version, inputs)
		for i := range inputs {
			if text := string(inputs[i].Data); strings.Contains(text, "kind: Policy\n") {
				changed := strings.Replace(text, "names no version", "has no version", -1)
				if changed == text {
					t.Fatal("the message is another one")
				}
				inputs[i].Data = []byte(changed)
			}
		}
		s.Variants[0].Bundle = loadSuite(t, c.version, inputs).Variants[0].Bundle
		for _, r := range c.remote(t, s, remote.Options{}) {
			if r.Outcome != remote.Compared {
				continue
			}
			violates := strings.Contains(strings.Join(r.Offline.Denials, ""), "names no version")
			if violates != !r.Agrees() {
				t.Errorf("%s: offline %q, on the server %q, differences %v", r.Case, r.Offline.Denials, r.Server.Denials, r.Differences)
			}
			if violates && (len(r.Differences) != 1 || r.Differences[0].What != "message") {
				t.Errorf("%s: %v", r.Case, r.Differences)
			}
		}
	})
}

// foreign is a policy of the cluster, and a webhook that does not answer.
const foreign = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: e2e-foreign}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}
  validations: [{expression: "!object.metadata.name.startsWith('a')", message: not here}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: e2e-foreign}
spec: {policyName: e2e-foreign, validationActions: [Deny]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: e2e-foreign}
webhooks:
- name: foreign.policyc.dev
  clientConfig: {url: "https://127.0.0.1:1/"}
  rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  sideEffects: None
  admissionReviewVersions: [v1]
`

// TestRemoteForeign tells apart what else in the cluster denies: a policy hides no verdict, a mutating webhook does.
func TestRemoteForeign(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		if _, _, err := c.Kubectl(t.Context(), foreign, "apply", "-f", "-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, _, err := c.Kubectl(context.Background(), foreign, "delete", "-f", "-"); err != nil {
				t.Fatal(err)
			}
			c.settle(t)
		})
		c.settle(t)
		counts := map[string]int{}
		for _, r := range c.remote(t, c.loadSuite(t, remoteData), remote.Options{}) {
			switch kind := r.Case.Kind.Kind; {
			case r.Outcome == remote.Skipped:
			case kind == "ConfigMap" && r.Case.Operation == "CREATE" && strings.HasPrefix(r.Case.ObjectName, "a"):
				counts["policy"]++
				// The server shows one of several denials, and every violation is one in the copies; either may come first.
				if silent := len(r.Server.Deny)+len(r.Server.Warn)+len(r.Server.Audit) == 0; silent && r.Foreign != "ValidatingAdmissionPolicy e2e-foreign" {
					t.Errorf("%s: denied by %q", r.Case, r.Foreign)
				}
				expectAgreement(t, &r)
			case kind == "ConfigMap" && r.Case.Operation == "UPDATE":
				counts["stored"]++
				if r.Outcome != remote.Blocked || !strings.Contains(r.Why, "the old object: ") || !strings.Contains(r.Why, "'e2e-foreign'") {
					t.Errorf("%s: %s: %s", r.Case, r.Outcome, r.Why)
				}
			case kind == "Pod":
				counts["webhook"]++
				if r.Outcome != remote.Blocked || !strings.Contains(r.Why, "foreign.policyc.dev") {
					t.Errorf("%s: %s: %s", r.Case, r.Outcome, r.Why)
				}
			}
		}
		if counts["policy"] < 10 || counts["webhook"] < 3 || counts["stored"] < 2 {
			t.Errorf("only %v cases", counts)
		}
	})
}

// TestRemoteInUse runs two suites at once, while others use the cluster, in the scratch namespaces even: nothing that a run
// installs is about them. No Pod can come into being in a scratch namespace.
func TestRemoteInUse(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		var once sync.Once
		var wait, installed sync.WaitGroup
		s := c.loadSuite(t, loud)
		installed.Add(2)
		for range 2 {
			wait.Go(func() {
				var begun sync.Once
				results, err := remote.Run(t.Context(), c.config(t), s, s.Cases, remote.Options{Progress: func(int, int, *remote.Result) {
					// A run that has a result is in force; the other one may still be on its way there.
					begun.Do(installed.Done)
					installed.Wait()
					once.Do(func() { c.useCluster(t) })
				}})
				begun.Do(installed.Done)
				if err != nil {
					t.Error(err)
				}
				for _, r := range results {
					if r.Outcome != remote.Skipped {
						expectAgreement(t, &r)
					}
				}
			})
		}
		wait.Wait()
		c.expectClean(t)
	})
}

// useCluster makes requests of other people while copies are enforced.
func (c *cluster) useCluster(t *testing.T) {
	evil := parse(t, `{apiVersion: v1, kind: Pod, metadata: {name: evil}, spec: {containers: [{name: c, image: "evil.io/x:latest"}]}}`)
	scratch := strings.Fields(c.kubectl(t, "get", "namespaces", "-l", "policyc.dev/test-run", "--field-selector", "status.phase=Active", "-o", "jsonpath={.items[*].metadata.name}"))
	if len(scratch) < 2 {
		t.Errorf("scratch namespaces: %v", scratch)
		return
	}
	for _, ns := range append(scratch, "default") {
		for _, as := range []apiserver.User{{}, {Name: "alice", Groups: []string{"dev"}}} {
			expectAdmitted(t, "a Pod in "+ns, c.create(t, call{namespace: ns, as: as}, evil))
		}
	}
	r := c.create(t, call{namespace: scratch[0], stored: true}, evil)
	if r.Status != http.StatusUnprocessableEntity || !strings.Contains(r.Message(), "no Pod runs in this namespace") {
		t.Errorf("a Pod came into being: %d %s", r.Status, r.Message())
	}
}

// TestRemoteCancelled cleans up when it is interrupted.
func TestRemoteCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		s := c.loadSuite(t, loud)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := remote.Run(ctx, c.config(t), s, s.Cases, remote.Options{Progress: func(int, int, *remote.Result) { cancel() }})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		c.expectClean(t)
	})
}

// TestRemoteRefuses says what is missing before it makes anything.
func TestRemoteRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		s := c.loadSuite(t, loud)
		carolsStatus := func() int {
			return c.do(t, apiserver.Request{Path: "/api/v1/namespaces", As: apiserver.User{Name: "carol"}}).Status
		}
		c.kubectl(t, "delete", "clusterrolebinding", "e2e-everybody")
		t.Cleanup(func() {
			if _, _, err := c.Kubectl(context.Background(), everybody, "apply", "-f", "-"); err != nil {
				t.Fatal(err)
			}
			eventually(t, 10*time.Second, "carol has no rights again", func() bool { return carolsStatus() == http.StatusOK })
		})
		eventually(t, 10*time.Second, "carol keeps her rights", func() bool { return carolsStatus() == http.StatusForbidden })
		config := c.config(t)
		config.Impersonate = rest.ImpersonationConfig{UserName: "carol"}
		_, err := remote.Run(t.Context(), config, s, s.Cases, remote.Options{})
		for _, want := range []string{"the user of the kubeconfig may not: ", "impersonate groups", "create validatingadmissionpolicies.admissionregistration.k8s.io", "bind clusterroles"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in %v", want, err)
			}
		}
		c.expectClean(t)
	})
}

// TestRemoteOlderServer refuses policies for a later version.
func TestRemoteOlderServer(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		inputs := syntax.ReadPaths([]string{loud}, nil, diag.NewReport())
		_, err := remote.Run(t.Context(), c.config(t), loadSuite(t, "1.37", inputs), nil, remote.Options{})
		if c.version == "1.37" {
			if err != nil {
				t.Error(err)
			}
			return
		}
		if want := "compiled for 1.37 and later"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	})
}

// TestRemoteServiceAccounts runs the library where the server adds to Pods, as clusters do: a volume with a token, which an
// update may not take away, and Pods that name an account need it.
func TestRemoteServiceAccounts(t *testing.T) {
	for _, version := range apiserver.Versions() {
		t.Run(version, func(t *testing.T) {
			server, err := apiserver.Start(t.Context(), apiserver.Options{Version: version, ServiceAccounts: true})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Stop()
			c := &cluster{Server: server, version: version}
			compared := 0
			for _, r := range c.remote(t, c.loadSuite(t, natives(t)...), remote.Options{}) {
				if r.Outcome != remote.Skipped && !refusesItself(&r) {
					expectAgreement(t, &r)
					compared++
				}
			}
			if compared < 250 {
				t.Errorf("only %d cases are compared", compared)
			}
		})
	}
}
