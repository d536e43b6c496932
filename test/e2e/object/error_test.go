//go:build e2e

package object_test

import (
	"errors"
	"net/http"
	"testing"

	"k8s.io/apiserver/pkg/admission"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/runtime/object"
	"github.com/policyc/policyc/test/apiserver"
)

// Whatever Prepare takes for an error, a server that is asked to be strict refuses as well, before admission.
func TestErrors(t *testing.T) {
	wrong := []struct{ path, object string }{
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: {containers: [{imagepullpolicy: Always}]}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: {containers: [{image: 5}]}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: {hostPID: "yes"}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: {containers: {name: a}}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: {containers: [a]}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: []}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, metadata: {labels: {a: 1}}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, metadata: {creationTimestamp: today}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, spec: {containers: [{resources: {limits: {cpu: 1Gx}}}]}}`},
		{"/api/v1/namespaces/default/pods", `{apiVersion: v1, kind: Pod, status: {phse: a}}`},
		{"/api/v1/namespaces/default/services", `{apiVersion: v1, kind: Service, spec: {ports: [{targetPort: true}]}}`},
		{"/api/v1/namespaces/default/secrets", `{apiVersion: v1, kind: Secret, data: {a: "%"}}`},
		{"/apis/apps/v1/namespaces/default/deployments", `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 1.5}}`},
		{"/apis/apps/v1/namespaces/default/deployments", `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3000000000}}`},
		{"/apis/apps/v1/namespaces/default/deployments", `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: "1"}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {sizee: 1}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {size: "1"}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {size: 1.5}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {port: true}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {parts: [null]}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {labels: {a: 1}}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: {pod: {apiVersion: v1, kind: Pod, metadata: {labels: [a]}}}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, metadata: {lables: {}}}`},
		{"/apis/object.policyc.dev/v1/namespaces/default/gadgets", `{apiVersion: object.policyc.dev/v1, kind: Gadget, spec: []}`},
	}
	preparer := object.NewPreparer(readObjects(t, "testdata/crd.yaml")...)
	onEach(t, func(t *testing.T, c *cluster) {
		c.kubectl(t, "", "apply", "-f", "testdata/crd.yaml")
		c.kubectl(t, "", "wait", "--for=condition=Established", "--timeout=30s", "crd", "gadgets.object.policyc.dev")
		w := c.newWitness(t)
		for _, wrong := range wrong {
			var o document
			if err := yaml.Unmarshal([]byte(wrong.object), &o); err != nil {
				t.Fatal(err)
			}
			if o["metadata"] == nil {
				o["metadata"] = document{}
			}
			o["metadata"].(document)["name"] = "wrong" // not the reason to refuse it
			var errs object.Errors
			if _, err := preparer.Prepare(o, admission.Create); !errors.As(err, &errs) || len(errs[0].Path) == 0 {
				t.Errorf("%s: Prepare says %v", wrong.object, err)
			}
			w.forget()
			r := c.do(t, apiserver.Request{Method: http.MethodPost, Path: wrong.path + "?dryRun=All&fieldValidation=Strict",
				As: apiserver.User{Name: witnessed}, Body: encode(t, o)})
			if r.Status < http.StatusBadRequest || w.seen() != nil {
				t.Errorf("%s: the server says %d %s", wrong.object, r.Status, r.Body)
			}
		}
	})
}
