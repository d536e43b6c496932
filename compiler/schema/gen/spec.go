package main

import (
	"fmt"
	"sort"
	"strings"
)

// spec is what is embedded of one minor.
type spec struct {
	minor   int
	kinds   []*kind
	objects map[string][]*field // by schema name, fields sorted by name
}

// field is a field of a schema.
type field struct {
	name, code string
	promised   bool // the OpenAPI or the table of facts says that it is required
	presence   presence
}

const (
	metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1."
	corePrefix = "io.k8s.api.core.v1."
)

// translate fills in the types of the objects of all kinds, and of what is
// reachable from these.
func (s *spec) translate(documents map[string]*document, source *goSource) error {
	roots := map[[3]string]string{}
	for name, d := range documents {
		for _, gvk := range d.GVK {
			key := [3]string{gvk.Group, gvk.Version, gvk.Kind}
			if old := roots[key]; old == "" || name < old {
				roots[key] = name
			}
		}
	}
	var todo []string
	for _, k := range s.kinds {
		k.root = roots[[3]string{k.group, k.version, k.kind}]
		if fields, ok := connectOptions[k.kind]; ok {
			k.root = corePrefix + k.kind
			s.objects[k.root] = fields
		}
		if k.root == "" {
			return fmt.Errorf("no schema for %s/%s of %s %s %s", k.resource, k.subresource, k.group, k.version, k.kind)
		}
		todo = append(todo, k.root)
	}
	// The metadata of custom resources is not declared by their schemas.
	todo = append(todo, metaPrefix+"ObjectMeta")
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, done := s.objects[name]; done {
			continue
		}
		fields, err := translateObject(name, documents[name], source)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.objects[name] = fields
		for _, f := range fields {
			if i := strings.IndexByte(f.code, '@'); i >= 0 {
				todo = append(todo, f.code[i+1:])
			}
		}
	}
	return nil
}

func translateObject(name string, d *document, source *goSource) ([]*field, error) {
	if d == nil {
		return nil, fmt.Errorf("no such schema")
	}
	if d.Type != "object" {
		return nil, fmt.Errorf("schema is of type %q: name it in special", d.Type)
	}
	goFields, err := source.fields(name)
	if err != nil {
		return nil, err
	}
	required := map[string]bool{}
	for _, r := range d.Required {
		required[r] = true
	}
	fields := []*field{}
	for property, p := range d.Properties {
		g, ok := goFields[property]
		if !ok {
			return nil, fmt.Errorf("no Go field for %s", property)
		}
		f := &field{name: property, promised: required[property] || written[name+"."+property], presence: g.presence()}
		if f.code, err = typeCode(p, g.typ); err != nil {
			return nil, fmt.Errorf("%s: %w", property, err)
		}
		if f.code == "t" {
			// A pointer to a zero Time is written as null as well.
			f.presence = null
		}
		if notEmpty[name+"."+property] && f.presence == null {
			f.promised, f.presence = true, always
		}
		fields = append(fields, f)
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].name < fields[j].name })
	return fields, nil
}

// settle weakens what is said of a field to what holds in the later minors
// too: the version that policies are compiled for is the lowest on which they
// must run.
func (s *spec) settle(later []*spec) {
	for name, fields := range s.objects {
		for _, l := range later {
			theirs, ok := l.objects[name]
			if !ok {
				continue
			}
			byName := map[string]*field{}
			for _, f := range theirs {
				byName[f.name] = f
			}
			for _, f := range fields {
				switch t := byName[f.name]; {
				case f.presence == null || t != nil && t.presence == null:
					f.presence = null
				case t == nil || t.presence == maybe:
					f.presence = maybe
				}
			}
		}
	}
}

// flag is the mark behind the name of a field: ! required, ? nullable.
func (f *field) flag() string {
	switch {
	case f.presence == null:
		return "?"
	case f.presence == always && f.promised:
		return "!"
	}
	return ""
}
