package check

import (
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/types"
)

// Roots are the values that the expressions of a policy start from.
type Roots struct {
	object *types.Type
	// mayBeNull says that object is null for some matched request (DELETE);
	// oldMayBeNull the same of oldObject (CREATE, CONNECT).
	mayBeNull, oldMayBeNull bool
	// pod is nil unless every matched kind carries a pod.
	pod *podRoots
}

// podRoots say how to get at the pod of an object.
type podRoots struct {
	spec, meta *types.Type
	container  *types.Type
	// direct says that the object is the pod.
	direct bool
	// open says that a CRD leaves the template open, so that it may be empty
	// and hold nulls: only mutation looks that closely.
	open  bool
	paths []podPath
}

// podPath is where some kinds keep their pod template.
type podPath struct {
	path  []string
	kinds []*schema.Kind
	// sure says that the schema guarantees the path.
	sure bool
}

func newRoots(project *resolve.Project, m *resolve.Match) (*Roots, error) {
	r := &Roots{}
	onlyUpdate := len(m.Operations) == 1 && (m.Operations[0] == "UPDATE" || m.Operations[0] == "DELETE")
	r.mayBeNull = slices.Contains(m.Operations, "DELETE")
	r.oldMayBeNull = !onlyUpdate
	if m.Any {
		meta := project.Schemas.ObjectMeta()
		r.object = types.NewObject("any kind",
			&types.Field{Name: "apiVersion", Type: types.StringType, Required: true},
			&types.Field{Name: "kind", Type: types.StringType, Required: true},
			&types.Field{Name: "metadata", Type: meta})
		r.object.Open = true
		return r, nil
	}
	var labels []string
	var members []*types.Type
	seen := map[string]bool{}
	for _, k := range m.Kinds {
		t, err := project.Schemas.Root(k)
		if err != nil {
			return nil, err
		}
		if !seen[t.Name] {
			seen[t.Name] = true
			labels, members = append(labels, k.String()), append(members, t)
		}
	}
	r.object = types.Union(labels, members)
	r.pod = newPodRoots(project, m)
	return r, nil
}

// unvalidated makes the roots those of objects that mutation sees: nothing
// that validation demands is there for certain, but for the pod template of
// built-in kinds, without which the request fails one way or the other.
func (r *Roots) unvalidated() {
	r.object = types.Unvalidated(r.object, false)
	if r.pod == nil {
		return
	}
	open := slices.ContainsFunc(r.pod.paths, func(p podPath) bool { return slices.ContainsFunc(p.kinds, func(k *schema.Kind) bool { return k.CRD }) })
	r.pod.open = open
	r.pod.spec, r.pod.meta = types.Unvalidated(r.pod.spec, open), types.Unvalidated(r.pod.meta, open)
	r.pod.container = types.Unvalidated(r.pod.container, open)
}

func newPodRoots(project *resolve.Project, m *resolve.Match) *podRoots {
	p := &podRoots{direct: true}
	for _, k := range m.Kinds {
		path, ok := project.WorkloadPath(k)
		if !ok {
			return nil
		}
		p.direct = p.direct && len(path) == 0
		i := slices.IndexFunc(p.paths, func(o podPath) bool { return slices.Equal(o.path, path) })
		if i < 0 {
			p.paths = append(p.paths, podPath{path: path, sure: true})
			i = len(p.paths) - 1
		}
		p.paths[i].kinds = append(p.paths[i].kinds, k)
		p.paths[i].sure = p.paths[i].sure && !k.CRD
	}
	// The template of most kinds comes last, as the default.
	slices.SortStableFunc(p.paths, func(a, b podPath) int {
		if d := len(a.kinds) - len(b.kinds); d != 0 && len(a.path) > 0 && len(b.path) > 0 {
			return d
		}
		if d := len(a.path) - len(b.path); d != 0 && (len(a.path) == 0 || len(b.path) == 0) {
			return d
		}
		return strings.Compare(strings.Join(a.path, "."), strings.Join(b.path, "."))
	})
	p.spec, _ = project.Schemas.Type("io.k8s.api.core.v1.PodSpec")
	p.meta = project.Schemas.ObjectMeta()
	container, _ := project.Schemas.Type("io.k8s.api.core.v1.Container")
	ephemeral, _ := project.Schemas.Type("io.k8s.api.core.v1.EphemeralContainer")
	p.container = types.Union([]string{"containers", ephemeralLabel}, []*types.Type{container, ephemeral})
	return p
}

// Names of the variables that hold pods and containers.
const (
	podVariable           = "pod"
	containersVariable    = "containers"
	oldPodVariable        = "oldPod"
	oldContainersVariable = "oldContainers"

	// PodPathVariable holds the JSON pointer of the pod, ContainerListsVariable
	// the fields of its spec that list the containers which may be changed, and
	// DebuggedVariable the names of the ephemeral containers that were there.
	PodPathVariable        = "podPath"
	ContainerListsVariable = "containerLists"
	DebuggedVariable       = "debugged"
)

// now declares object, oldObject and what hangs on them.
func (r *Roots) now() []*expr.Var {
	vars := []*expr.Var{
		{Name: "object", Type: r.object, Nullable: r.mayBeNull, Code: code.Ident("object")},
		{Name: "oldObject", Type: r.object, Nullable: r.oldMayBeNull, Code: code.Ident("oldObject")},
	}
	if r.pod != nil {
		vars = append(vars, r.podVar("pod", false), r.containersVar("containers", false),
			r.podVar("oldPod", true), r.containersVar("oldContainers", true))
	}
	return vars
}

// before declares the same names, for judging the old object of an UPDATE on
// its own: object is the old object, and there is none before that.
func (r *Roots) before() []*expr.Var {
	vars := []*expr.Var{
		{Name: "object", Type: r.object, Nullable: r.oldMayBeNull, Code: code.Ident("oldObject")},
		{Name: "oldObject", Type: r.object, Absent: true},
	}
	if r.pod != nil {
		oldPod, oldContainers := r.podVar("oldPod", true), r.containersVar("oldContainers", true)
		oldPod.Name, oldContainers.Name = "pod", "containers"
		vars = append(vars, oldPod, oldContainers,
			&expr.Var{Name: "oldPod", Type: oldPod.Type, Absent: true},
			&expr.Var{Name: "oldContainers", Type: oldContainers.Type, Absent: true})
	}
	return vars
}

func (r *Roots) nullable(old bool) bool { return old && r.oldMayBeNull || !old && r.mayBeNull }

// PodIsOptional reports whether the variable of the (old) pod, where there is
// one, holds an optional.
func (r *Roots) PodIsOptional(old bool) bool { return r.pod != nil && !r.pod.direct && r.optional(old) }

// optional reports whether the pod of the (old) object may be absent.
func (r *Roots) optional(old bool) bool {
	if r.nullable(old) {
		return true
	}
	return slices.ContainsFunc(r.pod.paths, func(p podPath) bool { return !p.sure })
}

// PodIsObject reports whether the object itself is the pod.
func (r *Roots) PodIsObject() bool { return r.pod != nil && r.pod.direct }

// PodValue is how the pod is read.
func (r *Roots) PodValue() *code.Expr { return r.podVar(podVariable, false).Code }

func (r *Roots) podVar(name string, old bool) *expr.Var {
	t := types.NewObject("pod",
		&types.Field{Name: "metadata", Type: r.pod.meta, Required: !r.pod.open, Nullable: r.pod.open},
		&types.Field{Name: "spec", Type: r.pod.spec, Required: !r.pod.open, Nullable: r.pod.open})
	v := &expr.Var{Name: name, Type: t, Code: code.Ident("variables." + name)}
	if r.pod.direct {
		v.Code, v.Nullable = code.Ident(objectName(old)), r.nullable(old)
		return v
	}
	v.Optional = r.optional(old)
	return v
}

func (r *Roots) containersVar(name string, old bool) *expr.Var {
	return &expr.Var{Name: name, Type: types.NewList(r.pod.container), Code: code.Ident("variables." + name)}
}

func objectName(old bool) string {
	if old {
		return "oldObject"
	}
	return "object"
}

// PodCode returns the CEL of variables.pod: the pod, or an optional of it.
//
//	object.kind == 'Pod' ? dyn(object) : dyn(object).spec.template
func (r *Roots) PodCode(old bool) *code.Expr {
	name := objectName(old)
	optional := r.optional(old)
	var out *code.Expr
	for i := len(r.pod.paths) - 1; i >= 0; i-- {
		p := r.pod.paths[i]
		at := r.templateCode(p, name, optional)
		if out == nil {
			out = at
			continue
		}
		out = code.Cond(r.kindTest(p, name, optional), at, out)
	}
	return out
}

// PodPathCode returns the CEL of the JSON pointer of the pod, which is "" where
// the object itself is the pod.
//
//	object.kind == 'Pod' ? '' : '/spec/template'
func (r *Roots) PodPathCode() *code.Expr {
	var out *code.Expr
	for i := len(r.pod.paths) - 1; i >= 0; i-- {
		p := r.pod.paths[i]
		pointer := ""
		for _, field := range p.path {
			pointer += "/" + field
		}
		if out == nil {
			out = code.Lit(pointer)
			continue
		}
		out = code.Cond(r.kindTest(p, "object", false), code.Lit(pointer), out)
	}
	return out
}

// templateCode selects the pod of an object whose kind is known. Several
// kinds go through dyn(), since each lacks the fields of the others.
func (r *Roots) templateCode(p podPath, name string, optional bool) *code.Expr {
	x := code.Ident(name)
	if len(r.pod.paths) > 1 {
		x = code.Call("dyn", x)
	}
	if len(p.path) == 0 {
		if optional && r.nullable(name == "oldObject") {
			return code.Method(code.Ident("optional"), "ofNonZeroValue", x)
		} else if optional {
			return code.Some(x)
		}
		return x
	}
	for _, field := range p.path {
		if optional {
			x = code.OptSelect(x, field)
		} else {
			x = code.Select(x, field)
		}
	}
	return x
}

// kindTest is true for objects of the kinds of a path. A kind's name is
// enough unless another group has the same.
func (r *Roots) kindTest(p podPath, name string, optional bool) *code.Expr {
	field := func(f string) *code.Expr {
		if optional {
			return code.Method(code.OptSelect(code.Ident(name), f), "orValue", code.Lit(""))
		}
		return code.Select(code.Ident(name), f)
	}
	var tests []*code.Expr
	seen := map[string]bool{}
	for _, k := range p.kinds {
		if seen[k.Group+"/"+k.Kind] {
			continue
		}
		seen[k.Group+"/"+k.Kind] = true
		test := code.Eq(field("kind"), code.Lit(k.Kind))
		if r.sharesName(k) {
			test = code.And(test, code.Method(field("apiVersion"), "startsWith", code.Lit(k.Group+"/")))
		}
		tests = append(tests, test)
	}
	return code.Or(tests...)
}

func (r *Roots) sharesName(k *schema.Kind) bool {
	for _, p := range r.pod.paths {
		for _, o := range p.kinds {
			if o.Kind == k.Kind && o.Group != k.Group && k.Group != "" {
				return true
			}
		}
	}
	return false
}

// ContainersCode returns the CEL of variables.containers: app, init and
// ephemeral containers of the pod, in this order.
func (r *Roots) ContainersCode(old bool) *code.Expr {
	name := podVariable
	if old {
		name = oldPodVariable
	}
	pod := r.podVar(name, old)
	empty := code.List(nil, nil)
	list := func(field string, required bool) *code.Expr {
		if pod.Optional || pod.Nullable {
			return code.Method(code.OptSelect(code.OptSelect(pod.Code, "spec"), field), "orValue", empty)
		}
		spec := code.Select(pod.Code, "spec")
		if required {
			return code.Select(spec, field)
		}
		return code.Method(code.OptSelect(spec, field), "orValue", empty)
	}
	containers := r.pod.spec.Fields.Field("containers")
	return code.Binary("+", code.Binary("+", list("containers", containers.Required), list("initContainers", false)),
		agreeWithContainers(list("ephemeralContainers", false)))
}

// agreeWithContainers keeps the API server's type checker content: to it,
// containers and ephemeral containers are lists of different types.
func agreeWithContainers(x *code.Expr) *code.Expr { return code.Call("dyn", x) }

// requestVars declares what is the same for every policy
// (k8s.io/apiserver/pkg/admission/plugin/cel/compile.go, BuildRequestType).
func requestVars() []*expr.Var {
	text := types.StringType
	field := func(name string, t *types.Type, required bool) *types.Field {
		return &types.Field{Name: name, Type: t, Required: required}
	}
	gvk := types.NewObject("GroupVersionKind", field("group", text, true), field("version", text, true), field("kind", text, true))
	gvr := types.NewObject("GroupVersionResource", field("group", text, true), field("version", text, true), field("resource", text, true))
	user := types.NewObject("UserInfo", field("username", text, false), field("uid", text, false),
		field("groups", types.NewList(text), false), field("extra", types.NewMap(text, types.NewList(text)), false))
	request := types.NewObject("AdmissionRequest", field("kind", gvk, true), field("resource", gvr, true),
		field("subResource", text, false), field("requestKind", gvk, false), field("requestResource", gvr, false),
		field("requestSubResource", text, false), field("name", text, false), field("namespace", text, false),
		field("operation", text, true), field("userInfo", user, true), field("dryRun", types.BoolType, false),
		&types.Field{Name: "options", Type: types.DynType, Nullable: true})
	labels := types.NewMap(text, text)
	meta := types.NewObject("NamespaceMetadata", field("name", text, false), field("labels", labels, false),
		field("annotations", labels, false), field("finalizers", types.NewList(text), false),
		field("generateName", text, false), field("resourceVersion", text, false))
	namespace := types.NewObject("Namespace", field("metadata", meta, false),
		field("spec", types.NewObject("NamespaceSpec", field("finalizers", types.NewList(text), false)), false),
		field("status", types.NewObject("NamespaceStatus", field("phase", text, false)), false))
	return []*expr.Var{
		{Name: "request", Type: request, Code: code.Ident("request")},
		{Name: namespaceVar, Type: namespace, Nullable: true, Code: code.Ident(namespaceVar)},
		{Name: "authorizer", Type: types.NewOpaque("kubernetes.authorization.Authorizer"), Code: code.Ident("authorizer")},
		{Name: "authorizer.requestResource", Type: types.NewOpaque("kubernetes.authorization.ResourceCheck"),
			Code: code.Ident("authorizer.requestResource")},
	}
}

const namespaceVar = "namespaceObject"

// ephemeralLabel is what ephemeral containers are called where they differ
// from others.
const ephemeralLabel = "ephemeral containers"
