package webhook

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	webhookrequest "k8s.io/apiserver/pkg/admission/plugin/webhook/request"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
)

const labels = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: labels}
spec:
  match: {kinds: [Pod]}
  rules:
  - name: team
    mutate:
      default: {object.metadata.labels.team: none}
  enforce: deny
`

// patched is the object of a review as the API server patches it.
func patched(t *testing.T, r *admissionv1.AdmissionResponse, object []byte) []byte {
	t.Helper()
	result, err := webhookrequest.VerifyAdmissionResponse(r.UID, true, &admissionv1.AdmissionReview{TypeMeta: reviewType, Response: r})
	if err != nil || !result.Allowed {
		t.Fatal(err, r.Result)
	}
	if len(result.Patch) == 0 {
		return object
	}
	patch, err := jsonpatch.DecodePatch(result.Patch)
	if err != nil || len(patch) == 0 {
		t.Fatal(err, string(result.Patch))
	}
	out, err := patch.Apply(object)
	if err != nil {
		t.Fatal(err, string(result.Patch))
	}
	return out
}

// TestUntouched asserts that a patch leaves alone what no policy is about:
// fields that no Go type has, numbers that no float holds, nulls, odd keys.
func TestUntouched(t *testing.T) {
	s := serve(t, labels, Options{})
	const before = `{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"":"empty","a/b~c":"x","e\u003c\u0026\u003e":"\u2028"},"creationTimestamp":null,"name":"p","namespace":"default"},` +
		`"spec":{"containers":[{"image":"a:1","name":"c","new":{"big":9223372036854775807,"exact":9007199254740993,"float":0.1,"list":[null,{},[]],"small":-9007199254740993}}],"future":{}},"status":{}}`
	after := patched(t, s.decide(t, "/mutate/e", reviewOf("1", "CREATE", before, "null")), []byte(before))
	want := strings.Replace(before, `"name":"p"`, `"labels":{"team":"none"},"name":"p"`, 1)
	if string(after) != want {
		t.Errorf("got\n%s\nwant\n%s", after, want)
	}
	// Once more changes nothing.
	if r := s.decide(t, "/mutate/e", reviewOf("1", "CREATE", want, "null")); r.Patch != nil || r.PatchType != nil || !r.Allowed {
		t.Errorf("%+v", r)
	}
	// Nothing is mutated when an object goes.
	if r := s.decide(t, "/mutate/e", reviewOf("1", "DELETE", "null", before)); r.Patch != nil || !r.Allowed {
		t.Errorf("%+v", r)
	}
}

// TestMutationFailures makes a mutation fail: the status is the API server's own.
func TestMutationFailures(t *testing.T) {
	for _, c := range []struct {
		policy  registrationv1.FailurePolicyType
		allowed bool
		counted string
	}{
		{registrationv1.Fail, false, "action=Deny,policy=labels,result=failed,rule="},
		{registrationv1.Ignore, true, "action=Deny,policy=labels,result=ignored,rule="},
	} {
		b := compile(t, labels)
		b.Mutating[0].Spec.FailurePolicy = &c.policy
		b.Mutating[0].Spec.Mutations[0].JSONPatch.Expression = `[JSONPatch{op: "add", path: "/a/b/c", value: 1}]`
		s := serveWith(entries{"e": newEngine(t, b)}, nil, Options{})
		r := s.decide(t, "/mutate/e", pod("1", "a:1"))
		if r.Allowed != c.allowed || r.Patch != nil || s.counters(t, "policyc_decisions_total")[c.counted] != 1 {
			t.Errorf("%+v: %+v %v", c, r, s.counters(t, "policyc_decisions_total"))
		}
		if !c.allowed && (r.Result.Code != 403 || r.Result.Reason != "Invalid" || !strings.Contains(r.Result.Message, "policy 'labels-mutation' with binding 'labels-mutation' denied request: JSON Patch")) {
			t.Errorf("%+v", r.Result)
		}
	}
}

// load compiles a folder of policies with their tests.
func load(t *testing.T, dir string) (*suite.Suite, engine.Lifecycle) {
	t.Helper()
	r := diag.NewReport()
	inputs := syntax.ReadPaths([]string{dir}, nil, r)
	o := compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}
	docs := syntax.Load(inputs, r)
	result := compiler.CompileDocuments(docs, o, r)
	if r.HasErrors() {
		t.Fatal(r.Sorted())
	}
	return suite.New(docs, result, o, r), cases.Lifecycle(result.Project)
}

// TestCases sends the requests of all cases of the examples and the library, as
// the API server writes them, and compares what comes of it with what the engine
// makes of the typed objects, as the API server has them.
func TestCases(t *testing.T) {
	changed, denied := 0, 0
	for _, dir := range []string{"../../policies"} {
		s, lifecycle := load(t, dir)
		engines := map[*suite.Variant]*engine.Engine{}
		for _, v := range s.Variants {
			engines[v] = newEngine(t, v.Bundle)
		}
		for _, c := range s.Cases {
			v := s.Variant(c)
			typed := v.Engine.For(c.Policies...)
			bare := engines[v].For(c.Policies...)
			h := NewHandler(entries{"e": bare}, c.Request.Cluster, nil, Options{}, nil)
			m, err := typed.Mutate(t.Context(), c.Request)
			if err != nil {
				t.Fatal(c, err)
			}
			if m.Before != nil {
				request := *c.Request
				request.Object = m.Before
				if mutatesAlike(t, c, served{Handler: h}, m, lifecycle, &request) {
					changed++
				}
			}
			if judgesAlike(t, c, served{Handler: h}, typed, m.Request) {
				denied++
			}
		}
	}
	if changed < 10 || denied < 100 {
		t.Errorf("%d mutations and %d denials: the cases compare nothing", changed, denied)
	}
}

func attributesOf(r *engine.Request) admission.Attributes {
	return admission.NewAttributesRecord(r.Object, r.OldObject, r.Kind, r.Namespace, r.Name, r.Resource, r.Subresource, r.Operation, nil, r.DryRun, r.User)
}

func mutatesAlike(t *testing.T, c *cases.Case, s served, m *engine.Mutation, l engine.Lifecycle, r *engine.Request) bool {
	t.Helper()
	_, body := reviewFor(t, attributesOf(r))
	object, err := json.Marshal(m.Before)
	if err != nil {
		t.Fatal(err)
	}
	have := decodeAs(t, r, patched(t, s.decide(t, "/mutate/e", body), object))
	if m.Changed() {
		l.Default(have)
		l.Fill(have, r.Operation)
	}
	a, b := plain(t, have), plain(t, m.After)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: webhook against native: %v", c, engine.Diff(b, a))
	}
	return m.Changed()
}

// decodeAs is an object as the API server decodes it.
func decodeAs(t *testing.T, r *engine.Request, content []byte) runtime.Object {
	t.Helper()
	out, err := scheme.Scheme.New(r.Kind)
	if err != nil {
		out = &unstructured.Unstructured{}
	}
	if err := json.Unmarshal(content, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func plain(t *testing.T, o runtime.Object) map[string]any {
	t.Helper()
	out, err := engine.Plain(o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func judgesAlike(t *testing.T, c *cases.Case, s served, e *engine.Engine, r *engine.Request) bool {
	t.Helper()
	decisions, err := e.Evaluate(t.Context(), r)
	if err != nil {
		t.Fatal(c, err)
	}
	_, body := reviewFor(t, attributesOf(r))
	have := s.decide(t, "/validate/e", body)
	for _, d := range decisions {
		if d.Denies() {
			if have.Allowed || !strings.HasSuffix(have.Result.Message, "denied request: "+d.Message) || have.Result.Reason != d.Reason {
				t.Errorf("%s: webhook says %+v, native %+v", c, have.Result, d)
			}
			return true
		}
	}
	if !have.Allowed {
		t.Errorf("%s: webhook denies: %+v", c, have.Result)
	}
	return false
}
