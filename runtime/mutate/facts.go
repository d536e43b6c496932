package mutate

import (
	"maps"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
)

// facts is what the API server makes sure of before a program runs.
type facts struct {
	// filled are paths that every object has, present are optionals with a
	// value, each with the reason.
	filled, present map[string]string
	// resources are what the program matches, as group and resource; nil when
	// there is a wildcard.
	resources [][2]string
	// lists are expressions for objects of kinds of Kubernetes that were
	// looked up.
	lists map[string]bool
	// containers says that all containers are those of kinds of Kubernetes.
	containers bool
}

// isContainers reports whether a list is of containers of a pod.
func isContainers(list *code.Expr) bool {
	list = unfiltered(list)
	switch {
	case list.Kind == code.KindIdent:
		return list.Name == "variables.containers" || list.Name == "variables.oldContainers"
	case list.Kind == code.KindSelect:
		return slices.Contains([]string{"containers", "initContainers", "ephemeralContainers"}, list.Name)
	case list.Kind == code.KindCall && (list.Name == "dyn" || list.Name == "orValue"):
		return isContainers(list.Args[0])
	case list.Kind == code.KindBinary && list.Name == "+":
		return isContainers(list.Args[0]) && isContainers(list.Args[1])
	}
	return false
}

const (
	hasMetadata = "every object has metadata and a name"
	hasSpec     = "the API server writes out the spec of its own kinds even when it is empty"
)

// factsOf returns what holds for every expression of a program.
func factsOf(p *ir.Program) *facts {
	f := &facts{filled: map[string]string{}, present: map[string]string{
		// WithAuthenticated adds system:authenticated; anonymous requests are
		// in system:unauthenticated (k8s.io/apiserver/pkg/authentication).
		"request.userInfo.?groups": "every request has a group",
	}}
	var operations []string
	for _, r := range p.Match.Rules {
		operations = append(operations, r.Operations...)
		for _, g := range r.Groups {
			for _, name := range r.Resources {
				f.resources = append(f.resources, [2]string{g, name})
			}
		}
	}
	if slices.ContainsFunc(f.resources, func(r [2]string) bool { return r[0] == "*" || strings.HasPrefix(r[1], "*") }) {
		f.resources = nil
	}
	never := func(list ...string) bool {
		return !slices.ContainsFunc(operations, func(o string) bool { return o == "*" || slices.Contains(list, o) })
	}
	if never("DELETE", "CONNECT") {
		f.object("object")
	}
	if never("CREATE", "CONNECT") {
		f.object("oldObject")
	}
	// SetDefaults_PodSpec (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go).
	if f.builtin() {
		f.containers = true
		f.filled["variables.pod.spec.securityContext"] = "the API server fills in the security context of every pod and pod template"
	}
	f.filled["namespaceObject.metadata"] = hasMetadata
	f.lists = lookedUp(p)
	return f
}

// lookedUp returns the lookups of kinds of Kubernetes, and the variables that
// hold some of their objects.
func lookedUp(p *ir.Program) map[string]bool {
	out := map[string]bool{}
	for _, l := range p.Lookups {
		if isKubernetes(l.Resource.Group) {
			out["params.lookups."+l.Name] = true
		}
	}
	for _, v := range p.Variables {
		if out[unfiltered(v.Code).String()] {
			out["variables."+v.Name] = true
		}
	}
	return out
}

// unfiltered returns the list that macros took elements from.
func unfiltered(list *code.Expr) *code.Expr {
	for isMacro(list) && list.Name == "filter" {
		list = list.Args[0]
	}
	return list
}

// isKubernetes reports whether all kinds of a group are of Kubernetes. Groups
// with a dot may be of CRDs, also those that end in k8s.io.
func isKubernetes(group string) bool {
	return !strings.Contains(group, ".") || group == "networking.k8s.io"
}

// builtin reports whether the program is about kinds of Kubernetes only.
func (f *facts) builtin() bool {
	return f.resources != nil && !slices.ContainsFunc(f.resources, func(r [2]string) bool { return !isKubernetes(r[0]) })
}

// object adds that an object is there, and what every object has.
func (f *facts) object(name string) {
	// The API server sets creationTimestamp and name before admission
	// (k8s.io/apiserver/pkg/registry/rest, FillObjectMetaSystemFields).
	f.filled[name+".metadata"] = hasMetadata
	f.present[name+".?metadata.?name"] = hasMetadata
	f.present[name+".metadata.?name"] = hasMetadata
	f.present[name+".?kind"] = "every object has a kind"
	if f.builtin() {
		maps.Copy(f.filled, withSpec(name))
	}
}

// structs are parts of specs that are no pointers in the Go types of
// k8s.io/api, so that the API server writes them out as well.
var structs = []string{"jobTemplate", "jobTemplate.spec", "podSelector", "scaleTargetRef", "template"}

// withSpec returns what every object of a kind of Kubernetes has.
func withSpec(name string) map[string]string {
	out := map[string]string{name + ".spec": hasSpec}
	for _, part := range structs {
		out[name+".spec."+part] = hasSpec
	}
	return out
}

// duringUpdate returns the facts in an expression that only matters for UPDATE.
func (f *facts) duringUpdate() *facts {
	if f.filled == nil {
		return f // the body of a function, which sees no object
	}
	out := &facts{filled: maps.Clone(f.filled), present: maps.Clone(f.present), resources: f.resources, lists: f.lists,
		containers: f.containers}
	out.object("object")
	out.object("oldObject")
	return out
}

var isUpdate = code.Eq(code.Ident("request.operation"), code.Lit("UPDATE")).String()

// asksForUpdate reports whether another operand of a conjunction does.
// `false && error` is false in CEL, on either side.
func asksForUpdate(and *code.Expr, except int) bool {
	for i, a := range and.Args {
		if i != except && a.String() == isUpdate {
			return true
		}
	}
	return false
}

// readOnUpdate reports whether a variable is read, and only beside a condition
// that asks for UPDATE, or by variables that are: it is not evaluated otherwise.
func readOnUpdate(p *ir.Program, name string) bool {
	reads, guarded := 0, 0
	count := func(x *code.Expr) int { return x.Count("variables." + name) }
	for _, v := range p.Variables {
		reads += count(v.Code)
		// A variable reads only those before it.
		if count(v.Code) > 0 && readOnUpdate(p, v.Name) {
			guarded += count(v.Code)
			continue
		}
		v.Code.Walk(func(x *code.Expr) {
			if x.Kind != code.KindAnd {
				return
			}
			for i, a := range x.Args {
				// The operands before it are evaluated first.
				if i > 0 && x.Args[0].String() == isUpdate {
					guarded += count(a)
				}
			}
		})
	}
	return reads > 0 && reads == guarded
}

// sameResources reports whether an operand of a conjunction tells nothing that
// another one does not tell of the matched resources.
//
//	request.resource.group == '' && request.resource.resource == 'namespaces'
func (f *facts) sameResources(and *code.Expr, i int) bool {
	one, ok := resourceTest(and.Args[i])
	if !ok || f == nil || f.resources == nil {
		return false
	}
	for j, other := range and.Args {
		two, ok := resourceTest(other)
		if j == i || !ok || one.field == two.field {
			continue
		}
		if !slices.ContainsFunc(f.resources, func(r [2]string) bool { return two.holds(r) && !one.holds(r) }) {
			return true
		}
	}
	return false
}

// test is a comparison of a part of the request's resource.
type test struct {
	field int
	text  string
}

func (t test) holds(r [2]string) bool {
	name, _, _ := strings.Cut(r[1], "/")
	return [2]string{r[0], name}[t.field] == t.text
}

func resourceTest(x *code.Expr) (test, bool) {
	if x.Kind != code.KindBinary || x.Name != "==" {
		return test{}, false
	}
	text, ok := x.Args[1].Value.(string)
	switch path(x.Args[0]) {
	case "request.resource.group":
		return test{0, text}, ok
	case "request.resource.resource":
		return test{1, text}, ok
	}
	return test{}, false
}
