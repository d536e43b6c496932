//go:build e2e

package object_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

// probe is a policy whose message tells what it sees of an object's metadata and status.
const probe = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: e2e-probe}
spec:
  matchConstraints: {resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE], resources: [configmaps, pods, namespaces, deployments, gadgets]}]}
  validations:
  - expression: "false"
    messageExpression: >-
      'name=' + string(object.metadata.name.startsWith('probe')) + '/' + string(size(object.metadata.name)) +
      ' request.name=' + request.name +
      ' namespace=' + object.metadata.?namespace.orValue('') + ' request.namespace=' + request.?namespace.orValue('') +
      ' uid=' + string(has(object.metadata.uid)) + ' created=' + string(has(object.metadata.creationTimestamp)) +
      ' managed=' + string(has(object.metadata.managedFields)) + ' resourceVersion=' + string(has(object.metadata.resourceVersion)) +
      ' generation=' + string(object.metadata.?generation.orValue(0)) +
      ' status=' + string(has(object.status))
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: e2e-probe}
spec: {policyName: e2e-probe, validationActions: [Warn]}
`

// What the server has filled in when a policy sees an object, as docs/testing.md says. A policy sees what a webhook sees,
// which the other tests of this package look at.
func TestProbe(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.kubectl(t, "", "create", "serviceaccount", "default")
		c.kubectl(t, "", "apply", "-f", "testdata/crd.yaml")
		c.kubectl(t, probe, "apply", "-f", "-")
		c.kubectl(t, "", "wait", "--for=condition=Established", "--timeout=30s", "crd", "gadgets.object.policyc.dev")
		eventually(t, 30*time.Second, "the policy is not enforced", func() bool {
			return c.probe(t, "/api/v1/namespaces/default/configmaps", `{"metadata":{"name":"probe"}}`) != ""
		})
		podGeneration := "generation=1"
		if c.version == "1.30" {
			podGeneration = "generation=0"
		}
		const made = " uid=true created=true managed=true resourceVersion=false "
		const inDefault = " namespace=default request.namespace=default"
		for _, want := range []struct{ path, body, sees string }{
			{"/api/v1/namespaces/default/configmaps", `{"metadata":{"name":"probe","generation":7},"data":{"a":"b"}}`,
				"name=true/5 request.name=probe" + inDefault + made + "generation=7 status=false"},
			{"/api/v1/namespaces/default/configmaps", `{"metadata":{"generateName":"probe-"},"data":{"a":"b"}}`,
				"name=true/11 request.name=probe-" + random + inDefault + made + "generation=0 status=false"},
			{"/api/v1/namespaces/default/pods", `{"metadata":{"name":"probe"},"spec":{"containers":[{"name":"c","image":"a"}]},"status":{"phase":"Running"}}`,
				"name=true/5 request.name=probe" + inDefault + made + podGeneration + " status=true"},
			{"/api/v1/namespaces", `{"metadata":{"name":"probe"}}`,
				"name=true/5 request.name=probe namespace= request.namespace=probe" + made + "generation=0 status=true"},
			{"/apis/apps/v1/namespaces/default/deployments", `{"metadata":{"name":"probe"},"spec":{"selector":{"matchLabels":{"a":"b"}},
				"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"a"}]}}},"status":{"replicas":3}}`,
				"name=true/5 request.name=probe" + inDefault + made + "generation=1 status=true"},
			{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{"apiVersion":"object.policyc.dev/v1","kind":"Gadget","metadata":{"name":"probe","generation":7},"status":{"ready":true}}`,
				"name=true/5 request.name=probe" + inDefault + made + "generation=1 status=false"},
		} {
			got := generatedName.ReplaceAllString(c.probe(t, want.path, want.body), "probe-"+random)
			if got != want.sees {
				t.Errorf("%s %s: a policy sees\n%s, want\n%s", want.path, want.body, got, want.sees)
			}
		}
	})
}

// random stands for the end of a generated name.
const random = "?????"

var generatedName = regexp.MustCompile(`probe-[a-z0-9]{5}\b`)

// probe is the message of the policy about an object.
func (c *cluster) probe(t *testing.T, path, body string) string {
	t.Helper()
	r := c.do(t, apiserver.Request{Method: http.MethodPost, Path: path + "?dryRun=All", Body: []byte(body)})
	if r.Status != http.StatusCreated {
		t.Fatalf("%s: %s", path, r.Body)
	}
	i := slices.IndexFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "e2e-probe") })
	if i < 0 {
		return ""
	}
	_, message, _ := strings.Cut(r.Warnings[i], "with binding 'e2e-probe': ")
	return message
}
