package remote

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/policyc/policyc/compiler/code"
)

// rewriter makes of an expression one that says about a request of the run what the original says about the case.
//
//	request.namespace == 'production'
//	→ {'policyc-test-1f0c-2': 'production'}[?request.namespace].orValue(request.namespace) == 'production'
//	'dev' in request.userInfo.groups
//	→ 'dev' in request.userInfo.groups.filter(group, !group.startsWith('policyc:test:1f0c'))
type rewriter struct {
	// names are the real names of scratch namespaces; nil for copies about cluster-scoped objects, which keep their names.
	names map[string]string
	// group begins the names of the run's groups.
	group string
	found findings
}

// findings are what an expression reads that is not the same on a server.
type findings struct {
	// unsound says what cannot be rewritten; "" is nothing.
	unsound string
	// dryRun: it reads request.dryRun, which is true for all requests but CONNECT. gates: it reads scheduling gates.
	dryRun, gates bool
}

func (w *rewriter) fault(format string, args ...any) {
	if w.found.unsound == "" {
		w.found.unsound = fmt.Sprintf(format, args...)
	}
}

func (w *rewriter) expr(e *code.Expr) *code.Expr {
	if steps, optional, ok := path(e); ok {
		return w.path(e, steps, optional)
	}
	if presence(e) {
		// Whether a field is there does not depend on the run; it must stay a selection in has().
		for _, a := range e.Args {
			if steps, _, ok := path(a); ok {
				w.note(steps)
			}
		}
		return e
	}
	out := *e
	out.Args = make([]*code.Expr, len(e.Args))
	for i, a := range e.Args {
		out.Args[i] = w.expr(a)
	}
	if e.Kind == code.KindSelect {
		w.note([]string{"", e.Name})
		if e.Name == "namespace" && w.names != nil {
			return w.mapped(&out, mayBeOptional(e))
		}
	}
	return &out
}

// presence reports whether an expression only asks whether a chain of selections leads anywhere.
func presence(e *code.Expr) bool {
	isPath := func(x *code.Expr) bool { _, _, ok := path(x); return ok }
	switch {
	case e.Kind == code.KindCall && (e.Name == "has" || e.Method && e.Name == "hasValue"):
		return isPath(e.Args[0])
	case e.Kind == code.KindBinary && (e.Name == "==" || e.Name == "!="):
		return isPath(e.Args[0]) && e.Args[1].IsLit(nil) || isPath(e.Args[1]) && e.Args[0].IsLit(nil)
	}
	return false
}

// mayBeOptional reports whether a selection from something that is no path gives an optional.
func mayBeOptional(e *code.Expr) bool {
	for ; e.Kind == code.KindSelect || e.Kind == code.KindIndex; e = e.Args[0] {
		if e.Optional {
			return true
		}
	}
	return e.Kind == code.KindCall && slices.Contains([]string{"or", "of", "none", "optMap", "optFlatMap", "first", "last"}, e.Name)
}

// note records what is read by any name.
func (w *rewriter) note(steps []string) {
	w.found.gates = w.found.gates || slices.Contains(steps, "schedulingGates")
	w.found.dryRun = w.found.dryRun || len(steps) > 1 && steps[0] == "request" && steps[1] == "dryRun"
}

func (w *rewriter) path(e *code.Expr, steps []string, optional bool) *code.Expr {
	w.note(steps)
	switch steps[0] {
	case "authorizer":
		w.fault("it asks the authorizer, and the rights of the case's users are not those on the server")
	case "request":
		return w.request(e, steps, optional)
	case "namespaceObject":
		if w.names != nil {
			return w.namespaceObject(e, steps, optional)
		}
	default:
		if len(steps) > 1 && steps[len(steps)-1] == "namespace" && w.names != nil {
			return w.mapped(e, optional)
		}
	}
	return e
}

func (w *rewriter) request(e *code.Expr, steps []string, optional bool) *code.Expr {
	switch {
	case len(steps) == 1:
		w.fault("it reads `request` as a whole")
	case slices.Contains(requestFields, steps[1]), steps[1] == "dryRun":
	case steps[1] == "namespace":
		if w.names != nil {
			return w.mapped(e, optional)
		}
	case steps[1] == "userInfo" && len(steps) > 2:
		if steps[2] == "groups" {
			return w.groups(e, optional)
		}
	default:
		w.fault("it reads `request.%s`, which is not the same on a server", steps[1])
	}
	return e
}

func (w *rewriter) namespaceObject(e *code.Expr, steps []string, optional bool) *code.Expr {
	at := func(i int) string {
		if i < len(steps) {
			return steps[i]
		}
		return ""
	}
	switch {
	case at(1) == "metadata" && at(2) == "name":
		return w.mapped(e, optional)
	case at(1) == "metadata" && at(2) == "labels" && at(3) == corev1.LabelMetadataName:
		out := *e
		out.Kind, out.Name, out.Args = code.KindIndex, "", []*code.Expr{e.Args[0], code.Lit(namespaceLabel)}
		return &out
	case at(1) == "metadata" && (at(2) == "labels" || at(2) == "annotations") && len(steps) > 3:
		return e
	}
	w.fault("it reads the namespace otherwise than by its name and single labels or annotations")
	return e
}

// bound is the name that rewriting binds. No expression of policyc binds one like it.
const bound = "policyc__x"

// mapped gives scratch namespaces their real names, and leaves every other text alone.
func (w *rewriter) mapped(e *code.Expr, optional bool) *code.Expr {
	if len(w.names) == 0 {
		return e
	}
	names := map[string]any{}
	for scratch, real := range w.names {
		names[scratch] = real
	}
	lookup := func(x *code.Expr) *code.Expr {
		return code.Method(code.OptIndex(code.Value(names), x), "orValue", x)
	}
	if optional {
		return code.Method(e, "optMap", code.Ident(bound), lookup(code.Ident(bound)))
	}
	return lookup(e)
}

// groups leaves the run's own groups out.
func (w *rewriter) groups(e *code.Expr, optional bool) *code.Expr {
	own := code.Method(code.Ident(bound), "startsWith", code.Lit(w.group))
	filter := func(x *code.Expr) *code.Expr { return code.Method(x, "filter", code.Ident(bound), code.Not(own)) }
	if optional {
		list := bound + "s"
		return code.Method(e, "optMap", code.Ident(list), filter(code.Ident(list)))
	}
	return filter(e)
}
