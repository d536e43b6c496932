package resolve

import (
	"errors"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// Match is a match, exclude or exception block whose kinds are bound.
type Match struct {
	Span source.Span
	// Kinds is empty when the block names none. Any stands for `*`.
	Kinds []*schema.Kind
	Any   bool
	// Workload says that `Workload` was among the kinds.
	Workload   bool
	Operations []string
	// Namespaces are exact names, NamespaceGlobs have wildcards.
	Namespaces, NamespaceGlobs []string
	Names                      []string
	NamespaceLabels, Labels    *metav1.LabelSelector
	Users, Groups              []string
	// ServiceAccounts are user names: system:serviceaccount:ns:name.
	ServiceAccounts []string
	When            source.Text
	// MetadataOnly says that the policy is about nothing but metadata, as the
	// mutations of every kind are.
	MetadataOnly bool
}

// WorkloadAlias is the kind that stands for everything with a pod template.
const WorkloadAlias = "Workload"

type matchOptions struct{ exclude bool }

// OnlyNamespaces reports whether exact namespaces are all that is named.
func (m *Match) OnlyNamespaces() bool {
	rest := *m
	rest.Namespaces = nil
	return len(m.Namespaces) > 0 && rest.Empty()
}

// Empty reports whether the block names nothing.
func (m *Match) Empty() bool {
	return len(m.Kinds) == 0 && !m.Any && len(m.Operations) == 0 && len(m.Namespaces) == 0 && len(m.NamespaceGlobs) == 0 &&
		len(m.Names) == 0 && m.NamespaceLabels == nil && m.Labels == nil && len(m.Users) == 0 && len(m.Groups) == 0 &&
		len(m.ServiceAccounts) == 0 && m.When.IsZero()
}

// resolveMatch binds a block; nil after an error.
func (p *Project) resolveMatch(d *syntax.Match, o matchOptions, r *diag.Report) *Match {
	m := &Match{Span: d.Span, When: d.When, Operations: texts(d.Operations), Names: texts(d.Names),
		Users: texts(d.Users), Groups: texts(d.Groups)}
	before := r.Len()
	for _, k := range d.Kinds {
		p.resolveKind(m, k, r)
	}
	for _, n := range d.Namespaces {
		if strings.ContainsAny(n.Value, "*?") {
			m.NamespaceGlobs = append(m.NamespaceGlobs, n.Value)
			continue
		}
		if checkNamespace(n, r) {
			m.Namespaces = append(m.Namespaces, n.Value)
		}
	}
	for _, s := range d.ServiceAccounts {
		ns, name, ok := strings.Cut(s.Value, "/")
		if !ok || ns == "" || name == "" {
			r.Errorf(diag.InvalidMatch, s.Span, "`%s` is no service account", s.Value).Helpf("write namespace/name")
			continue
		}
		m.ServiceAccounts = append(m.ServiceAccounts, "system:serviceaccount:"+ns+":"+name)
	}
	m.NamespaceLabels = selector(d.NamespaceLabels, r)
	m.Labels = selector(d.Labels, r)
	if failedSince(r, before) {
		return nil
	}
	slices.SortFunc(m.Kinds, func(a, b *schema.Kind) int { return strings.Compare(a.String(), b.String()) })
	m.Kinds = slices.CompactFunc(m.Kinds, func(a, b *schema.Kind) bool { return a.String() == b.String() })
	if !o.exclude {
		p.checkScope(m, d, r)
	}
	if failedSince(r, before) {
		return nil
	}
	return m
}

func checkNamespace(n source.Text, r *diag.Report) bool {
	errs := validation.IsDNS1123Label(n.Value)
	if len(errs) > 0 {
		r.Errorf(diag.InvalidMatch, n.Span, "`%s` is no name of a namespace", n.Value).Notef("%s", errs[0])
	}
	return len(errs) == 0
}

func texts(in []source.Text) []string {
	var out []string
	for _, t := range in {
		out = append(out, t.Value)
	}
	return out
}

func (p *Project) resolveKind(m *Match, ref source.Text, r *diag.Report) {
	switch ref.Value {
	case "*":
		m.Any = true
		return
	case WorkloadAlias:
		m.Workload = true
		for _, w := range p.Workloads {
			m.Kinds = append(m.Kinds, w.Kind)
			if w.Kind.Group == "" && w.Kind.Kind == "Pod" {
				m.Kinds = append(m.Kinds, p.podSubresources()...)
			}
		}
		return
	}
	k, err := p.Schemas.Resolve(ref.Value)
	if err != nil {
		reportKind(ref, err, r)
		return
	}
	m.Kinds = append(m.Kinds, k)
	// UPDATE is checked in full: who names pods means their subresources
	// through which the spec changes, too.
	if k.Group == "" && k.Resource == "pods" && k.Subresource == "" {
		m.Kinds = append(m.Kinds, p.podSubresources()...)
	}
}

// podSubresources are the subresources through which a pod's spec changes.
// pods/resize is one even where the lowest supported version lacks it: later
// servers have it.
func (p *Project) podSubresources() []*schema.Kind {
	var out []*schema.Kind
	for _, name := range []string{"ephemeralcontainers", "resize"} {
		if k, ok := p.Schemas.Lookup("", "v1", "pods", name); ok {
			out = append(out, k)
			continue
		}
		pod, _ := p.Schemas.Lookup("", "v1", "pods", "")
		later := *pod
		later.Subresource, later.Verbs = name, []string{"get", "patch", "update"}
		out = append(out, &later)
	}
	return out
}

func reportKind(ref source.Text, err error, r *diag.Report) {
	var unknown *schema.UnknownError
	var ambiguous *schema.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		d := r.Errorf(diag.AmbiguousKind, ref.Span, "`%s` is ambiguous", ref.Value)
		var candidates []string
		for _, c := range ambiguous.Candidates {
			candidates = append(candidates, "`"+c+"`")
		}
		d.Helpf("write one of %s", strings.Join(candidates, ", "))
	case errors.As(err, &unknown):
		d := r.Errorf(diag.UnknownKind, ref.Span, "unknown kind `%s`", ref.Value)
		if len(unknown.Suggestions) > 0 {
			d.Helpf("did you mean `%s`?", unknown.Suggestions[0])
		} else {
			d.Helpf("kinds of CRDs come from the files under `crds` of the project")
		}
	default:
		r.Errorf(diag.UnknownKind, ref.Span, "%v", err)
	}
}

// checkScope reports what cannot hold together in a match.
func (p *Project) checkScope(m *Match, d *syntax.Match, r *diag.Report) {
	if len(m.Kinds) == 0 && !m.Any {
		return
	}
	m.Operations = matchOperations(m, d, r)
	p.checkLabels(m, m, r)
	if len(d.Namespaces) == 0 && m.NamespaceLabels == nil {
		return
	}
	for _, k := range m.Kinds {
		if !k.Namespaced && !(isNamespace(k) && len(d.Namespaces) == 0) {
			at := d.Span
			if len(d.Namespaces) > 0 {
				at = d.Namespaces[0].Span
			} else if d.NamespaceLabels != nil {
				at = d.NamespaceLabels.Span
			}
			r.Errorf(diag.InvalidMatch, at, "%s objects live in no namespace, so this match never holds for them", k).
				Helpf("split the policy, or use `names`")
			return
		}
	}
}

// checkLabels reports a selector of labels, in a match or in a block that is
// held against it, that is about objects without labels: what is sent to
// pods/exec has none.
func (p *Project) checkLabels(m, block *Match, r *diag.Report) {
	if block.Labels == nil {
		return
	}
	var without *schema.Kind
	for _, k := range m.Kinds {
		t, err := p.Schemas.Root(k)
		if err == nil && t.Kind == types.Object && t.Fields.Field("metadata") == nil {
			without = k
		} else if block != m {
			return // the block can hold for this kind
		}
	}
	if without != nil {
		r.Errorf(diag.InvalidMatch, block.Span, "%s has no labels, so `labels` never holds for it", without).
			Helpf("use `names`, or `when` with what is known of the request")
	}
}

// excludesAll reports whether a block holds for every request of a match.
func excludesAll(m, e *Match) bool {
	rest := *e
	rest.Kinds, rest.Any, rest.Workload, rest.Operations = nil, false, false, nil
	if !rest.Empty() {
		return false
	}
	kinds := e.Any || len(e.Kinds) == 0 || !m.Any && !slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return !containsKind(e.Kinds, k) })
	operations := len(e.Operations) == 0 || slices.Contains(e.Operations, "*") ||
		!slices.ContainsFunc(m.Operations, func(op string) bool { return !slices.Contains(e.Operations, op) })
	return kinds && operations
}

func containsKind(kinds []*schema.Kind, want *schema.Kind) bool {
	return slices.ContainsFunc(kinds, func(k *schema.Kind) bool { return k.String() == want.String() })
}

func isNamespace(k *schema.Kind) bool { return k.Group == "" && k.Resource == "namespaces" }

// matchOperations returns the operations of a match, with the default, and
// checks that kinds and operations go together.
func matchOperations(m *Match, d *syntax.Match, r *diag.Report) []string {
	ops := defaultOperations(m)
	if slices.Contains(m.Operations, "*") {
		ops = []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}
	} else if len(m.Operations) > 0 {
		ops = m.Operations
	}
	at := d.Span
	if len(d.Operations) > 0 {
		at = d.Operations[0].Span
	}
	for _, k := range m.Kinds {
		has := slices.ContainsFunc(ops, func(op string) bool { return slices.Contains(k.Operations(), op) })
		if !has && !changesPod(k) {
			r.Errorf(diag.InvalidMatch, at, "%s has none of the operations %s", k, strings.Join(ops, ", ")).
				Helpf("its operations are %s", strings.Join(k.Operations(), ", "))
		}
	}
	for _, op := range d.Operations {
		checkOperation(m, op, r)
	}
	ops = slices.DeleteFunc(slices.Clone(ops), func(op string) bool { return !m.hasOperation(op) })
	slices.SortFunc(ops, func(a, b string) int { return operationOrder[a] - operationOrder[b] })
	return slices.Compact(ops)
}

// defaultOperations are CREATE and UPDATE, never DELETE, which has no object;
// and CONNECT for kinds that have nothing else.
func defaultOperations(m *Match) []string {
	connects := func(k *schema.Kind) bool { return k.Connect }
	if len(m.Kinds) > 0 && !slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return !connects(k) }) {
		return []string{"CONNECT"}
	}
	return []string{"CREATE", "UPDATE"}
}

// checkOperation reports an operation that no kind of the match has.
func checkOperation(m *Match, op source.Text, r *diag.Report) {
	switch {
	case op.Value == "*" || m.hasOperation(op.Value):
	case m.Any:
		r.Errorf(diag.NotExpressible, op.Span, "`kinds: ['*']` has no operation %s: a wildcard does not reach subresources", op.Value).
			Helpf("name the subresources, such as `Pod/exec`")
	default:
		r.Errorf(diag.InvalidMatch, op.Span, "none of the kinds has the operation %s", op.Value)
	}
}

// hasOperation reports whether requests for one of the kinds can have the
// operation. CONNECT requests are about subresources, which a wildcard of
// resources does not match.
func (m *Match) hasOperation(op string) bool {
	return m.Any && op != "CONNECT" ||
		slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return slices.Contains(k.Operations(), op) })
}

// changesPod reports whether a kind is a subresource through which the spec
// of a pod changes.
func changesPod(k *schema.Kind) bool {
	return k.ParentKind == "Pod" && (k.Subresource == "resize" || k.Subresource == "ephemeralcontainers")
}

var operationOrder = map[string]int{"CREATE": 0, "UPDATE": 1, "DELETE": 2, "CONNECT": 3}

// selector translates a label selector; nil when it was not written.
func selector(d *syntax.Selector, r *diag.Report) *metav1.LabelSelector {
	if d == nil {
		return nil
	}
	out := &metav1.LabelSelector{}
	for _, e := range d.Labels {
		v, ok := labelValue(e, r)
		if !ok {
			continue
		}
		checkLabel(e.Key, v, e.Value.Span, r)
		if out.MatchLabels == nil {
			out.MatchLabels = map[string]string{}
		}
		out.MatchLabels[e.Key.Value] = v
	}
	for _, e := range d.Expressions {
		for _, v := range e.Values {
			checkLabel(e.Key, v.Value, v.Span, r)
		}
		out.MatchExpressions = append(out.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: e.Key.Value, Operator: metav1.LabelSelectorOperator(e.Operator.Value), Values: texts(e.Values)})
	}
	return out
}

// labelValue is the value of a label in a map; ok is false when it was reported
// as no text.
func labelValue(e syntax.Entry, r *diag.Report) (value string, ok bool) {
	value, ok = e.Value.Data.(string)
	if !ok {
		r.Errorf(diag.WrongShape, e.Value.Span, "the value of a label is text").Helpf("put it in quotes")
	}
	return value, ok
}

func checkLabel(key source.Text, value string, at source.Span, r *diag.Report) {
	if errs := validation.IsQualifiedName(key.Value); len(errs) > 0 {
		r.Errorf(diag.InvalidMatch, key.Span, "`%s` is no label key", key.Value).Notef("%s", errs[0])
	}
	if errs := validation.IsValidLabelValue(value); len(errs) > 0 {
		r.Errorf(diag.InvalidMatch, at, "`%s` is no label value", value).Notef("%s", errs[0])
	}
}

// builtinWorkloads are the built-in kinds with a pod template, and its path.
var builtinWorkloads = []struct{ ref, path string }{
	{"v1/Pod", ""},
	{"v1/ReplicationController", "spec.template"},
	{"apps/v1/Deployment", "spec.template"},
	{"apps/v1/ReplicaSet", "spec.template"},
	{"apps/v1/StatefulSet", "spec.template"},
	{"apps/v1/DaemonSet", "spec.template"},
	{"batch/v1/Job", "spec.template"},
	{"batch/v1/CronJob", "spec.jobTemplate.spec.template"},
}

func (p *Project) resolveWorkloads(doc *syntax.Project, r *diag.Report) {
	for _, w := range builtinWorkloads {
		k, err := p.Schemas.Resolve(w.ref)
		if err != nil {
			r.Errorf(diag.Internal, source.Span{}, "%v", err)
			continue
		}
		p.Workloads = append(p.Workloads, Workload{k, splitPath(w.path)})
	}
	if doc == nil {
		return
	}
	for _, w := range doc.Workloads {
		k, err := p.Schemas.Resolve(w.Kind.Value)
		if err != nil {
			reportKind(w.Kind, err, r)
			continue
		}
		if path := splitPath(w.Path.Value); p.checkTemplatePath(k, path, w.Path, r) {
			p.Workloads = append(p.Workloads, Workload{k, path})
		}
	}
}

// checkTemplatePath reports a path that objects of the kind do not have: the
// pod would be absent in all of them, and no rule would hold.
func (p *Project) checkTemplatePath(k *schema.Kind, path []string, at source.Text, r *diag.Report) bool {
	t, err := p.Schemas.Root(k)
	if err != nil {
		r.Errorf(diag.Internal, at.Span, "%v", err)
		return false
	}
	for _, name := range path {
		if t.Kind == types.Dyn {
			return true
		}
		if t.Kind != types.Object {
			r.Errorf(diag.UnknownField, at.Span, "no field `%s` on %s", name, t)
			return false
		}
		f := t.Fields.Field(name)
		if f == nil && t.Open {
			return true
		}
		if f == nil {
			d := r.Errorf(diag.UnknownField, at.Span, "no field `%s` on %s", name, t)
			if s, ok := diag.Suggest(name, t.Fields.Names()); ok {
				d.Helpf("did you mean `%s`?", s)
			}
			return false
		}
		t = f.Type
	}
	return true
}

func splitPath(path string) []string {
	path = strings.TrimPrefix(path, ".")
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

// WorkloadPath returns the path of the pod template in objects of a kind.
func (p *Project) WorkloadPath(k *schema.Kind) (path []string, ok bool) {
	if k.Group == "" && k.Kind == "Pod" && k.ParentKind == "Pod" {
		return nil, true
	}
	for _, w := range p.Workloads {
		if w.Kind.Group == k.Group && w.Kind.Kind == k.Kind && k.Subresource == "" {
			return w.Path, true
		}
	}
	return nil, false
}
