package check

import (
	"slices"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/compiler/types"
)

// ChangeKind is what a mutation does at a place.
type ChangeKind string

// The changes, as policies name them.
const (
	Default ChangeKind = "default"
	Set     ChangeKind = "set"
	Remove  ChangeKind = "remove"
	Append  ChangeKind = "append"
)

// Change is what is done at a site.
type Change struct {
	Kind ChangeKind
	// Value is what default and set write.
	Value Value
	// Current is the list there, for append and for what is removed from it.
	Current *expr.Node
	// Values is a list of what is appended or removed; nil when the site itself
	// is removed, and for Additions.
	Values *code.Expr
	// Sure says that Values is not empty.
	Sure bool
	// Additions are objects that are appended.
	Additions []Addition
}

// Addition is an object that is appended unless one with the same keys is there.
type Addition struct {
	Value Value
	Keys  []Key
}

// Key is a field by which the elements of a list are told apart.
type Key struct {
	Field string
	Value Value
}

// listKeys are the fields by which the API server tells the elements of its
// lists apart (x-kubernetes-list-map-keys, and patchMergeKey of older lists).
var listKeys = map[string][]string{
	"io.k8s.api.core.v1.Container":                            {"name"},
	"io.k8s.api.core.v1.EphemeralContainer":                   {"name"},
	"io.k8s.api.core.v1.Volume":                               {"name"},
	"io.k8s.api.core.v1.VolumeMount":                          {"mountPath"},
	"io.k8s.api.core.v1.VolumeDevice":                         {"devicePath"},
	"io.k8s.api.core.v1.EnvVar":                               {"name"},
	"io.k8s.api.core.v1.ContainerPort":                        {"containerPort"},
	"io.k8s.api.core.v1.ServicePort":                          {"port"},
	"io.k8s.api.core.v1.LocalObjectReference":                 {"name"},
	"io.k8s.api.core.v1.HostAlias":                            {"ip"},
	"io.k8s.api.core.v1.PodSchedulingGate":                    {"name"},
	"io.k8s.api.core.v1.PodReadinessGate":                     {"conditionType"},
	"io.k8s.api.core.v1.TopologySpreadConstraint":             {"topologyKey"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference":     {"uid"},
	"io.k8s.api.core.v1.ObjectReference":                      {"name"},
	"io.k8s.api.core.v1.Taint":                                {"key", "effect"},
	"io.k8s.api.core.v1.PersistentVolumeClaim":                {"metadata"},
	"io.k8s.api.rbac.v1.Subject":                              {"kind", "name"},
	"io.k8s.api.admissionregistration.v1.MutatingWebhook":     {"name"},
	"io.k8s.api.admissionregistration.v1.ValidatingWebhook":   {"name"},
	"io.k8s.api.core.v1.PodResourceClaim":                     {"name"},
	"io.k8s.api.networking.v1.IngressTLS":                     {"secretName"},
	"io.k8s.api.networking.v1.IngressRule":                    {"host"},
	"io.k8s.api.core.v1.EnvFromSource":                        {"prefix"},
	"io.k8s.api.discovery.v1.EndpointPort":                    {"name"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry": {"manager"},
}

// changeOf reads the value of a path.
func (t *treeBuilder) changeOf(kind ChangeKind, site *Site, p *path, v syntax.Value) *Change {
	out := &Change{Kind: kind}
	reader := &valueReader{checker: t.checker, locals: t.mutation.Locals()}
	switch {
	case kind == Append:
		t.appended(out, site, p, v, reader)
	case kind == Remove && v.Data != nil:
		if site.typ.Kind != types.List || site.typ.Elem.Kind == types.Object || site.typ.Elem.Kind == types.List || site.typ.Elem.Kind == types.Map {
			t.report.Errorf(diag.WrongType, v.Span, "values are removed from a list of plain values, but this is %s", site.typ).
				Helpf("write a list of paths to remove what they name: `remove: [%s]`", p.text)
			return out
		}
		out.Current = t.local(site.policyCEL, site.Locals)
		out.Values, out.Sure = reader.list(v, site.typ)
	case kind == Remove:
	case v.Data == nil:
		t.report.Errorf(diag.InvalidPath, p.text.Span, "`%s` has no value", p.text).Helpf("write a value, or `remove: [%s]`", p.text)
	default:
		out.Value = reader.value(v, site.typ)
		if kind == Set {
			for _, n := range reader.nodes {
				t.reads = append(t.reads, setValue{p.text, n})
			}
		}
	}
	return out
}

func (t *treeBuilder) appended(out *Change, site *Site, p *path, v syntax.Value, reader *valueReader) {
	if site.typ.Kind != types.List {
		t.report.Errorf(diag.WrongType, p.text.Span, "append needs a list, but `%s` is %s", p.text, site.typ).Helpf("write `set` or `default`")
		return
	}
	out.Current = t.local(site.policyCEL, site.Locals)
	elem := site.typ.Elem
	if elem.Kind != types.Object {
		out.Values, out.Sure = reader.list(v, site.typ)
		return
	}
	items := v.Items
	if len(v.Entries) > 0 {
		items = []syntax.Value{v}
	}
	if len(items) == 0 {
		t.report.Errorf(diag.WrongType, v.Span, "append needs a map, or a list of maps, of %s", elem)
		return
	}
	out.Sure = true
	for _, item := range items {
		addition := Addition{Value: reader.value(item, elem)}
		keys := listKeys[elem.Name]
		for _, e := range item.Entries {
			if keys == nil || slices.Contains(keys, e.Key.Value) {
				if f := elem.Fields.Field(e.Key.Value); f != nil {
					addition.Keys = append(addition.Keys, Key{Field: e.Key.Value, Value: reader.value(e.Value, f.Type)})
				}
			}
		}
		if len(addition.Keys) == 0 && len(keys) > 0 {
			t.report.Errorf(diag.WrongType, item.Span, "the element needs `%s`, by which it is recognised when it is there already", keys[0])
		}
		out.Additions = append(out.Additions, addition)
	}
}

// lintValues warns about a value that is computed from what it replaces.
func (t *treeBuilder) lintValues(d *syntax.Rule) {
	if !d.When.IsZero() {
		return
	}
	for _, set := range t.reads {
		reads := false
		set.node.Walk(func(n *expr.Node) { reads = reads || n.Path() == set.path.Value })
		if reads {
			t.report.Warnf(diag.ReadsItself, set.path.Span, "the value is computed from `%s`, which it replaces", set.path).
				Notef("the API server applies mutations more than once").
				Helpf("add a `when` that no longer holds afterwards")
		}
	}
}
