package engine

import (
	"context"
	"testing"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
)

// BenchmarkEvaluate evaluates one policy, for a pod that it admits and one that
// it denies. The dispatcher of the API server, given the same request, is what
// to compare it with: what is more is the price of decisions as data.
func BenchmarkEvaluate(b *testing.B) {
	e := build(b, policyText("tags", "Pod", tagRule+"  enforce: deny\n"))
	for _, c := range []struct{ name, image string }{{"admitted", "a:1"}, {"denied", "a:latest"}} {
		r := podRequest("default", c.image, "b:1")
		b.Run(c.name+"/engine", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Evaluate(context.Background(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/dispatcher", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := dispatch(e, r); (err != nil) != (c.name == "denied") {
					b.Fatal(err)
				}
			}
		})
	}
}

// dispatch sends a request through the API server's own dispatcher.
func dispatch(e *Engine, r *Request) error {
	var hooks []validating.PolicyHook
	for _, p := range e.policies {
		hook := validating.PolicyHook{Policy: p.object, Evaluator: p.validator}
		for _, x := range p.bindings {
			hook.Bindings = append(hook.Bindings, x.object)
		}
		hooks = append(hooks, hook)
	}
	matcher := generic.NewPolicyMatcher(newNamespaces(context.Background(), r).matcher())
	return validating.NewDispatcher(nobody{}, matcher).Dispatch(context.Background(), annotated{r.attributes()}, e.objects, hooks)
}

// annotated takes audit annotations, which only the API server's handler keeps.
type annotated struct{ admission.Attributes }

// TestDispatcherAgrees holds the engine's decisions against the dispatcher's.
func TestDispatcherAgrees(t *testing.T) {
	e := build(t, policyText("tags", "Pod", tagRule+"  enforce: deny\n"))
	for _, image := range []string{"a:1", "a:latest"} {
		r := podRequest("default", image)
		decisions, err := e.Evaluate(context.Background(), r)
		if err != nil || len(decisions) != 1 {
			t.Fatal(decisions, err)
		}
		d := decisions[0]
		denial := dispatch(e, r)
		if d.Denies() != (denial != nil) {
			t.Errorf("%s: engine %v, dispatcher %v", image, d, denial)
		}
		if want := `pods "p" is forbidden: ValidatingAdmissionPolicy 'tags' with binding 'tags' denied request: ` + d.Message; denial != nil && denial.Error() != want {
			t.Errorf("%s: dispatcher says\n%v, want\n%s", image, denial, want)
		}
	}
}
