package cases

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	prepare "github.com/policyc/policyc/runtime/object"
)

// value is an object that stands in the case, or the one in a file that the
// case names. It is not Present when the case has neither.
func (l *loader) value(inline syntax.Value, ref source.Text) syntax.Value {
	if ref.IsZero() {
		return inline
	}
	file, wanted, named := strings.Cut(ref.Value, "#")
	all := l.file(ref, file)
	if len(all) == 0 {
		return syntax.Value{}
	}
	if !named {
		if len(all) > 1 {
			l.report.Errorf(diag.UnknownReference, ref.Span, "`%s` holds %d objects", file, len(all)).
				Helpf("say which: `%s#%s`", file, objectName(all[0]))
			return syntax.Value{}
		}
		return all[0]
	}
	var names []string
	var found []syntax.Value
	for _, v := range all {
		name := objectName(v)
		if wanted == name || wanted == text(field(v, "kind"))+"/"+name {
			found = append(found, v)
		}
		names = append(names, name)
	}
	at := ref.Sub(len(file)+1, len(ref.Value))
	switch len(found) {
	case 0:
		l.unknown(at, "`"+file+"` holds no object", names)
		return syntax.Value{}
	case 1:
		return found[0]
	}
	l.report.Errorf(diag.UnknownReference, at.Span, "`%s` holds %d objects `%s`", file, len(found), wanted).
		Helpf("write Kind/name, or give each a name of its own or a file")
	return syntax.Value{}
}

func objectName(v syntax.Value) string { return text(field(field(v, "metadata"), "name")) }

// file reads the objects of a file beside the test; those of a List one by one.
func (l *loader) file(ref source.Text, name string) []syntax.Value {
	full := path.Join(path.Dir(ref.Span.File.Path), name)
	if all, ok := l.files[full]; ok {
		return all
	}
	content, err := l.readFile(full)
	if err != nil {
		what := err.Error()
		var pathError *fs.PathError
		if errors.As(err, &pathError) {
			what = pathError.Err.Error()
		}
		l.report.Errorf(diag.UnreadableFile, ref.Span, "cannot read `%s`: %s", name, what)
		return nil
	}
	before := l.report.Len()
	var all []syntax.Value
	for _, v := range syntax.ReadObjects(syntax.Input{Path: full, Data: content}, l.report) {
		if items := field(v, "items"); strings.HasSuffix(text(field(v, "kind")), "List") && items.Present() {
			all = append(all, items.Items...)
			continue
		}
		all = append(all, v)
	}
	if len(all) == 0 && !l.report.ErrorsSince(before) {
		l.report.Errorf(diag.UnknownReference, ref.Span, "`%s` holds no objects", name)
	}
	l.files[full] = all
	return all
}

// prepare makes of an object what the API server has at admission. An old
// object is one that was stored. Nil gives a nil interface.
func (l *loader) prepare(c *Case, v syntax.Value, old bool) runtime.Object {
	if !v.Present() {
		return nil
	}
	operation := admission.Operation(c.Operation)
	if old {
		operation = admission.Update
	}
	o := l.decode(v, operation)
	if o == nil || !c.Namespaced {
		return o
	}
	if m, err := meta.Accessor(o); err == nil && m.GetNamespace() == "" {
		m.SetNamespace(c.Namespace)
	}
	return o
}

func (l *loader) decode(v syntax.Value, operation admission.Operation) runtime.Object {
	o, err := l.preparer.Receive(data(v), operation)
	if err == nil {
		return o
	}
	var faults prepare.Errors
	if !errors.As(err, &faults) {
		l.report.Errorf(diag.InvalidObject, start(v), "%v", err)
		return nil
	}
	for _, fault := range faults {
		l.report.Errorf(diag.InvalidObject, at(v, fault.Path), "%s", fault.Error())
	}
	return nil
}

// cluster prepares the other objects of a case. Like its own objects, they are
// in the namespace of the request when they do not say where they are.
func (l *loader) cluster(c *Case, values []syntax.Value) []runtime.Object {
	namespace := c.Namespace
	if !c.Namespaced {
		namespace = "default"
	}
	var out []runtime.Object
	for _, v := range values {
		o := l.decode(v, admission.Update)
		if o == nil {
			continue
		}
		if m, err := meta.Accessor(o); err == nil && m.GetNamespace() == "" && l.namespaced(o) {
			m.SetNamespace(namespace)
		}
		out = append(out, o)
	}
	return out
}

// at is where a part of an object is written, or the nearest part around it.
func at(v syntax.Value, where prepare.Path) source.Span {
	span := start(v)
	for _, step := range where {
		switch step := step.(type) {
		case int:
			if step >= len(v.Items) {
				return span
			}
			v = v.Items[step]
			span = start(v)
		case string:
			found := false
			for _, e := range v.Entries {
				if e.Key.Value == step {
					v, span, found = e.Value, e.Key.Span, true
				}
			}
			if !found {
				return span
			}
		}
	}
	return span
}

// start is a small span that stands for a value.
func start(v syntax.Value) source.Span {
	switch {
	case len(v.Entries) > 0:
		return v.Entries[0].Key.Span
	case len(v.Items) > 0:
		return start(v.Items[0])
	}
	return v.Span
}

// field returns a part of a map; a Value that is not Present when there is none.
func field(v syntax.Value, name string) syntax.Value {
	for _, e := range v.Entries {
		if e.Key.Value == name {
			return e.Value
		}
	}
	return syntax.Value{}
}

func text(v syntax.Value) string {
	s, _ := v.Data.(string)
	return s
}

func texts(list []source.Text) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.Value)
	}
	return out
}

// data is a value as JSON decodes into, nil for an absent one.
func data(v syntax.Value) map[string]any {
	o, _ := v.Data.(map[string]any)
	return o
}
