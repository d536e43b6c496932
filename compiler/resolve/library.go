package resolve

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

//go:embed standard.yaml
var standard []byte

// standardLibrary parses the functions that policyc ships.
func standardLibrary(r *diag.Report) []*syntax.Library {
	docs := syntax.Load([]syntax.Input{{Path: "<standard library>", Data: standard}}, r)
	return docs.Libraries
}

// resolveFunctions parses and checks the functions of all libraries. A
// project's function may not take the name of a shipped one.
func (p *Project) resolveFunctions(libraries []*syntax.Library, r *diag.Report) {
	env, err := p.Target.Env()
	if err != nil {
		r.Errorf(diag.Internal, source.Span{}, "CEL environment of Kubernetes %s: %v", p.Target, err)
		return
	}
	scope := &expr.Scope{Target: p.Target, Env: env, Functions: p.Functions}
	where := map[string]source.Span{}
	add := func(l *syntax.Library, trusted bool) {
		for _, d := range l.Functions {
			f := resolveFunction(d, trusted, r)
			if f == nil {
				continue
			}
			if first, ok := where[f.Name]; ok || env.HasFunction(f.Name) && !trusted {
				diagnostic := r.Errorf(diag.DuplicateName, d.Name.Span, "there already is a function `%s`", f.Name)
				if ok && first.File != nil {
					diagnostic.Notef("it is at %s", first)
				}
				continue
			}
			where[f.Name] = d.Name.Span
			p.Functions[f.Name] = f
		}
	}
	for _, l := range standardLibrary(r) {
		add(l, true)
	}
	for _, l := range libraries {
		if !l.Broken {
			add(l, false)
		}
	}
	cyclic := reportCycles(p.Functions, where, r)
	for name, f := range p.Functions {
		if cyclic[name] {
			f.Body = nil
			continue
		}
		if !f.Trusted {
			expr.CheckFunction(f, scope, r)
		}
	}
}

func resolveFunction(d *syntax.Function, trusted bool, r *diag.Report) *expr.Function {
	f := &expr.Function{Name: d.Name.Value, Trusted: trusted}
	for _, param := range d.Params {
		t, ok := expr.ParseType(param.Type.Value)
		if !ok {
			r.Errorf(diag.InvalidParameter, param.Type.Span, "unknown type %q", param.Type.Value).
				Helpf("types are string, int, bool, double, quantity, any, list(T) and map(T)")
			return nil
		}
		f.Params = append(f.Params, expr.Param{Name: param.Name.Value, Type: t})
	}
	if !d.Returns.IsZero() {
		t, ok := expr.ParseType(d.Returns.Value)
		if !ok {
			r.Errorf(diag.InvalidParameter, d.Returns.Span, "unknown type %q", d.Returns.Value)
			return nil
		}
		f.Returns = t
	}
	f.Body = expr.Parse(d.Body, r)
	return f
}

// reportCycles reports functions that call themselves, once a cycle, and
// returns all that lead into one.
func reportCycles(all map[string]*expr.Function, where map[string]source.Span, r *diag.Report) map[string]bool {
	cyclic := map[string]bool{}
	done := map[string]bool{}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var visit func(name string, stack []string) bool
	visit = func(name string, stack []string) bool {
		if i := slices.Index(stack, name); i >= 0 {
			cycle := append(slices.Clone(stack[i:]), name)
			r.Errorf(diag.CyclicFunction, where[name], "function `%s` calls itself", name).
				Notef("%s", strings.Join(cycle, " → "))
			return true
		}
		if done[name] {
			return cyclic[name]
		}
		for _, callee := range all[name].Callees(all) {
			if visit(callee, append(stack, name)) {
				cyclic[name] = true
			}
		}
		done[name] = true
		return cyclic[name]
	}
	for _, name := range names {
		visit(name, nil)
	}
	return cyclic
}
