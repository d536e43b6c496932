package check

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/source"
)

// checkConditions types everything in match, exclude and exceptions that has
// no native selector. Conditions are written in policy CEL, so that they are
// as safe as rules.
func (c *checker) checkConditions() {
	m := c.policy.Match
	var parts []part
	if c.namespacesAsCondition() {
		parts = append(parts, part{name: "namespaces", text: not(namespaceTest(c.project.Namespaces, nil, c.matchesNamespaces()))})
	}
	if len(m.NamespaceGlobs) > 0 {
		parts = append(parts, part{name: "match-namespaces", text: namespaceTest(m.Namespaces, m.NamespaceGlobs, false)})
	}
	parts = append(parts, c.subjectParts(m, "match")...)
	for i, e := range c.policy.Exclude {
		if NativeExclusion(c.policy.Match, e) {
			continue
		}
		parts = append(parts, part{name: fmt.Sprintf("exclude-%d", i+1), text: not(c.blockText(e)), span: e.Span, node: c.whenNode(e)})
	}
	if glob := c.out.Environments[0].NamespaceGlobs; len(glob) > 0 {
		e := c.out.Environments[0]
		// A Namespace object is part of its environment, as with a selector.
		parts = append(parts, part{name: "environment", text: namespaceTest(e.Namespaces, e.NamespaceGlobs, false), span: e.Span})
	}
	for _, p := range parts {
		c.place(c.condition(p))
	}
	if !m.When.IsZero() {
		c.place(Condition{Name: "when", Node: c.whenNode(m), Source: m.When.Span})
	}
	for _, e := range c.policy.Exceptions {
		if len(e.Rules) == 0 {
			cond := c.exceptionCondition(e)
			cond.Node = expr.NotNode(cond.Node)
			c.place(cond)
		}
	}
}

// place puts a condition where it can be evaluated: the API server evaluates
// match conditions before variables exist, and without namespaceObject.
func (c *checker) place(cond Condition) {
	if cond.Node == nil || cond.Node.Bad() {
		return
	}
	late := false
	cond.Node.Walk(func(n *expr.Node) {
		if n.Op == expr.OpVar {
			late = late || n.Var.Name == namespaceVar || strings.HasPrefix(n.Var.Code.String(), "variables.")
		}
	})
	if late {
		c.out.Guards = append(c.out.Guards, cond)
		return
	}
	c.out.Conditions = append(c.out.Conditions, cond)
}

// part is a condition in policy CEL; node, when set, is ANDed inside the
// negation that text begins with.
type part struct {
	name, text string
	span       source.Span
	node       *expr.Node
}

func (c *checker) condition(p part) Condition {
	at := p.span
	if at.File == nil {
		at = c.policy.Policy.Match.Span
	}
	n := c.synthetic(p.text)
	if p.node != nil {
		inner := p.node
		if n != nil {
			inner = expr.AndNode(expr.NotNode(n), p.node)
		}
		n = expr.NotNode(inner)
	}
	return Condition{Name: p.name, Node: n, Source: at}
}

// synthetic types policy CEL that this package wrote; nil for "".
func (c *checker) synthetic(text string) *expr.Node {
	if text == "" {
		return nil
	}
	r := diag.NewReport()
	n := expr.Check(expr.Parse(source.Synthetic(text), r), c.early, r)
	if r.HasErrors() {
		c.report.Errorf(diag.Internal, c.policy.Span, "generated condition %q: %s", text, r.Sorted()[0].Message)
	}
	return n
}

func not(text string) string {
	if text == "" {
		return ""
	}
	return "!(" + text + ")"
}

// whenNode types the `when` of a block; nil when there is none.
func (c *checker) whenNode(m *resolve.Match) *expr.Node {
	if m.When.IsZero() {
		return nil
	}
	n := expr.CheckCondition(expr.Parse(m.When, c.report), c.early, c.report)
	c.refuseLookups(n)
	return n
}

// exceptionCondition is true for the requests that an exception is about.
func (c *checker) exceptionCondition(e *resolve.Exception) Condition {
	cond := Condition{Name: conditionName("exception-" + e.Name.Value), Source: e.Span}
	if e.Match == nil {
		cond.Node = c.synthetic("true")
		return cond
	}
	var nodes []*expr.Node
	if n := c.synthetic(c.blockText(e.Match)); n != nil {
		nodes = append(nodes, n)
	}
	if n := c.whenNode(e.Match); n != nil {
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		nodes = append(nodes, c.synthetic("true"))
	}
	cond.Node = expr.AndNode(nodes...)
	return cond
}

// maxConditionName is the longest name of a match condition that the API
// server takes.
const maxConditionName = 63

// conditionName cuts a name that is too long, and keeps it unique.
func conditionName(name string) string {
	if len(name) <= maxConditionName {
		return name
	}
	sum := fmt.Sprintf("-%x", sha256.Sum256([]byte(name)))[:9]
	return strings.TrimRight(name[:maxConditionName-len(sum)], "-.") + sum
}

// matchesNamespaces reports whether Namespace objects are matched: for them
// request.namespace is their own name, but they are in no namespace.
func (c *checker) matchesNamespaces() bool { return MatchesNamespaces(c.policy.Match) }

// MatchesClusterScoped reports whether objects are matched that are in no
// namespace.
func MatchesClusterScoped(m *resolve.Match) bool {
	return m.Any || slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return !k.Namespaced })
}

// MatchesNamespaces reports whether a match includes Namespace objects. A
// match of namespaces is about what is in them.
func MatchesNamespaces(m *resolve.Match) bool {
	return m.Any && len(m.Namespaces)+len(m.NamespaceGlobs) == 0 || slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return k.Group == "" && k.Resource == "namespaces" })
}

// namespacesAsCondition reports whether the excluded namespaces need a
// condition: a namespaceSelector would exclude the Namespace objects, too.
func (c *checker) namespacesAsCondition() bool {
	m := c.policy.Match
	namespaced := slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool { return k.Namespaced })
	return c.matchesNamespaces() && (m.Any || namespaced)
}

// NativeExclusion reports whether emission has a selector or exclude rule
// for a block, so that it needs no condition.
func NativeExclusion(m, e *resolve.Match) bool {
	kinds := *e
	kinds.Kinds, kinds.Workload = nil, false
	switch {
	case len(e.Kinds) > 0 && kinds.Empty():
		return true
	case e.OnlyNamespaces():
		return !MatchesNamespaces(m)
	}
	return false
}

// blockText writes an exclude or exception block as policy CEL, without its
// `when`. Fields are ANDed, the entries of one are ORed.
func (c *checker) blockText(m *resolve.Match) string {
	var all []string
	if len(m.Kinds) > 0 {
		all = append(all, kindTest(m.Kinds, c.policy.Match))
	}
	if len(m.Operations) > 0 && !slices.Contains(m.Operations, "*") {
		all = append(all, oneOf("request.operation", m.Operations))
	}
	if len(m.Namespaces)+len(m.NamespaceGlobs) > 0 {
		all = append(all, namespaceTest(m.Namespaces, m.NamespaceGlobs, c.matchesNamespaces()))
	}
	if m.NamespaceLabels != nil {
		if MatchesClusterScoped(c.policy.Match) {
			// A negative selector would hold where there is no namespace.
			all = append(all, "namespaceObject != null")
		}
		all = append(all, selectorTest("namespaceObject.metadata.labels", m.NamespaceLabels))
	}
	if m.Labels != nil {
		all = append(all, selectorTest(c.labelsText(), m.Labels))
	}
	for _, p := range c.subjectParts(m, "") {
		all = append(all, p.text)
	}
	return strings.Join(all, " && ")
}

// labelsText reads the labels of what the request is about.
func (c *checker) labelsText() string {
	if slices.Equal(c.policy.Match.Operations, []string{"DELETE"}) {
		return "oldObject.metadata.labels"
	}
	if slices.Contains(c.policy.Match.Operations, "DELETE") {
		return "(object == null ? oldObject.metadata.labels : object.metadata.labels)"
	}
	return "object.metadata.labels"
}

// subjectParts are the conditions on names and on who makes the request.
func (c *checker) subjectParts(m *resolve.Match, prefix string) []part {
	var out []part
	add := func(name, text string) { out = append(out, part{name: prefix + "-" + name, text: text, span: m.Span}) }
	if len(m.Names) > 0 {
		add("names", "("+textTest(c.nameText(), m.Names)+")")
	}
	if len(m.Users) > 0 {
		add("users", "("+textTest("request.userInfo.username", m.Users)+")")
	}
	if len(m.Groups) > 0 {
		add("groups", "request.userInfo.groups.exists(g, "+textTest("g", m.Groups)+")")
	}
	if len(m.ServiceAccounts) > 0 {
		add("service-accounts", "("+textTest("request.userInfo.username", m.ServiceAccounts)+")")
	}
	return out
}

// nameText reads the name of what the request is about. request.name is empty
// when a collection is deleted, so objects come first.
func (c *checker) nameText() string {
	ops := c.policy.Match.Operations
	switch {
	case slices.Equal(ops, []string{"CONNECT"}): // the object is the options of the request
		return "request.name"
	case slices.Equal(ops, []string{"DELETE"}):
		return "oldObject.metadata.name"
	case !slices.Contains(ops, "DELETE") && !slices.Contains(ops, "CONNECT"):
		return "object.metadata.name"
	}
	return "object.metadata.name.orValue(oldObject.metadata.name).orValue(request.name)"
}

// textTest is true when x is one of the names, of which some may be globs.
func textTest(x string, names []string) string {
	var exact, globs []string
	for _, n := range names {
		if strings.ContainsAny(n, "*?") {
			globs = append(globs, n)
		} else {
			exact = append(exact, n)
		}
	}
	var any []string
	if len(exact) > 0 {
		any = append(any, oneOf(x, exact))
	}
	if len(globs) > 0 {
		any = append(any, x+".matches("+code.Quote(expr.GlobPattern(globs...))+")")
	}
	return strings.Join(any, " || ")
}

// namespaceTest is true for objects in the namespaces. Namespace objects are
// in none, though the request names them as their namespace.
func namespaceTest(exact, globs []string, matchesNamespaces bool) string {
	test := textTest("request.namespace", append(slices.Clone(exact), globs...))
	if matchesNamespaces {
		return "!(request.resource.group == '' && request.resource.resource == 'namespaces') && (" + test + ")"
	}
	return "(" + test + ")"
}

// oneOf is true when x is one of the texts.
func oneOf(x string, texts []string) string {
	if len(texts) == 1 {
		return x + " == " + code.Quote(texts[0])
	}
	return x + " in " + listText(texts)
}

func listText(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = code.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// kindTest is true for requests about one of the kinds. Those of one group
// and the same subresources share a test.
func kindTest(kinds []*schema.Kind, m *resolve.Match) string {
	subs := map[[2]string][]string{}
	for _, k := range kinds {
		key := [2]string{k.ResourceGroup, k.Resource}
		if !slices.Contains(subs[key], k.Subresource) {
			subs[key] = append(subs[key], k.Subresource)
		}
	}
	resources := map[string][]string{}
	for key, names := range subs {
		slices.Sort(names)
		test := "request.resource.group == " + code.Quote(key[0]) + " && %s"
		if !covers(names, key[0], key[1], m) {
			test += " && " + textTest("request.subResource.orValue('')", names)
		}
		resources[test] = append(resources[test], key[1])
	}
	var any []string
	for _, test := range slices.Sorted(maps.Keys(resources)) {
		slices.Sort(resources[test])
		any = append(any, "("+fmt.Sprintf(test, textTest("request.resource.resource", resources[test]))+")")
	}
	return "(" + strings.Join(any, " || ") + ")"
}

// covers reports whether a policy matches no other subresources of a resource
// than these, so that they need no test.
func covers(subs []string, group, resource string, m *resolve.Match) bool {
	if m.Any && !slices.Contains(subs, "") {
		return false
	}
	return !slices.ContainsFunc(m.Kinds, func(k *schema.Kind) bool {
		return k.ResourceGroup == group && k.Resource == resource && !slices.Contains(subs, k.Subresource)
	})
}

// selectorTest writes a label selector on a map of labels.
func selectorTest(labels string, s *metav1.LabelSelector) string {
	var all []string
	keys := make([]string, 0, len(s.MatchLabels))
	for k := range s.MatchLabels {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		all = append(all, labels+"["+code.Quote(k)+"] == "+code.Quote(s.MatchLabels[k]))
	}
	for _, e := range s.MatchExpressions {
		x := labels + "[" + code.Quote(e.Key) + "]"
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			all = append(all, oneOf(x, e.Values))
		case metav1.LabelSelectorOpNotIn:
			all = append(all, "!("+oneOf(x, e.Values)+")")
		case metav1.LabelSelectorOpExists:
			all = append(all, "has("+x+")")
		case metav1.LabelSelectorOpDoesNotExist:
			all = append(all, "!has("+x+")")
		}
	}
	if len(all) == 0 {
		return "true"
	}
	return strings.Join(all, " && ")
}
