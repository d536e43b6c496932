package oracle

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/emit"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/runtime/engine"
)

// bundle is a compiled policy with lookups, ready to run as a cluster runs it:
// what the API server evaluates, and what the webhook does.
type bundle struct {
	engine *engine.Engine
	// policy is what was compiled: what the checker refuses is left out.
	policy *policy
	// programs say what runs a rule.
	programs map[string]*ir.Program
}

// buildBundle compiles a policy for a target, and reads what comes of it back
// from the files that policyc writes.
func buildBundle(p *policy, v target.Version) (*bundle, []rejection, error) {
	p, result, rejected, err := accepted(p, v)
	if err != nil || len(p.rules) == 0 {
		return &bundle{policy: p}, rejected, err
	}
	out := &bundle{policy: p, programs: map[string]*ir.Program{}}
	for _, made := range result.Programs {
		for _, r := range made.Policies[0].Rules {
			out.programs[r.Name] = made
		}
		if made.Webhook {
			continue // it has the CEL of the runtime, whatever the API server's
		}
		if err := loadable(made, v); err != nil {
			return nil, rejected, err
		}
	}
	// The cost of what is made at random is no matter here: nothing would be written.
	files := emit.Emit(emit.Input{Programs: result.Programs, Costs: result.Costs, Target: v.String()})
	read, err := engine.ReadBundle(files, result.Programs)
	if err != nil {
		return nil, rejected, err
	}
	out.engine, err = engine.New(read)
	return out, rejected, err
}

// pushed reports whether the API server makes the lookup of a rule itself.
func (b *bundle) pushed(rule string) bool {
	return b.programs[rule] != nil && b.programs[rule].Pushed != nil
}

// code is what a rule was compiled to.
func (b *bundle) code(rule string) string {
	p := b.programs[rule]
	if p == nil {
		return "nothing"
	}
	out := fmt.Sprintf("webhook: %t", p.Webhook)
	if p.Pushed != nil {
		out += fmt.Sprintf(", params: %+v", *p.Pushed)
	}
	for _, l := range p.Lookups {
		out += fmt.Sprintf("\n    lookup %s: namespaces %s, names %s", l.Name, printed(l.Namespaces), printed(l.Names))
		for _, r := range l.Labels {
			out += fmt.Sprintf(", %s %s %s", r.Key, r.Operator, printed(r.Values))
		}
	}
	for _, v := range p.Variables {
		out += fmt.Sprintf("\n    %s: %s", v.Name, code.Print(v.Code))
	}
	return out
}

func printed(e *code.Expr) string {
	if e == nil {
		return "-"
	}
	return code.Print(e)
}

// verdict is what became of the rules of a policy: their messages, by name.
type verdict struct {
	messages map[string][]string
	denied   bool
	err      error
}

// run judges an input by all programs.
func (b *bundle) run(in *input) (verdict, error) {
	decisions, err := b.engine.Evaluate(context.Background(), in.engineRequest())
	out := verdict{messages: map[string][]string{}}
	for _, d := range decisions {
		if d.Outcome == engine.Failed && out.err == nil {
			out.err = d.Err
		}
		out.denied = out.denied || d.Denies()
		for _, v := range d.Violations {
			// The API server tells of a rule that it pushed down once for each object.
			if list := out.messages[v.Rule]; !b.pushed(v.Rule) || !slices.Contains(list, v.Message) {
				out.messages[v.Rule] = append(list, v.Message)
			}
		}
		if d.Outcome == engine.Violated && len(d.Violations) == 0 {
			return out, fmt.Errorf("a violation of no rule: %s", d.Message)
		}
	}
	return out, err
}

// engineRequest is the request in the engine's terms.
func (in *input) engineRequest() *engine.Request {
	gv := schema.GroupVersion{Group: in.kind.group, Version: in.kind.version}
	r := &engine.Request{Operation: admission.Operation(in.Operation), Resource: gv.WithResource(in.kind.resource), Kind: gv.WithKind(in.kind.kind),
		Namespace: in.Namespace, Name: in.Name, User: &user.DefaultInfo{Name: in.User, Groups: in.Groups}, DryRun: in.DryRun != nil && *in.DryRun,
		Cluster: in.cluster()}
	if o := in.lazy(in.Object); o.Object() != nil {
		r.Object = o.Object()
	}
	if o := in.lazy(in.OldObject); o.Object() != nil {
		r.OldObject = o.Object()
	}
	return r
}
