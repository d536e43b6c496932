//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/test/apiserver"
)

func deployment(t *testing.T, name string, replicas int, labels ...string) object {
	t.Helper()
	o := parse(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: %d
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: c, image: "good:1"}]}
`, name, replicas))
	o["metadata"].(object)["labels"] = labelMap(labels)
	return o
}

func configMap(name string, data map[string]string, labels ...string) object {
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": name, "labels": labelMap(labels)}, "data": data}
}

// An environment is a set of namespaces, by name, glob or label, with its own actions. Where several hold, all of their
// actions follow.
func TestActions(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		for _, ns := range []string{"actions-prod", "actions-team-a", "actions-extra", "actions-warn", "actions-audit", "actions-both", "actions-free", "x-actions-team-a"} {
			c.namespace(t, ns)
		}
		c.namespace(t, "actions-labelled", "e2e-actions=prod")
		c.namespace(t, "actions-overlap", "e2e-actions=prod")
		c.install(t, "testdata/actions")
		try := func(ns string, replicas int) apiserver.Response {
			return c.create(t, call{namespace: ns}, deployment(t, "d", replicas))
		}
		const message = "[few-replicas] 5 replicas"
		for ns, binding := range map[string]string{"actions-prod": "by-name", "actions-labelled": "by-label", "actions-team-a": "by-glob", "actions-extra": "by-glob"} {
			r := try(ns, 5)
			expectDenied(t, ns, r, message)
			if d, _ := denialOf(r); d.binding != "e2e-actions-"+binding {
				t.Errorf("%s: binding %s", ns, d.binding)
			}
			expectAdmitted(t, ns, try(ns, 3))
		}
		for _, ns := range []string{"actions-free", "x-actions-team-a"} {
			expectAdmitted(t, ns, try(ns, 5))
		}

		expectWarned(t, "warn", try("actions-warn", 5), message)
		expectWarned(t, "warn and audit", try("actions-both", 5), message)
		expectAdmitted(t, "audit", try("actions-audit", 5))
		expectAdmitted(t, "no reason to warn", try("actions-both", 2))

		overlap := try("actions-overlap", 5)
		expectDenied(t, "overlap", overlap, message)
		if w := policyWarnings(overlap); len(w) != 1 || w[0].message != message {
			t.Errorf("overlap: warnings %q", overlap.Warnings)
		}
		for ns, audited := range map[string]bool{"actions-audit": true, "actions-both": true, "actions-warn": false, "actions-overlap": true} {
			if note := c.annotation(t, try(ns, 5)); strings.Contains(note, message) != audited {
				t.Errorf("%s: audit annotation %q", ns, note)
			}
			if note := c.annotation(t, try(ns, 1)); note != "" {
				t.Errorf("%s: audit annotation %q", ns, note)
			}
		}
	})
}

// Parameters are constants of the compiled policy. Environments with equal values share one.
func TestParameters(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		for _, ns := range []string{"parameters-prod", "parameters-staging", "parameters-test"} {
			c.namespace(t, ns)
		}
		c.install(t, "testdata/parameters")
		stored := c.kubectl(t, "get", "validatingadmissionpolicies", "-l", "policyc.dev/policy=e2e-parameters", "-o", "name")
		if got := strings.Count(stored, "\n"); got != 2 {
			t.Errorf("%d policies for 2 sets of values: %s", got, stored)
		}
		pod := func(image, memory string, labels ...string) object {
			p := parse(t, `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}`)
			container := p["spec"].(object)["containers"].([]any)[0].(object)
			container["image"] = image
			if memory != "" {
				container["resources"] = object{"limits": object{"memory": memory}}
			}
			p["metadata"].(object)["labels"] = labelMap(labels)
			return p
		}
		good := pod("registry.company.com/a", "512Mi", "team=a")
		// CEL goes through a map in any order, so that the message may name the two labels either way.
		expectOneOf := func(r apiserver.Response, message string) {
			t.Helper()
			if d, _ := denialOf(r); d.message == message+"team=a, e2e/quote's=it is" {
				return
			}
			expectDenied(t, "labels", r, message+"e2e/quote's=it is, team=a")
		}
		expectOneOf(c.create(t, call{namespace: "parameters-prod"}, good), "[labels] labels must include ")
		expectOneOf(c.create(t, call{namespace: "parameters-prod"}, pod("docker.io/library/a", "1Gi", "team=a")),
			"[registry] container c: docker.io/library/a; [memory] container c: memory 1Gi, not up to 512Mi; [labels] labels must include ")
		for _, ns := range []string{"parameters-staging", "parameters-test"} {
			expectAdmitted(t, ns, c.create(t, call{namespace: ns}, pod("docker.io/library/a", "8Gi")))
			expectDenied(t, ns, c.create(t, call{namespace: ns}, pod("evil.io/a", "")), "[registry] container c: evil.io/a")
		}
	})
}

// With parameterObject the values are in an object, and take effect without a build.
func TestParameterObject(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "object-prod")
		c.namespace(t, "object-rest", "e2e-object=rest")
		begin := time.Now()
		c.install(t, "testdata/object")
		try := func(ns string, replicas int, owner string) apiserver.Response {
			return c.create(t, call{namespace: ns}, deployment(t, "d", replicas, "owner="+owner))
		}
		eventually(t, time.Minute, "the parameter object is not read", func() bool { return try("object-prod", 3, "ann").Status == http.StatusCreated })
		t.Logf("a new parameter kind was usable %v after `kubectl apply`", time.Since(begin).Round(100*time.Millisecond))
		expectDenied(t, "replicas", try("object-prod", 4, "ann"), "[replicas] 4 replicas, not up to 3")
		expectDenied(t, "both", try("object-rest", 3, "cid"), "[replicas] 3 replicas, not up to 2; [owner] owner cid is none of ann, ben")
		expectAdmitted(t, "rest", try("object-rest", 2, "ben"))

		begin = time.Now()
		c.kubectl(t, "edit", "e2eobjectparams", "e2e-object-prod")
		eventually(t, time.Minute, "the edit has no effect", func() bool { return try("object-prod", 4, "ann").Status == http.StatusCreated })
		t.Logf("an edit took effect within %v", time.Since(begin).Round(100*time.Millisecond))
		expectDenied(t, "after the edit", try("object-prod", 6, "ann"), "[replicas] 6 replicas, not up to 5")

		// The CRD holds what is edited against the bounds of the parameters.
		for patch, want := range map[string]string{
			`{"spec":{"maxReplicas":0}}`:      "should be greater than or equal to 1",
			`{"spec":{"maxReplicas":"many"}}`: "must be of type integer",
			`{"spec":{"owners":["ANN"]}}`:     "should match '^[a-z]+$'",
			`{"spec":{"owners":null}}`:        "spec.owners: Required value",
		} {
			_, _, err := c.Kubectl(t.Context(), "", "patch", "e2eobjectparams", "e2e-object-prod", "--type=merge", "-p", patch)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("patch %s: %v", patch, err)
			}
		}
		// A default comes back when a value is taken out.
		c.kubectl(t, "patch", "e2eobjectparams", "e2e-object-prod", "--type=merge", "-p", `{"spec":{"maxReplicas":null}}`)
		eventually(t, time.Minute, "the default does not apply", func() bool {
			d, _ := denialOf(try("object-prod", 4, "ann"))
			return d.message == "[replicas] 4 replicas, not up to 2"
		})
		// Without the object nothing is known to be allowed.
		c.kubectl(t, "delete", "e2eobjectparams", "e2e-object-prod")
		eventually(t, time.Minute, "a missing object does not deny", func() bool { return try("object-prod", 1, "ann").Status >= 300 })
		missing := try("object-prod", 1, "ann")
		if want := "no params found for policy binding with `Deny` parameterNotFoundAction"; !strings.Contains(missing.Message(), want) {
			t.Errorf("missing object: %s", missing.Message())
		}
		expectAdmitted(t, "the other environment", try("object-rest", 2, "ben"))
	})
}

func TestExceptions(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		for _, ns := range []string{"exceptions-new", "exceptions-legacy", "exceptions-old-1", "exceptions-half"} {
			c.namespace(t, ns, "e2e-exceptions=yes")
		}
		c.namespace(t, "exceptions-exempt", "e2e-exceptions=yes", "e2e-exempt=yes")
		c.namespace(t, "exceptions-half-label", "e2e-exceptions=yes", "e2e-half=yes")
		c.install(t, "testdata/exceptions")
		const a, b, both = "[no-a] a is set", "[no-b] b is set", "[no-a] a is set; [no-b] b is set"
		data := map[string]string{"a": "1", "b": "1"}
		known := map[string]string{"a": "1", "b": "1", "reason": "known"}
		user := func(name string, groups ...string) apiserver.User { return apiserver.User{Name: name, Groups: groups} }
		for _, test := range []struct {
			what, namespace, name string
			as                    apiserver.User
			data                  map[string]string
			labels                []string
			want                  string
		}{
			{what: "no exception", want: both},
			{what: "namespace", namespace: "exceptions-legacy"},
			{what: "namespace glob", namespace: "exceptions-old-1"},
			{what: "label and name", name: "exempt-1", labels: []string{"exempt=yes"}},
			{what: "label without name", labels: []string{"exempt=yes"}, want: both},
			{what: "name without label", name: "exempt-1", want: both},
			{what: "label with another value", name: "exempt-1", labels: []string{"exempt=no"}, want: both},
			{what: "namespace label", namespace: "exceptions-exempt"},
			{what: "user", as: user("breakglass")},
			{what: "another user", as: user("breakglass2"), want: both},
			{what: "group", as: user("u", "dev", "sre-eu")},
			{what: "another group", as: user("u", "dev", "not-sre-eu"), want: both},
			{what: "service account", as: user("system:serviceaccount:ci:deployer")},
			{what: "service account elsewhere", as: user("system:serviceaccount:cd:deployer"), want: both},
			{what: "one rule", namespace: "exceptions-half", want: b},
			{what: "one rule by namespace label", namespace: "exceptions-half-label", data: known, want: a},
			{what: "one rule whose condition fails", namespace: "exceptions-half-label", want: both},
		} {
			if test.namespace == "" {
				test.namespace = "exceptions-new"
			}
			if test.name == "" {
				test.name = "x"
			}
			if test.data == nil {
				test.data = data
			}
			r := c.create(t, call{namespace: test.namespace, as: test.as}, configMap(test.name, test.data, test.labels...))
			if test.want == "" {
				expectAdmitted(t, test.what, r)
			} else {
				expectDenied(t, test.what, r, test.want)
			}
		}
	})
}

// What a project or a policy excludes is untouched, and nothing else is.
func TestExclusions(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		for _, ns := range []string{"exclusions-infra", "exclusions-own", "exclusions-glob-1", "exclusions-other", "policyc-system"} {
			c.namespace(t, ns)
		}
		c.install(t, "testdata/exclusions")
		bad := map[string]string{"bad": "yes"}
		for _, test := range []struct {
			ns, name, user, label string
			want                  bool
		}{
			{ns: "exclusions-other", want: true},
			{ns: "kube-system"}, {ns: "kube-node-lease"}, {ns: "policyc-system"}, {ns: "exclusions-infra"}, {ns: "exclusions-own"},
			{ns: "kube-public", want: true},
			{ns: "exclusions-glob-1", name: "skip-1"}, {ns: "exclusions-glob-1", name: "x", want: true}, {ns: "exclusions-other", name: "skip-1", want: true},
			{ns: "exclusions-other", user: "robot", label: "skip=yes"}, {ns: "exclusions-other", user: "robot", want: true}, {ns: "exclusions-other", label: "skip=yes", want: true},
		} {
			if test.name == "" {
				test.name = "x"
			}
			var labels []string
			if test.label != "" {
				labels = append(labels, test.label)
			}
			what := fmt.Sprintf("%+v", test)
			r := c.create(t, call{namespace: test.ns, as: apiserver.User{Name: test.user}}, configMap(test.name, bad, labels...))
			if test.want {
				expectDenied(t, what, r, "[no-bad] bad is yes")
			} else {
				expectAdmitted(t, what, r)
			}
		}

		// A Namespace object is not in a namespace: to exclude kube-system is no reason to let its labels be changed.
		namespace := func(name, label string) object {
			return object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name, "labels": object{"bad": label}}}
		}
		for _, ns := range []string{"kube-system", "exclusions-infra", "exclusions-own", "exclusions-other"} {
			expectDenied(t, "namespace "+ns, c.update(t, call{}, namespace(ns, "namespace")), "[no-bad] namespace "+ns+" is bad")
			expectAdmitted(t, "namespace "+ns, c.update(t, call{}, namespace(ns, "no")))
			expectDenied(t, "any kind, namespace "+ns, c.update(t, call{}, namespace(ns, "anything")), "[no-bad] Namespace "+ns+" is bad")
		}
		expectDenied(t, "new namespace", c.create(t, call{}, namespace("exclusions-new", "namespace")), "[no-bad] namespace exclusions-new is bad")
		expectDenied(t, "any kind, new namespace", c.create(t, call{}, namespace("exclusions-new", "anything")), "[no-bad] Namespace exclusions-new is bad")

		// kinds: ['*'] leaves alone what is in excluded namespaces, and means cluster-scoped kinds, too.
		for ns, want := range map[string]bool{"exclusions-other": true, "exclusions-own": false, "exclusions-infra": false, "kube-system": false} {
			for _, o := range []object{configMap("x", nil, "bad=anything"), deployment(t, "d", 1, "bad=anything")} {
				r := c.create(t, call{namespace: ns}, o)
				if want {
					expectDenied(t, ns, r, fmt.Sprintf("[no-bad] %s %s is bad", o["kind"], name(o)))
				} else {
					expectAdmitted(t, ns, r)
				}
			}
		}
		role := parse(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r, labels: {bad: anything}}}`)
		expectDenied(t, "cluster role", c.create(t, call{}, role), "[no-bad] ClusterRole r is bad")
	})
}

// An object that violates a rule already may be changed, and may not violate another.
func TestRatchet(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "ratchet")
		old := deployment(t, "old", 1)
		podSpec(old)["hostNetwork"] = true
		latest := deployment(t, "latest", 1)
		podSpec(latest)["containers"] = []any{object{"name": "c", "image": "a:latest"}}
		for _, o := range []object{old, latest, deployment(t, "fine", 1)} {
			c.keep(t, "ratchet", string(encode(t, o)))
		}
		c.install(t, "testdata/ratchet")
		k := call{namespace: "ratchet"}
		expectDenied(t, "create", c.create(t, k, rename(t, old, "new")), "[no-host-network] host network")
		expectAdmitted(t, "label", c.patch(t, k, old, `{metadata: {labels: {a: b}}}`))
		expectAdmitted(t, "scale", c.patch(t, k, old, `{spec: {replicas: 4}}`))
		expectAdmitted(t, "repair", c.patch(t, k, old, `{spec: {template: {spec: {hostNetwork: false}}}}`))
		expectDenied(t, "another violation", c.patch(t, k, old, `{spec: {template: {spec: {containers: [{name: c, image: "a:latest"}]}}}}`),
			"[no-latest] container c: a:latest")
		expectDenied(t, "a rule that does not ratchet", c.patch(t, k, old, `{metadata: {labels: {bad: "yes"}}}`), "[always] label bad")
		expectAdmitted(t, "still the same rule", c.patch(t, k, latest, `{spec: {template: {spec: {containers: [{name: d, image: "b:latest"}]}}}}`))
		expectDenied(t, "an object that was fine", c.patch(t, k, deployment(t, "fine", 1), `{spec: {template: {spec: {hostNetwork: true}}}}`),
			"[no-host-network] host network")
	})
}

func rename(t *testing.T, o object, name string) object {
	t.Helper()
	copied := parse(t, string(encode(t, o)))
	copied["metadata"].(object)["name"] = name
	return copied
}

// podSpec is the spec of the Pod that an object is or makes.
func podSpec(o object) object {
	spec := o["spec"].(object)
	if job, ok := spec["jobTemplate"].(object); ok {
		spec = job["spec"].(object)
	}
	if template, ok := spec["template"].(object); ok {
		return template["spec"].(object)
	}
	return spec
}
