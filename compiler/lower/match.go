package lower

import (
	"slices"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/schema"
)

const nameLabel = "kubernetes.io/metadata.name"

// lowerMatch gives each part of a match its cheapest native home; what has
// none became a condition when it was checked.
func lowerMatch(p *check.Policy) ir.Match {
	m := p.Policy.Match
	out := ir.Match{Rules: resourceRules(m, m.Operations), ObjectSelector: m.Labels}
	if m.Any {
		out.ExcludeRules = neverMatched(m.Operations)
		if len(m.Namespaces)+len(m.NamespaceGlobs) > 0 {
			out.Rules = wildcardRules("Namespaced", m.Operations, m.MetadataOnly)
		} else if m.NamespaceLabels != nil {
			out.Rules = namespacedRules(m)
		}
	}
	namespaces := &metav1.LabelSelector{}
	if m.NamespaceLabels != nil {
		namespaces = m.NamespaceLabels.DeepCopy()
	}
	add := func(op metav1.LabelSelectorOperator, values []string) {
		values = slices.Clone(values)
		slices.Sort(values)
		namespaces.MatchExpressions = append(namespaces.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: nameLabel, Operator: op, Values: slices.Compact(values)})
	}
	if len(m.Namespaces) > 0 && len(m.NamespaceGlobs) == 0 {
		add(metav1.LabelSelectorOpIn, m.Namespaces)
	}
	excluded := []string{}
	if !check.MatchesNamespaces(m) && (m.Any || anyNamespaced(m)) {
		excluded = append(excluded, p.Project.Namespaces...)
	}
	for _, e := range p.Policy.Exclude {
		if !check.NativeExclusion(m, e) {
			continue
		}
		excluded = append(excluded, e.Namespaces...)
		out.ExcludeRules = append(out.ExcludeRules, resourceRules(e, m.Operations)...)
	}
	if len(excluded) > 0 {
		add(metav1.LabelSelectorOpNotIn, excluded)
	}
	if len(namespaces.MatchLabels)+len(namespaces.MatchExpressions) > 0 {
		out.NamespaceSelector = namespaces
	}
	return out
}

func anyNamespaced(m *resolve.Match) bool {
	return slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return k.Namespaced })
}

// resourceRules returns exact rules for the kinds of a match: one for each
// group, version and set of operations.
func resourceRules(m *resolve.Match, operations []string) []ir.ResourceRule {
	if m.Any {
		return wildcardRules("", operations, m.MetadataOnly)
	}
	byKey := map[string]*ir.ResourceRule{}
	var keys []string
	for _, k := range m.Kinds {
		ops := kindOperations(k, operations)
		if len(ops) == 0 {
			continue
		}
		resource := k.Resource
		if k.Subresource != "" {
			resource += "/" + k.Subresource
		}
		key := k.ResourceGroup + "\x00" + k.ResourceVersion + "\x00" + strings.Join(ops, ",")
		r, ok := byKey[key]
		if !ok {
			r = &ir.ResourceRule{Groups: []string{k.ResourceGroup}, Versions: []string{k.ResourceVersion}, Operations: ops}
			byKey[key] = r
			keys = append(keys, key)
		}
		if !slices.Contains(r.Resources, resource) {
			r.Resources = append(r.Resources, resource)
		}
	}
	sort.Strings(keys)
	var out []ir.ResourceRule
	for _, key := range keys {
		slices.Sort(byKey[key].Resources)
		out = append(out, *byKey[key])
	}
	return out
}

// wildcardRules match every resource of a scope. A wildcard does not match
// subresources; those through which the spec of a pod changes are named,
// since UPDATE is checked in full. Through them, metadata does not change.
func wildcardRules(scope string, operations []string, metadataOnly bool) []ir.ResourceRule {
	rules := []ir.ResourceRule{{Groups: []string{"*"}, Versions: []string{"*"}, Operations: operations, Resources: []string{"*"}, Scope: scope}}
	if slices.Contains(operations, "UPDATE") && !metadataOnly {
		rules = append(rules, ir.ResourceRule{Groups: []string{""}, Versions: []string{"v1"}, Operations: []string{"UPDATE"},
			Resources: []string{"pods/ephemeralcontainers", "pods/resize"}})
	}
	return rules
}

// kindOperations returns those of the operations that a kind has.
func kindOperations(k *schema.Kind, operations []string) []string {
	var out []string
	for _, op := range operations {
		if slices.Contains(k.Operations(), op) {
			out = append(out, op)
		}
	}
	return out
}

// neverMatched are the resources that a policy on every kind leaves alone:
// heartbeats, events, and requests that ask the API server a question.
func neverMatched(operations []string) []ir.ResourceRule {
	rule := func(group string, resources ...string) ir.ResourceRule {
		return ir.ResourceRule{Groups: []string{group}, Versions: []string{"*"}, Operations: operations, Resources: resources}
	}
	return []ir.ResourceRule{
		rule("", "events"),
		rule("authentication.k8s.io", "*"),
		rule("authorization.k8s.io", "*"),
		rule("coordination.k8s.io", "leases"),
		rule("events.k8s.io", "events"),
	}
}

// bindings returns one binding for each environment of the program.
func bindings(p *check.Policy, program *ir.Program, suffix string) []ir.Binding {
	var out []ir.Binding
	for _, e := range p.Environments {
		b := ir.Binding{Name: p.Name.Value + suffix, Environment: e.Name, Parameters: e.Values, Source: position(e.Span)}
		if e.Name != "" {
			b.Name += "-" + e.Name
		}
		for _, a := range e.Actions {
			b.Actions = append(b.Actions, actionNames[a])
		}
		slices.SortFunc(b.Actions, func(a, b string) int { return actionOrder[a] - actionOrder[b] })
		b.NamespaceSelector = environmentSelector(e)
		if !e.Everywhere() {
			b.Rules = namespacedRules(p.Policy.Match)
		}
		if program.Params != nil {
			b.ParamObject = strings.TrimSuffix(p.Name.Value+"-"+e.Name, "-")
		}
		out = append(out, b)
	}
	return out
}

var (
	actionNames = map[string]string{"deny": "Deny", "warn": "Warn", "audit": "Audit"}
	actionOrder = map[string]int{"Deny": 0, "Warn": 1, "Audit": 2}
)

// environmentSelector selects the namespaces of an environment. Globs became
// a condition of the program, together with the names beside them.
func environmentSelector(e *resolve.Environment) *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	if e.NamespaceLabels != nil {
		s = e.NamespaceLabels.DeepCopy()
	}
	if len(e.Namespaces) > 0 && len(e.NamespaceGlobs) == 0 {
		names := slices.Clone(e.Namespaces)
		slices.Sort(names)
		s.MatchExpressions = append(s.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: nameLabel, Operator: metav1.LabelSelectorOpIn, Values: slices.Compact(names)})
	}
	if len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		return nil
	}
	return s
}

// namespacedRules limits an environment of namespaces to what can be in one:
// the API server's namespaceSelector selects every cluster-scoped object.
// Namespace objects are part of their environment. Nil means no limit.
func namespacedRules(m *resolve.Match) []ir.ResourceRule {
	limited := *m
	limited.Kinds = nil
	for _, k := range m.Kinds {
		if k.Namespaced || k.Group == "" && k.Resource == "namespaces" {
			limited.Kinds = append(limited.Kinds, k)
		}
	}
	if m.Any {
		return append(wildcardRules("Namespaced", m.Operations, m.MetadataOnly),
			ir.ResourceRule{Groups: []string{""}, Versions: []string{"v1"}, Operations: m.Operations, Resources: []string{"namespaces"}})
	}
	if len(limited.Kinds) == len(m.Kinds) {
		return nil
	}
	return resourceRules(&limited, m.Operations)
}
