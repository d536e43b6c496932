package schema

import (
	"fmt"
	"slices"
	"strings"
)

// UnknownError says that a reference names nothing.
type UnknownError struct {
	Ref string
	// What is the part that is unknown, for the message: kind, group, version
	// or subresource.
	What string
	// Suggestions are references that may have been meant, best first.
	Suggestions []string
}

// Error names the reference and the best suggestion.
func (e *UnknownError) Error() string {
	text := fmt.Sprintf("unknown %s in %q", e.What, e.Ref)
	if e.What == "kind" {
		text = fmt.Sprintf("unknown kind %q", e.Ref)
	}
	if len(e.Suggestions) > 0 {
		text += fmt.Sprintf(": did you mean %q?", e.Suggestions[0])
	}
	return text
}

// AmbiguousError says that a reference without group names kinds of several.
type AmbiguousError struct {
	Ref string
	// Candidates are the full references of the kinds, sorted.
	Candidates []string
}

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is ambiguous: it may be %s", e.Ref, strings.Join(e.Candidates, " or "))
}

// reference is a reference taken apart.
type reference struct {
	name, subresource string
	group             string
	grouped           bool // group was given; "" is then the core group
	version           string
}

// parseReference takes apart Kind, Kind.group, Kind/subresource, version/Kind,
// version/Kind/subresource and group/version/Kind[/subresource].
func parseReference(ref string) (r reference, ok bool) {
	parts := strings.Split(ref, "/")
	switch n := len(parts); {
	case isVersion(parts[0]) && n >= 2:
		r.version, r.grouped, parts = parts[0], true, parts[1:]
	case n >= 3:
		r.group, r.version, r.grouped, parts = parts[0], parts[1], true, parts[2:]
	}
	if len(parts) > 2 || slices.Contains(parts, "") {
		return r, false
	}
	r.name = parts[0]
	if len(parts) == 2 {
		r.subresource = parts[1]
	}
	if name, group, dotted := strings.Cut(r.name, "."); dotted && !r.grouped {
		r.name, r.group, r.grouped = name, group, true
	}
	return r, r.name != ""
}

// nameTiers are the names by which a kind may be called. The first tier that
// has an answer decides, so a short name never hides a kind.
var nameTiers = []func(k *Kind, name string) bool{
	func(k *Kind, name string) bool { return k.ParentKind == name },
	func(k *Kind, name string) bool { return k.Resource == name },
	func(k *Kind, name string) bool { return k.Singular == name },
	func(k *Kind, name string) bool { return slices.Contains(k.ShortNames, name) },
}

// Resolve finds the kind that a reference names: Pod, Deployment.apps,
// apps/v1/Deployment, v1/Pod, Pod/exec, Deployment.apps/scale; instead of the
// kind also the plural, the singular or a short name. Without a version it is
// the preferred one: GA before beta before alpha, then the highest. The error
// is an *UnknownError or an *AmbiguousError.
func (s *Set) Resolve(ref string) (*Kind, error) {
	r, ok := parseReference(ref)
	if !ok {
		return nil, &UnknownError{Ref: ref, What: "kind"}
	}
	named := s.mainKinds(r)
	if len(named) == 0 {
		return nil, s.unknown(ref, r)
	}
	var mains []*Kind
	for _, k := range named {
		if r.version == "" && k.Preferred || k.ResourceVersion == r.version {
			mains = append(mains, k)
		}
	}
	if len(mains) == 0 {
		return nil, &UnknownError{Ref: ref, What: "version", Suggestions: references(named, r.subresource)}
	}
	if len(mains) > 1 {
		return nil, &AmbiguousError{Ref: ref, Candidates: references(mains, r.subresource)}
	}
	return s.withSubresource(ref, r, mains[0])
}

// mainKinds returns the main resources of all versions that a reference names.
func (s *Set) mainKinds(r reference) []*Kind {
	for _, matches := range nameTiers {
		var found []*Kind
		for _, k := range s.kinds {
			if k.Subresource == "" && matches(k, r.name) && (!r.grouped || k.ResourceGroup == r.group) {
				found = append(found, k)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func (s *Set) withSubresource(ref string, r reference, main *Kind) (*Kind, error) {
	if r.subresource == "" {
		return main, nil
	}
	if r.version != "" {
		if k, ok := s.Lookup(main.ResourceGroup, main.ResourceVersion, main.Resource, r.subresource); ok {
			return k, nil
		}
	} else if versions := s.Match(main.ResourceGroup, main.Resource, r.subresource); len(versions) > 0 {
		return versions[0], nil
	}
	var has []string
	for _, k := range s.kinds {
		if k.Subresource != "" && k.Resource == main.Resource && k.ResourceGroup == main.ResourceGroup &&
			k.ResourceVersion == main.ResourceVersion {
			has = append(has, k.Subresource)
		}
	}
	err := &UnknownError{Ref: ref, What: "subresource"}
	base := strings.TrimSuffix(ref, r.subresource)
	if best, ok := Suggest(r.subresource, has); ok {
		has = slices.Insert(slices.DeleteFunc(has, func(h string) bool { return h == best }), 0, best)
	}
	for _, h := range has {
		err.Suggestions = append(err.Suggestions, base+h)
	}
	return nil, err
}

// unknown explains why a name is not found: the group is wrong, or the name.
func (s *Set) unknown(ref string, r reference) error {
	if r.grouped {
		if elsewhere := s.mainKinds(reference{name: r.name}); len(elsewhere) > 0 {
			return &UnknownError{Ref: ref, What: "group", Suggestions: references(elsewhere, r.subresource)}
		}
	}
	err := &UnknownError{Ref: ref, What: "kind"}
	var names []string
	for _, k := range s.kinds {
		switch {
		case k.Subresource != "" && k.Kind == r.name && k.Preferred:
			// Eviction is what is sent to pods/eviction; it has no resource.
			err.Suggestions = append(err.Suggestions, k.String())
		case k.Subresource == "" && (!r.grouped || k.ResourceGroup == r.group):
			names = append(names, k.ParentKind, k.Resource)
		}
	}
	if best, ok := Suggest(r.name, names); ok {
		err.Suggestions = append(err.Suggestions, r.rename(best))
	}
	return err
}

// rename writes the reference with another name.
func (r reference) rename(name string) string {
	switch {
	case r.version != "" && r.group != "":
		name = r.group + "/" + r.version + "/" + name
	case r.version != "":
		name = r.version + "/" + name
	case r.group != "":
		name += "." + r.group
	}
	if r.subresource != "" {
		name += "/" + r.subresource
	}
	return name
}

// references are the full references of kinds or of a subresource of theirs,
// preferred versions first.
func references(kinds []*Kind, subresource string) []string {
	kinds = slices.Clone(kinds)
	slices.SortStableFunc(kinds, func(a, b *Kind) int {
		switch {
		case a.Preferred == b.Preferred:
			return 0
		case a.Preferred:
			return -1
		}
		return 1
	})
	var refs []string
	for _, k := range kinds {
		ref := k.String()
		if subresource != "" {
			ref += "/" + subresource
		}
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}
