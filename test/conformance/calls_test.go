package conformance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/emit"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/link"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

// TestWebhookIsCalled asserts that the API server calls an entry of the webhook configurations for exactly those requests
// that a binding of the entry is in force for. One that it is not called for is a hole; one that it is called for in vain
// makes a request slow, and fail when the webhook is down.
//
// Every policy is emitted as if it ran in the webhook, whatever its backend is. The requests are those of all cases, and
// others made of them at random.
func TestWebhookIsCalled(t *testing.T) {
	requests := callRequests(t)
	for name, programs := range map[string][]*ir.Program{
		"library":  loadLibrary(t).result.Programs,
		"fused":    compileCalls(t, "policies", "spec: {layout: "+link.LayoutFused+"}").Programs,
		"newest":   compileCalls(t, "policies", "spec: {kubernetes: {minVersion: \"1.37\"}}").Programs,
		"matching": compileCalls(t, "test/conformance/testdata/calls", "spec: {exclude: {namespaces: [excluded]}}").Programs,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCalls(t, programs)
			for _, r := range requests {
				c.compare(t, r)
			}
			for entry, n := range c.called {
				if n == 0 || n == len(requests) {
					t.Errorf("%s of %s is called for %d of %d requests: nothing was shown", entry, c.policies(entry), n, len(requests))
				}
			}
		})
	}
}

func compileCalls(t *testing.T, folder, spec string) *compiler.Result {
	t.Helper()
	if err := enterRoot(); err != nil {
		t.Fatal(err)
	}
	r := diag.NewReport()
	inputs := append(syntax.ReadPaths([]string{folder}, nil, r), syntax.Input{Path: "policyc.yaml",
		Data: []byte("apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: calls}\n" + spec + "\n")})
	result := compiler.Compile(inputs, compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}, r)
	if findings := r.Sorted(); r.HasErrors() {
		var text strings.Builder
		_ = diag.WriteText(&text, findings, false)
		t.Fatal(&findingsError{text.String()})
	}
	return result
}

// calls are webhook configurations, and the policies that they are for.
type calls struct {
	compiled map[string]*api.CompiledPolicy
	// matching decides what the policies match, and nothing else.
	matching *engine.Engine
	hooks    *hooks
	// called counts the requests by entry.
	called map[string]int
}

func newCalls(t *testing.T, programs []*ir.Program) *calls {
	t.Helper()
	var all []*ir.Program
	for _, p := range programs {
		// What was pushed down reads params that only the API server has.
		if p.Pushed == nil {
			forced := *p
			forced.Webhook = true
			all = append(all, &forced)
		}
	}
	files := emit.Emit(emit.Input{Programs: all, Target: "1.34", Webhook: emit.Webhook{Namespace: "policyc-system", Service: "policyc-runtime"}})
	bundle, err := engine.ReadBundle(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(bundle.Compiled) != len(all) {
		t.Fatalf("%d CompiledPolicies of %d programs", len(bundle.Compiled), len(all))
	}
	c := &calls{compiled: bundle.Compiled, hooks: newHooks(t, files), called: map[string]int{}}
	var matching []*api.CompiledPolicy
	for _, name := range slices.Sorted(maps.Keys(bundle.Compiled)) {
		matching = append(matching, matchOnly(bundle.Compiled[name]))
	}
	b, err := engine.FromCompiled(matching)
	if err != nil {
		t.Fatal(err)
	}
	if c.matching, err = engine.New(b); err != nil {
		t.Fatal(err)
	}
	c.matching = c.matching.WithEquivalents(c.hooks.objects.GetEquivalentResourceMapper())
	for entry := range c.hooks.entries {
		c.called[entry] = 0
	}
	return c
}

// matchOnly is a policy that admits what the other matches: its decisions say where it is in force.
func matchOnly(p *api.CompiledPolicy) *api.CompiledPolicy {
	out := p.DeepCopy()
	// A webhook cannot be told of parameters, so that it is called whatever they are.
	withoutParams := func(conditions []admissionv1.MatchCondition) []admissionv1.MatchCondition {
		return slices.DeleteFunc(slices.Clone(conditions), func(c admissionv1.MatchCondition) bool { return strings.Contains(c.Expression, "params.") })
	}
	spec := &admissionv1.ValidatingAdmissionPolicySpec{Validations: []admissionv1.Validation{{Expression: "true"}}}
	if m := p.Spec.Mutating; m != nil {
		spec.MatchConstraints, spec.MatchConditions, spec.FailurePolicy = m.MatchConstraints, withoutParams(m.MatchConditions), m.FailurePolicy
	} else {
		v := p.Spec.Validating
		spec.MatchConstraints, spec.MatchConditions, spec.FailurePolicy = v.MatchConstraints, withoutParams(v.MatchConditions), v.FailurePolicy
	}
	out.Spec.Validating, out.Spec.Mutating, out.Spec.Lookups, out.Spec.ParamResource = spec, nil, nil, nil
	out.Spec.Policies = []api.PolicySource{{Name: p.Name}}
	for i := range out.Spec.Bindings {
		out.Spec.Bindings[i].ParamRef, out.Spec.Bindings[i].ValidationActions = nil, []admissionv1.ValidationAction{admissionv1.Deny}
	}
	return out
}

// compare holds the entries that are called against the bindings in force.
func (c *calls) compare(t *testing.T, r *engine.Request) {
	t.Helper()
	decisions, err := c.matching.Evaluate(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	inForce := map[string]string{}
	for _, d := range decisions {
		for _, b := range c.compiled[d.Object].Spec.Bindings {
			if b.Name == d.Binding {
				inForce[b.Webhook] = d.Binding
			}
		}
	}
	for entry := range c.called {
		called, err := c.hooks.calls(r, entry)
		switch binding, want := inForce[entry]; {
		case err != nil && !want:
			t.Errorf("%s: entry %s (%s): %v", describe(r), entry, c.policies(entry), err)
		case err != nil: // the request is refused
		case want && !called:
			t.Errorf("%s: binding %s is in force, and its entry %s is not called", describe(r), binding, entry)
		case called && !want:
			t.Errorf("%s: entry %s is called, and none of %s is in force", describe(r), entry, c.policies(entry))
		}
		if called {
			c.called[entry]++
		}
	}
}

func (c *calls) policies(entry string) []string {
	var out []string
	for name, p := range c.compiled {
		if slices.ContainsFunc(p.Spec.Bindings, func(b api.Binding) bool { return b.Webhook == entry }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func describe(r *engine.Request) string {
	var labels map[string]string
	if ns, err := r.Cluster.Namespace(context.Background(), r.Namespace); err == nil {
		labels = ns.Labels
	}
	return fmt.Sprintf("%s %s/%s %s/%s by %s %v, namespace labels %v", r.Operation, r.Resource.String(), r.Subresource, r.Namespace, r.Name,
		r.User.GetName(), r.User.GetGroups(), labels)
}

// variations is how many requests are made of each case.
const variations = 3

// callRequests are the requests of all cases, and variations of them.
func callRequests(t *testing.T) []*engine.Request {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var out []*engine.Request
	labels := []map[string]string{nil, {"env": "staging"}, {"env": "development"}, {"team": "a"}}
	for _, c := range loadLibrary(t).suite.Cases {
		if c.NamespaceLabels != nil {
			labels = append(labels, c.NamespaceLabels)
		}
	}
	for _, c := range loadLibrary(t).suite.Cases {
		first := *c.Request
		if first.User == nil {
			first.User = &user.DefaultInfo{Name: "alice"}
		}
		if first.Cluster == nil {
			first.Cluster = engine.NewCluster()
		}
		out = append(out, &first)
		for range variations {
			out = append(out, vary(random, &first, labels))
		}
	}
	return out
}

// vary returns a request with other surroundings.
func vary(random *rand.Rand, from *engine.Request, labels []map[string]string) *engine.Request {
	r := *from
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	if _, isNamespace := r.Object.(*corev1.Namespace); !isNamespace && r.Namespace != "" && r.OldObject == nil {
		r.Namespace, r.Name = pick("kube-system", "policyc-system", "production", "excluded", "team-a", "team-b"), pick(r.Name, "web-1", "db")
		r.Object = withMeta(r.Object, func(o metav1.Object) {
			o.SetNamespace(r.Namespace)
			o.SetName(r.Name)
			o.SetLabels(map[string]string{"tier": pick("web", "db"), "skip": pick("yes", "no")})
		})
	}
	if r.Namespace != "" {
		own := maps.Clone(labels[random.IntN(len(labels))])
		if own == nil {
			own = map[string]string{}
		}
		own[corev1.LabelMetadataName] = r.Namespace
		r.Cluster = engine.NewCluster(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.Namespace, Labels: own}})
	}
	r.User = &user.DefaultInfo{Name: pick("alice", "system:serviceaccount:kube-system:job-controller", "system:serviceaccount:team-a:deployer", "system:node:a"),
		Groups: []string{pick("dev", "admins", "system:masters"), "system:authenticated"}}
	switch {
	case r.Operation == admission.Connect:
	case random.IntN(4) == 0 && r.Subresource == "":
		r.Operation, r.OldObject, r.Object = admission.Delete, either(r.OldObject, r.Object), nil
	case random.IntN(3) == 0:
		r.Operation, r.OldObject, r.Object = admission.Update, either(r.OldObject, r.Object), either(r.Object, r.OldObject)
	case random.IntN(3) == 0 && r.Subresource == "":
		r.Operation, r.OldObject, r.Object = admission.Create, nil, either(r.Object, r.OldObject)
	}
	r.Received = nil
	return &r
}

func either(a, b runtime.Object) runtime.Object {
	if a != nil {
		return a
	}
	return b
}

func withMeta(o runtime.Object, change func(metav1.Object)) runtime.Object {
	out := o.DeepCopyObject()
	if m, err := meta.Accessor(out); err == nil {
		change(m)
	}
	return out
}
