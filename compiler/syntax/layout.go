package syntax

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// layout is the order of the keys of a map, and the layouts of what is in it.
// The items of a list have the layout of the list.
type layout struct {
	keys     []string
	children map[string]*layout
	// each is the layout of every value of a map whose keys are names.
	each *layout
}

func (l *layout) child(key string) *layout {
	if l == nil {
		return nil
	}
	if l.each != nil {
		return l.each
	}
	return l.children[key]
}

// rank is the place of a key; unknown keys come last, as they were.
func (l *layout) rank(key string) int {
	if l == nil {
		return 0
	}
	if i := slices.Index(l.keys, key); i >= 0 {
		return i
	}
	return len(l.keys)
}

// layoutOf returns the layout of a document.
func layoutOf(root *yaml.Node) *layout {
	kind := ""
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "kind" {
			kind = root.Content[i+1].Value
		}
	}
	return &layout{keys: documentKeys, children: map[string]*layout{
		"metadata": {keys: metadataKeys},
		"spec":     specLayout(kind),
	}}
}

func specLayout(kind string) *layout {
	selector := &layout{keys: selectorKeys, children: map[string]*layout{"matchExpressions": {keys: expressionKeys}}}
	match := &layout{keys: matchKeys, children: map[string]*layout{"namespaceLabels": selector, "labels": selector}}
	switch kind {
	case "Policy":
		return &layout{keys: policyKeys, children: map[string]*layout{
			"match":      match,
			"exclude":    match,
			"parameters": {each: &layout{keys: parameterKeys}},
			"lookups":    {each: &layout{keys: lookupKeys, children: map[string]*layout{"labels": selector}}},
			"rules":      {keys: ruleKeys, children: map[string]*layout{"mutate": {keys: mutateKeys}}},
			"enforce":    {keys: environmentKeys, children: map[string]*layout{"namespaceLabels": selector}},
		}}
	case "Exception":
		return &layout{keys: exceptionKeys, children: map[string]*layout{"match": match}}
	case "Library":
		return &layout{keys: libraryKeys, children: map[string]*layout{"functions": {each: &layout{keys: functionKeys}}}}
	case "Project":
		return &layout{keys: projectKeys, children: map[string]*layout{
			"exclude":   match,
			"workloads": {keys: workloadKeys},
			"webhook":   {keys: webhookKeys},
		}}
	case "PolicyTest":
		enforce := &layout{keys: environmentKeys, children: map[string]*layout{"namespaceLabels": selector}}
		return &layout{keys: testKeys, children: map[string]*layout{"enforce": enforce, "cases": {keys: caseKeys, children: map[string]*layout{
			"enforce": enforce,
			"request": {keys: requestKeys},
			"expect":  {keys: expectKeys},
		}}}}
	}
	return nil
}
