package cases

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kube "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

// resource fills in what the request is about. The subresource may be
// written with its resource where the object does not tell: deployments/scale.
func (l *loader) resource(c *Case, d *syntax.Case, subject syntax.Value) bool {
	apiVersion, kind := field(subject, "apiVersion"), field(subject, "kind")
	for name, v := range map[string]syntax.Value{"apiVersion": apiVersion, "kind": kind} {
		if text(v) == "" {
			l.report.Errorf(diag.InvalidObject, start(subject), "the object has no `%s`", name)
			return false
		}
	}
	k := l.kind(text(apiVersion), text(kind), d, kind.Text.Span)
	if k == nil {
		return false
	}
	c.Kind = kube.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind}
	c.Resource = kube.GroupVersionResource{Group: k.ResourceGroup, Version: k.ResourceVersion, Resource: k.Resource}
	c.Subresource, c.Namespaced = k.Subresource, k.Namespaced
	if served := k.Operations(); !slices.Contains(served, c.Operation) {
		at := cmp.Or(d.Request.Operation.Span, d.Request.Subresource.Span, d.Name.Span)
		l.report.Errorf(diag.InvalidRequest, at, "%s is no operation of %s", c.Operation, k).Helpf("write `operation: %s`", strings.Join(served, ", "))
		return false
	}
	return true
}

// sameIdentity reports an UPDATE that would make another object of the old
// one, which no API server takes.
func (l *loader) sameIdentity(now, old syntax.Value) bool {
	if !now.Present() || !old.Present() {
		return true
	}
	for _, where := range [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}} {
		a, b := now, old
		for _, name := range where {
			a, b = field(a, name), field(b, name)
		}
		if text(a) != "" && text(b) != "" && text(a) != text(b) {
			l.report.Errorf(diag.InvalidRequest, b.Text.Span, "an UPDATE cannot change `%s`: it is `%s` in `object`, and `%s` in `oldObject`",
				strings.Join(where, "."), text(a), text(b))
			return false
		}
	}
	return true
}

// kind finds the kind, or subresource, that objects of an apiVersion and kind
// are sent to. It returns nil when it reported that there is none.
func (l *loader) kind(apiVersion, kind string, d *syntax.Case, at source.Span) *schema.Kind {
	sub := d.Request.Subresource
	parent, name, written := strings.Cut(sub.Value, "/")
	if !written {
		parent, name = "", sub.Value
	}
	var candidates []*schema.Kind
	for _, set := range []*schema.Set{l.project.Schemas, l.newest} {
		for _, k := range set.Kinds() {
			if k.Kind == kind && groupVersion(k) == apiVersion && !slices.ContainsFunc(candidates, func(o *schema.Kind) bool { return o.String() == k.String() }) {
				candidates = append(candidates, k)
			}
		}
	}
	if len(candidates) == 0 {
		l.unknownKind(apiVersion, kind, at)
		return nil
	}
	fits := slices.DeleteFunc(slices.Clone(candidates), func(k *schema.Kind) bool {
		return sub.IsZero() && k.Subresource != "" && slices.ContainsFunc(candidates, isMain) ||
			!sub.IsZero() && (k.Subresource != name || parent != "" && parent != k.Resource)
	})
	if len(fits) == 1 {
		return fits[0]
	}
	var names []string
	for _, k := range candidates {
		if k.Subresource != "" {
			names = append(names, k.Resource+"/"+k.Subresource)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if sub.IsZero() {
		l.report.Errorf(diag.InvalidRequest, at, "%s is sent to one of several subresources", kind).
			Helpf("write `request: {subresource: %s}`", strings.Join(names, "` or `"))
		return nil
	}
	e := l.report.Errorf(diag.InvalidRequest, sub.Span, "there is no subresource `%s` that takes a %s %s", sub.Value, apiVersion, kind)
	if len(names) > 0 {
		e.Notef("there is `%s`", strings.Join(names, "`, `"))
	}
	return nil
}

// namespaced reports whether objects of a kind are in namespaces. What is not
// known, such as the parameter objects of policies, is not.
func (l *loader) namespaced(o runtime.Object) bool {
	kind := o.GetObjectKind().GroupVersionKind()
	for _, set := range []*schema.Set{l.project.Schemas, l.newest} {
		for _, k := range set.Kinds() {
			if isMain(k) && k.Kind == kind.Kind && k.Group == kind.Group && k.Version == kind.Version {
				return k.Namespaced
			}
		}
	}
	return false
}

func isMain(k *schema.Kind) bool { return k.Subresource == "" }

func groupVersion(k *schema.Kind) string {
	return kube.GroupVersion{Group: k.Group, Version: k.Version}.String()
}

// unknownKind reports a kind that nothing serves, with what was meant.
func (l *loader) unknownKind(apiVersion, kind string, at source.Span) {
	var kinds, versions []string
	for _, k := range l.project.Schemas.Kinds() {
		if k.Kind == kind {
			versions = append(versions, groupVersion(k))
		}
		kinds = append(kinds, k.Kind)
	}
	e := l.report.Errorf(diag.UnknownKind, at, "unknown kind `%s` of apiVersion `%s`", kind, apiVersion)
	slices.Sort(versions)
	switch versions = slices.Compact(versions); len(versions) {
	case 0:
		if near, ok := diag.Suggest(kind, kinds); ok {
			e.Helpf("did you mean `%s`?", near)
			return
		}
		e.Helpf("list its CRD under `crds` of the project")
	default:
		e.Helpf("it is in `%s`", strings.Join(versions, "`, `"))
	}
}

// place fills in the name of the object and its namespace.
func (l *loader) place(c *Case, d *syntax.Case, subject syntax.Value, cluster []syntax.Value) bool {
	meta := field(subject, "metadata")
	c.ObjectName = text(field(meta, "name"))
	switch name := d.Request.Name; {
	case name.Value != "" && c.ObjectName != "" && name.Value != c.ObjectName:
		l.report.Errorf(diag.InvalidRequest, name.Span, "the request is about `%s` and its object is `%s`", name.Value, c.ObjectName).
			Helpf("leave one of them out")
		return false
	case name.Value != "":
		c.ObjectName = name.Value
	case c.Operation == "CONNECT":
		c.ObjectName = "target"
	}
	asked, own := d.Request.Namespace, field(meta, "namespace")
	if list := d.Request.NamespaceLabels; len(list) > 0 && !c.Namespaced {
		l.report.Errorf(diag.InvalidRequest, list[0].Key.Span, "`namespaceLabels` are of no use: %s is in no namespace", c.Resource.GroupResource()).
			Helpf("leave them out; those of a Namespace are the labels of the object")
		return false
	}
	switch {
	case c.Kind == kube.GroupVersionKind{Version: "v1", Kind: "Namespace"}:
		c.Namespace = c.ObjectName
		return true
	case !c.Namespaced:
		if asked.Value != "" {
			l.report.Errorf(diag.InvalidRequest, asked.Span, "%s is in no namespace", c.Resource.GroupResource()).Helpf("leave `namespace` out")
		}
		return asked.Value == ""
	case asked.Value != "" && text(own) != "" && asked.Value != text(own):
		l.report.Errorf(diag.InvalidRequest, asked.Span, "the request is in namespace `%s` and its object in `%s`", asked.Value, text(own)).
			Helpf("leave one of them out")
		return false
	}
	c.Namespace = cmp.Or(asked.Value, text(own), "default")
	c.NamespaceLabels = map[string]string{}
	for _, v := range cluster {
		if text(field(v, "kind")) == "Namespace" && text(field(field(v, "metadata"), "name")) == c.Namespace {
			for _, e := range field(field(v, "metadata"), "labels").Entries {
				c.NamespaceLabels[e.Key.Value] = fmt.Sprint(e.Value.Data)
			}
		}
	}
	for _, e := range d.Request.NamespaceLabels {
		c.NamespaceLabels[e.Key.Value] = text(e.Value)
	}
	c.NamespaceLabels["kubernetes.io/metadata.name"] = c.Namespace
	return true
}
