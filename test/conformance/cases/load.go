package cases

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler/syntax"
)

// Load returns the cases of all PolicyTests, in source order. Documents with
// errors are left out: they were reported when they were parsed.
func Load(docs *syntax.Documents) ([]Case, error) {
	l := loader{docs: docs, files: map[string][]map[string]any{}}
	var out []Case
	var errs []error
	for _, t := range docs.Tests {
		if t.Broken {
			continue
		}
		loaded, err := l.test(t)
		out = append(out, loaded...)
		errs = append(errs, err)
	}
	return out, errors.Join(errs...)
}

type loader struct {
	docs *syntax.Documents
	// files are the objects of files that cases name.
	files map[string][]map[string]any
}

func (l *loader) test(t *syntax.Test) ([]Case, error) {
	policies := l.policies(t)
	var out []Case
	var errs []error
	for _, v := range field(t.Spec, "cases").Items {
		c := Case{Test: t.Name.Value, Name: text(field(v, "name")), Span: v.Span, Policies: policies}
		if err := l.read(&c, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.String(), err))
			continue
		}
		out = append(out, c)
	}
	return out, errors.Join(errs...)
}

// policies are those that a test names, or all of its folder.
func (l *loader) policies(t *syntax.Test) []string {
	if named := texts(field(t.Spec, "policies")); named != nil {
		return named
	}
	var out []string
	for _, p := range l.docs.Policies {
		if path.Dir(p.Span.File.Path) == path.Dir(t.Span.File.Path) {
			out = append(out, p.Name.Value)
		}
	}
	return out
}

func (l *loader) read(c *Case, v syntax.Value) error {
	var err error
	if c.Object, err = l.object(v, "object"); err != nil {
		return err
	}
	if c.OldObject, err = l.object(v, "oldObject"); err != nil {
		return err
	}
	if c.Cluster, err = l.cluster(v); err != nil {
		return err
	}
	request := field(v, "request")
	c.Operation, c.User, c.Groups = text(field(request, "operation")), text(field(request, "user")), texts(field(request, "groups"))
	if err := c.operation(); err != nil {
		return err
	}
	if err := c.resource(text(field(request, "subresource"))); err != nil {
		return err
	}
	c.place(text(field(request, "namespace")))
	return c.expect(field(v, "expect"))
}

// operation fills in the operation, and which of the objects it has.
func (c *Case) operation() error {
	if c.Object == nil && c.OldObject == nil {
		return errors.New("neither `object` nor `oldObject`")
	}
	if c.Operation == "" {
		switch {
		case c.OldObject == nil:
			c.Operation = "CREATE"
		case c.Object == nil:
			c.Operation = "DELETE"
		default:
			c.Operation = "UPDATE"
		}
	}
	switch c.Operation {
	case "CREATE", "CONNECT":
		if c.OldObject != nil || c.Object == nil {
			return fmt.Errorf("%s has an `object` and no `oldObject`", c.Operation)
		}
	case "UPDATE":
		if c.Object == nil {
			return errors.New("UPDATE has an `object`")
		}
		if c.OldObject == nil {
			c.OldObject = c.Object
		}
	case "DELETE":
		if c.OldObject == nil {
			c.Object, c.OldObject = nil, c.Object
		}
		if c.Object != nil {
			return errors.New("DELETE has one object: the one that is deleted")
		}
	default:
		return fmt.Errorf("unknown operation %q", c.Operation)
	}
	return nil
}

// subject is the object that the request is about.
func (c *Case) subject() map[string]any {
	if c.Object != nil {
		return c.Object
	}
	return c.OldObject
}

// place fills in the name of the object and its namespace.
func (c *Case) place(namespace string) {
	meta, _ := c.subject()["metadata"].(map[string]any)
	c.ObjectName, _ = meta["name"].(string)
	if c.Operation == "CONNECT" {
		c.ObjectName = "target"
	}
	switch {
	case c.Kind.Kind == "Namespace" && c.Kind.Group == "":
		c.Namespace = c.ObjectName
		return
	case clusterScoped[c.Resource.Group+"/"+c.Resource.Name]:
		return
	}
	c.Namespace = namespace
	if c.Namespace == "" {
		c.Namespace, _ = meta["namespace"].(string)
	}
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	c.NamespaceLabels = map[string]string{}
	for _, o := range c.Cluster {
		m, _ := o["metadata"].(map[string]any)
		if o["kind"] != "Namespace" || m["name"] != c.Namespace {
			continue
		}
		given, _ := m["labels"].(map[string]any)
		for k, v := range given {
			c.NamespaceLabels[k] = fmt.Sprint(v)
		}
	}
	c.NamespaceLabels["kubernetes.io/metadata.name"] = c.Namespace
}

func (c *Case) expect(v syntax.Value) error {
	c.Expect.Message = text(field(v, "message"))
	for _, list := range []struct {
		name string
		out  *[]string
	}{{"deny", &c.Expect.Deny}, {"warn", &c.Expect.Warn}, {"audit", &c.Expect.Audit}} {
		for _, rule := range texts(field(v, list.name)) {
			if !strings.Contains(rule, "/") {
				if len(c.Policies) != 1 {
					return fmt.Errorf("`expect.%s` must name policy/rule: the test is about %d policies", list.name, len(c.Policies))
				}
				rule = c.Policies[0] + "/" + rule
			}
			*list.out = append(*list.out, rule)
		}
		slices.Sort(*list.out)
	}
	return nil
}

// object reads `name`, or the object that `nameFile` points to; nil when the
// case has neither.
func (l *loader) object(v syntax.Value, name string) (map[string]any, error) {
	if inline := field(v, name); inline.Present() {
		o, ok := inline.Data.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("`%s` is no object", name)
		}
		return o, nil
	}
	ref := text(field(v, name+"File"))
	if ref == "" {
		return nil, nil
	}
	file, object, named := strings.Cut(ref, "#")
	all, err := l.file(v, file)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		meta, _ := o["metadata"].(map[string]any)
		if !named || meta["name"] == object {
			return o, nil
		}
	}
	return nil, fmt.Errorf("no object %q in %s", object, file)
}

func (l *loader) cluster(v syntax.Value) ([]map[string]any, error) {
	var out []map[string]any
	for _, item := range field(v, "cluster").Items {
		o, ok := item.Data.(map[string]any)
		if !ok {
			return nil, errors.New("an entry of `cluster` is no object")
		}
		out = append(out, o)
	}
	for _, name := range texts(field(v, "clusterFiles")) {
		all, err := l.file(v, name)
		if err != nil {
			return nil, err
		}
		out = append(out, all...)
	}
	return out, nil
}

// file reads the objects of a YAML file beside the test.
func (l *loader) file(v syntax.Value, name string) ([]map[string]any, error) {
	full := path.Join(path.Dir(v.Span.File.Path), name)
	if all, ok := l.files[full]; ok {
		return all, nil
	}
	data, err := os.ReadFile(filepath.FromSlash(full))
	if err != nil {
		return nil, err
	}
	var all []map[string]any
	for _, doc := range strings.Split("\n"+string(data), "\n---") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			return nil, fmt.Errorf("%s: %w", full, err)
		}
		if len(o) > 0 {
			all = append(all, o)
		}
	}
	l.files[full] = all
	return all, nil
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

// texts reads one text or a list of them.
func texts(v syntax.Value) []string {
	if s := text(v); s != "" {
		return []string{s}
	}
	var out []string
	for _, item := range v.Items {
		out = append(out, text(item))
	}
	return out
}
