//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/policyc/policyc/test/apiserver"
)

// workloads are the kinds with a pod template, and where it is in the spec.
var workloads = []struct{ apiVersion, kind string }{
	{"v1", "ReplicationController"},
	{"apps/v1", "Deployment"},
	{"apps/v1", "ReplicaSet"},
	{"apps/v1", "StatefulSet"},
	{"apps/v1", "DaemonSet"},
	{"batch/v1", "Job"},
	{"batch/v1", "CronJob"},
}

// wrap makes an object of a kind from a Pod, with the Pod's metadata on both the object and its template.
func wrap(t *testing.T, pod object, apiVersion, kind string) object {
	t.Helper()
	template := parse(t, string(encode(t, pod)))
	delete(template, "apiVersion")
	delete(template, "kind")
	delete(template, "status")
	spec, _ := template["spec"].(object)
	delete(spec, "ephemeralContainers") // of running Pods only
	meta := parse(t, string(encode(t, pod)))["metadata"].(object)
	templateMeta := template["metadata"].(object)
	for _, field := range []string{"name", "namespace", "generateName"} {
		delete(templateMeta, field)
	}
	o := object{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
	outer := object{"template": template}
	switch kind {
	case "Job":
		spec["restartPolicy"] = "Never"
	case "CronJob":
		spec["restartPolicy"] = "Never"
		outer = object{"schedule": "0 0 * * *", "jobTemplate": object{"spec": object{"template": template}}}
	default:
		spec["restartPolicy"] = "Always"
		labels, _ := templateMeta["labels"].(object)
		if len(labels) == 0 {
			// The server asks for a label to select by.
			labels = object{"e2e-selected": "yes"}
			templateMeta["labels"] = labels
		}
		selector := object{"matchLabels": labels}
		if kind == "ReplicationController" {
			selector = labels
		}
		outer["selector"] = selector
		if kind == "StatefulSet" {
			outer["serviceName"] = "s"
		}
	}
	o["spec"] = outer
	return o
}

// Attempts to get a container past policies on containers. Each must fail.
func TestAttacks(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "attacks")
		goodPod := func() object {
			p := podOf(object{"name": "c", "image": "good.io/a:1", "resources": object{"limits": object{"memory": "1Gi", "cpu": "1"}, "requests": object{"memory": "1Gi", "cpu": "1"}}})
			p["metadata"].(object)["labels"] = object{"team": "a"}
			return p
		}
		pod := c.keep(t, "attacks", string(encode(t, goodPod())))
		kept := map[string]object{}
		for _, w := range workloads {
			o := wrap(t, goodPod(), w.apiVersion, w.kind)
			kept[w.kind] = c.keep(t, "attacks", string(encode(t, o)))
		}
		c.install(t, "testdata/attacks")
		k := call{namespace: "attacks"}
		evil := object{"name": "e", "image": "evil.io/x"}
		const evilMessage = "[registry] container e: evil.io/x"
		with := func(change func(spec object)) object {
			p := goodPod()
			p["metadata"].(object)["name"] = "new"
			change(p["spec"].(object))
			return p
		}
		expectAdmitted(t, "good Pod", c.create(t, k, with(func(object) {})))

		t.Run("create", func(t *testing.T) {
			for what, test := range map[string]struct {
				change  func(object)
				message string
			}{
				"second container": {func(s object) { s["containers"] = append(s["containers"].([]any), evil) }, evilMessage},
				"init container":   {func(s object) { s["initContainers"] = []any{evil} }, evilMessage},
				"sidecar": {func(s object) {
					s["initContainers"] = []any{object{"name": "e", "image": "evil.io/x", "restartPolicy": "Always"}}
				}, evilMessage},
				"nulls beside it": {func(s object) {
					s["initContainers"], s["volumes"], s["securityContext"], s["ephemeralContainers"] = []any{evil}, nil, nil, nil
				}, evilMessage},
				"empty lists beside it": {func(s object) { s["initContainers"], s["volumes"] = []any{evil}, []any{} }, evilMessage},
				"null security context": {func(s object) {
					s["containers"] = append(s["containers"].([]any), object{"name": "e", "image": "evil.io/x", "securityContext": nil, "resources": nil})
				}, evilMessage},
				"host as the first part of a path": {func(s object) { s["containers"].([]any)[0].(object)["image"] = "evil.io/good.io/a:1" }, "[registry] container c: evil.io/good.io/a:1"},
				"host as a prefix":                 {func(s object) { s["containers"].([]any)[0].(object)["image"] = "good.io.evil.io/a" }, "[registry] container c: good.io.evil.io/a"},
				"host with a port":                 {func(s object) { s["containers"].([]any)[0].(object)["image"] = "good.io:5000/a" }, "[registry] container c: good.io:5000/a"},
				"digest of another registry": {func(s object) {
					s["containers"].([]any)[0].(object)["image"] = "a@sha256:" + strings.Repeat("a", 64)
				}, "[registry] container c: a@sha256:" + strings.Repeat("a", 64)},
				"privileged init container": {func(s object) {
					s["initContainers"] = []any{object{"name": "e", "image": "good.io/x", "securityContext": object{"privileged": true}}}
				}, "[no-privileged] container e"},
				"memory in another unit": {func(s object) {
					s["containers"].([]any)[0].(object)["resources"] = object{"limits": object{"memory": "1073741825"}}
				}, "[memory] container c: 1073741825"},
				"memory as a number": {func(s object) {
					s["containers"].([]any)[0].(object)["resources"] = object{"limits": object{"memory": 2147483648}}
				}, "[memory] container c: 2147483648"},
				"host path": {func(s object) {
					s["volumes"] = []any{object{"name": "v", "hostPath": object{"path": "/"}}, object{"name": "w", "emptyDir": object{}}}
				}, "[host-path] volume v"},
				"many at once": {func(s object) {
					s["initContainers"] = []any{object{"name": "e", "image": "evil.io/x", "securityContext": object{"privileged": true}}}
				}, evilMessage + "; [no-privileged] container e"},
			} {
				p := with(test.change)
				expectDenied(t, what, c.create(t, k, p), test.message)
				generated := parse(t, string(encode(t, p)))
				generated["metadata"].(object)["generateName"] = "g-"
				delete(generated["metadata"].(object), "name")
				expectDenied(t, what+", with generateName", c.create(t, k, generated), test.message)
				for _, w := range workloads {
					o := wrap(t, p, w.apiVersion, w.kind)
					expectDenied(t, w.kind+": "+what, c.create(t, k, o), test.message)
				}
			}
			unlabelled := with(func(object) {})
			unlabelled["metadata"] = object{"name": "new"}
			expectDenied(t, "no label", c.create(t, k, unlabelled), "[required-label] no label team")
			for _, w := range workloads {
				o := wrap(t, unlabelled, w.apiVersion, w.kind)
				o["metadata"].(object)["labels"] = object{"team": "a"} // of the object, not of its Pods
				expectDenied(t, w.kind+": no label in the template", c.create(t, k, o), "[required-label] no label team")
			}
			for what, containers := range map[string]any{"no containers": []any{}, "null containers": nil} {
				p := with(func(s object) { s["containers"] = containers })
				if r := c.create(t, k, p); r.Status != http.StatusUnprocessableEntity {
					t.Errorf("%s: status %d", what, r.Status)
				}
			}
			list := object{"apiVersion": "v1", "kind": "List", "items": []any{with(func(s object) { s["initContainers"] = []any{evil} })}}
			if r := c.do(t, apiserver.Request{Method: http.MethodPost, Path: "/api/v1/namespaces/attacks/pods?dryRun=All", Body: encode(t, list)}); r.Status < 400 {
				t.Errorf("a List passes: %s", brief(r.Body))
			}
		})

		t.Run("patch", func(t *testing.T) {
			expectDenied(t, "image of a Pod", c.patch(t, k, pod, `{spec: {containers: [{name: c, image: evil.io/x}]}}`), "[registry] container c: evil.io/x")
			updated := parse(t, string(encode(t, pod)))
			updated["spec"].(object)["containers"].([]any)[0].(object)["image"] = "evil.io/x:1"
			expectDenied(t, "image of a Pod by PUT", c.update(t, k, updated), "[registry] container c: evil.io/x:1")
			for _, w := range workloads {
				o := kept[w.kind]
				if w.kind == "Job" {
					continue // its template cannot be changed
				}
				evilTemplate := parse(t, string(encode(t, o)))
				podSpec(evilTemplate)["initContainers"] = []any{evil}
				expectDenied(t, "template of "+w.kind, c.update(t, k, evilTemplate), evilMessage)
				expectAdmitted(t, "label of "+w.kind, c.patch(t, k, o, `{metadata: {labels: {x: z}}}`))
			}
			path := collection(pod, "attacks") + "/applied?fieldManager=e2e&dryRun=All"
			applied := with(func(s object) { s["initContainers"] = []any{evil} })
			applied["metadata"].(object)["name"] = "applied"
			expectDenied(t, "server-side apply", c.do(t, apiserver.Request{Method: http.MethodPatch, Path: path, Body: encode(t, applied), ContentType: "application/apply-patch+yaml"}), evilMessage)
			path = collection(pod, "attacks") + "/p?dryRun=All"
			expectDenied(t, "JSON patch", c.do(t, apiserver.Request{Method: http.MethodPatch, Path: path, ContentType: "application/json-patch+json",
				Body: []byte(`[{"op":"replace","path":"/spec/containers/0/image","value":"evil.io/x"}]`)}), "[registry] container c: evil.io/x")
		})

		t.Run("subresources", func(t *testing.T) {
			debug := call{namespace: "attacks", subresource: "ephemeralcontainers"}
			expectDenied(t, "ephemeral container", c.patch(t, debug, pod, `{spec: {ephemeralContainers: [{name: e, image: evil.io/x}]}}`), evilMessage)
			expectDenied(t, "privileged ephemeral container", c.patch(t, debug, pod, `{spec: {ephemeralContainers: [{name: e, image: good.io/x, securityContext: {privileged: true}}]}}`), "[no-privileged] container e")
			expectAdmitted(t, "good ephemeral container", c.patch(t, debug, pod, `{spec: {ephemeralContainers: [{name: e, image: good.io/x}]}}`))
			put := parse(t, string(encode(t, pod)))
			put["spec"].(object)["ephemeralContainers"] = []any{evil}
			expectDenied(t, "ephemeral container by PUT", c.update(t, debug, put), evilMessage)

			resize := c.patch(t, call{namespace: "attacks", subresource: "resize"}, pod, `{spec: {containers: [{name: c, resources: {limits: {memory: 2Gi}, requests: {memory: 2Gi}}}]}}`)
			if c.version == "1.30" {
				if resize.Status != http.StatusNotFound {
					t.Errorf("resize: status %d: %s", resize.Status, brief(resize.Body))
				}
			} else {
				expectDenied(t, "resize", resize, "[memory] container c: 2Gi")
			}
			status := c.patch(t, call{namespace: "attacks", subresource: "status"}, pod, `{spec: {containers: [{name: c, image: evil.io/x}]}}`)
			if strings.Contains(string(status.Body), "evil.io") {
				t.Errorf("pods/status changed the image: %s", brief(status.Body))
			}
		})

		t.Run("namespace", func(t *testing.T) {
			// The label by which namespaces are selected is the server's own.
			ns := object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "attacks"}}
			c.patch(t, call{stored: true}, ns, `{metadata: {labels: {kubernetes.io/metadata.name: kube-system}}}`)
			stored := c.must(t, apiserver.Request{Path: "/api/v1/namespaces/attacks"})
			if !strings.Contains(string(stored.Body), `"kubernetes.io/metadata.name":"attacks"`) {
				t.Errorf("the namespace passes for another: %s", stored.Body)
			}
			expectDenied(t, "after that", c.create(t, k, with(func(s object) { s["initContainers"] = []any{evil} })), evilMessage)
		})
	})
}
