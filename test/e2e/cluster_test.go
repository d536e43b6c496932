//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
	"github.com/policyc/policyc/test/e2e/client"
)

// cluster is an API server with what the tests need on it.
type cluster struct {
	*apiserver.Server
	// version is the minor, which the policies are compiled for.
	version string
	// revision numbers the canaries.
	revision int
}

type object = client.Object

// everybody lets whoever is impersonated do everything, so that admission policies decide and not RBAC.
const everybody = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: e2e-everybody}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: system:authenticated}]
`

func (c *cluster) prepare(ctx context.Context) error {
	_, _, err := c.Kubectl(ctx, everybody, "apply", "-f", "-")
	if err != nil {
		return err
	}
	// Custom kinds take up to 30 s until admission knows them (see TestParameterObject), so they come early.
	_, _, err = c.Kubectl(ctx, "", "apply", "-f", "testdata/custom/crd.yaml")
	return err
}

// build runs `policyc build` for the version of the server, and returns the folder that it wrote.
func (c *cluster) build(t *testing.T, source string) string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command(policycBinary, "build", "--kube-version", c.version, "-o", out, source)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("policyc build %s: %v\n%s", source, err, output)
	}
	return out
}

// install builds the policies of a folder, applies them, and waits until the server enforces them. They are removed when
// the test ends.
func (c *cluster) install(t *testing.T, source string) {
	t.Helper()
	c.apply(t, c.build(t, source))
}

// apply is what a user does with generated/: first crds/, then native/.
func (c *cluster) apply(t *testing.T, generated string) {
	t.Helper()
	crds, native := filepath.Join(generated, "crds"), filepath.Join(generated, "native")
	if _, err := os.Stat(crds); err == nil {
		c.kubectl(t, "apply", "-k", crds)
		t.Cleanup(func() { c.kubectl(t, "delete", "-k", crds, "--ignore-not-found", "--wait=false") })
		c.kubectl(t, "wait", "--for=condition=Established", "--timeout=30s", "crd", "-l", "app.kubernetes.io/managed-by=policyc")
	}
	t.Cleanup(func() { c.kubectl(t, "delete", "-k", native, "--ignore-not-found", "--wait=false") })
	c.kubectl(t, "apply", "-k", native)
	c.settle(t)
}

func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return client.Kubectl(t, c.Server, "", args...)
}

// canary is a policy that warns about one ConfigMap and tells its revision. A warning is shown whatever other policies say;
// of several denials the server shows one.
const canary = `
apiVersion: admissionregistration.k8s.io/v1
kind: %[2]s
metadata: {name: e2e-canary-%[1]d}
spec: %[3]s
`

const canaryPolicy = `{matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]},
  matchConditions: [{name: canary, expression: "object.metadata.name == 'e2e-canary'"}],
  validations: [{expression: "false", messageExpression: "'revision %d of ' + namespaceObject.metadata.?labels['e2e-revision'].orValue('none')"}]}`

const canaryBinding = `{policyName: e2e-canary-%d, validationActions: [Warn]}`

const admission = "/apis/admissionregistration.k8s.io/v1/"

// settle waits until the server enforces exactly the policies and bindings that are stored now. It learns of each kind
// through a watch, in order, and compiles all anew once a second: when a policy that was written last is enforced, so are
// the ones before it.
func (c *cluster) settle(t *testing.T) { c.settleIn(t) }

// settleIn waits, too, until admission has the labels of the namespaces, which carry e2e-revision.
func (c *cluster) settleIn(t *testing.T, namespaces ...string) {
	t.Helper()
	c.revision++
	n := c.revision
	for _, part := range []struct{ plural, kind, spec string }{
		{"validatingadmissionpolicies", "ValidatingAdmissionPolicy", canaryPolicy},
		{"validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", canaryBinding},
	} {
		c.must(t, apiserver.Request{Method: http.MethodPost, Path: admission + part.plural,
			Body: []byte(fmt.Sprintf(canary, n, part.kind, fmt.Sprintf(part.spec, n))), ContentType: "application/yaml"})
		if n > 1 {
			c.must(t, apiserver.Request{Method: http.MethodDelete, Path: fmt.Sprintf("%s%s/e2e-canary-%d", admission, part.plural, n-1)})
		}
	}
	if len(namespaces) == 0 {
		c.waitForCanary(t, "default", fmt.Sprintf("revision %d of ", n))
	}
	for _, ns := range namespaces {
		current := c.must(t, apiserver.Request{Path: "/api/v1/namespaces/" + ns})
		var stored struct {
			Metadata struct{ Labels map[string]string }
		}
		decode(t, current.Body, &stored)
		if stored.Metadata.Labels["e2e-revision"] == "" {
			t.Fatalf("namespace %s has no revision", ns)
		}
		c.waitForCanary(t, ns, fmt.Sprintf("revision %d of %s\n", n, stored.Metadata.Labels["e2e-revision"]))
	}
}

func (c *cluster) waitForCanary(t *testing.T, namespace, want string) {
	t.Helper()
	eventually(t, 30*time.Second, "the policies are not enforced", func() bool {
		r := c.do(t, apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/" + namespace + "/configmaps?dryRun=All",
			Body: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"e2e-canary"}}`)})
		return slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w+"\n", want) })
	})
}

// namespace makes a namespace, and returns its name.
func (c *cluster) namespace(t *testing.T, name string, labels ...string) string {
	t.Helper()
	c.setNamespace(t, name, labelMap(labels))
	return name
}

// setNamespace makes a namespace or replaces its labels.
func (c *cluster) setNamespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	client.SetNamespace(t, c.Server, name, labels)
}

// labelMap reads key=value pairs.
func labelMap(pairs []string) map[string]string {
	m := map[string]string{}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		m[k] = v
	}
	return m
}

func (c *cluster) do(t *testing.T, request apiserver.Request) apiserver.Response {
	t.Helper()
	return client.Do(t, c.Server, request)
}

// must sends a request that prepares a test and has to succeed.
func (c *cluster) must(t *testing.T, request apiserver.Request) apiserver.Response {
	t.Helper()
	return client.Must(t, c.Server, request)
}

// annotation waits for the audit event of a response, and returns what policies wrote into it.
func (c *cluster) annotation(t *testing.T, r apiserver.Response) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	event, err := c.AuditEvent(ctx, r.AuditID)
	if err != nil {
		t.Fatal(err)
	}
	return event.Annotations["validation.policy.admission.k8s.io/validation_failure"]
}

// eventually polls, for what the server learns through a watch.
func eventually(t *testing.T, limit time.Duration, failure string, done func() bool) {
	t.Helper()
	client.Eventually(t, limit, failure, done)
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	return client.Encode(t, v)
}

func decode(t *testing.T, content []byte, v any) {
	t.Helper()
	client.Decode(t, content, v)
}

// parse reads an object in YAML.
func parse(t *testing.T, text string) object {
	t.Helper()
	return client.Parse(t, text)
}
