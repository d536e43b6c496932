package syntax

import (
	"slices"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// parseMatch reads a match or exclude block; it never returns nil.
func parseMatch(r *diag.Report, n *node, what string) *Match {
	f, ok := fieldsOf(r, n, what, matchKeys)
	m := &Match{}
	if n != nil {
		m.Span = n.span
	}
	if !ok {
		return m
	}
	m.Kinds = f.nonEmptyTexts("kinds")
	m.Operations = f.nonEmptyTexts("operations")
	for _, operation := range m.Operations {
		checkChoice(r, operation, "operation", operations)
	}
	m.Namespaces = f.nonEmptyTexts("namespaces")
	m.NamespaceLabels = parseSelector(r, f.get("namespaceLabels"), "`namespaceLabels`")
	m.Names = f.nonEmptyTexts("names")
	m.Labels = parseSelector(r, f.get("labels"), "`labels`")
	m.Users = f.nonEmptyTexts("users")
	m.Groups = f.nonEmptyTexts("groups")
	m.ServiceAccounts = f.nonEmptyTexts("serviceAccounts")
	m.When = f.expression("when")
	if len(n.pairs) == 0 {
		r.Errorf(diag.MissingField, n.span, "%s is empty", what).
			Helpf("name what it matches, or leave it out")
	}
	return m
}

// parseExclude reads `exclude`: one block, or a list of them.
func parseExclude(r *diag.Report, n *node) []*Match {
	if n == nil {
		return nil
	}
	if n.shape != listShape {
		return []*Match{parseMatch(r, n, "`exclude`")}
	}
	var blocks []*Match
	for _, item := range n.items {
		blocks = append(blocks, parseMatch(r, item, "a block of `exclude`"))
	}
	return blocks
}

// parseSelector reads a label selector: a plain map of labels, or Kubernetes'
// matchLabels and matchExpressions.
func parseSelector(r *diag.Report, n *node, what string) *Selector {
	if n == nil {
		return nil
	}
	if n.shape != mapShape {
		wrongShape(r, n, what, "a map of labels").Helpf("write `{env: production}`")
		return nil
	}
	s := &Selector{Span: n.span}
	if len(n.pairs) == 0 {
		r.Errorf(diag.EmptyList, n.span, "%s is an empty selector", what).
			Helpf("name at least one label, or leave %s out", what)
		return s
	}
	structured := slices.ContainsFunc(n.pairs, func(p pair) bool { return slices.Contains(selectorKeys, p.key.Value) })
	if !structured {
		s.Labels = labelsOf(r, n, what)
		return s
	}
	f, _ := fieldsOf(r, n, what+" with matchLabels or matchExpressions", selectorKeys)
	s.Labels = f.labels("matchLabels")
	for _, item := range itemsOf(r, f.get("matchExpressions"), "`matchExpressions`") {
		if e, ok := parseSelectorExpression(r, item); ok {
			s.Expressions = append(s.Expressions, e)
		}
	}
	return s
}

func parseSelectorExpression(r *diag.Report, n *node) (SelectorExpression, bool) {
	const what = "an entry of `matchExpressions`"
	f, ok := fieldsOf(r, n, what, expressionKeys)
	if !ok {
		return SelectorExpression{}, false
	}
	f.require("key", what, "key: env")
	f.require("operator", what, "operator: In")
	e := SelectorExpression{
		Span:     n.span,
		Key:      f.text("key"),
		Operator: f.choice("operator", operators),
		Values:   selectorValues(r, f.get("values")),
	}
	switch e.Operator.Value {
	case "In", "NotIn":
		if values := f.get("values"); values == nil || (values.shape == listShape && len(values.items) == 0) {
			r.Errorf(diag.InvalidSelector, e.Operator.Span, "operator `%s` needs `values`", e.Operator).
				Helpf("write `values: [production]`")
		}
	case "Exists", "DoesNotExist":
		if values := f.get("values"); values != nil && len(values.items) > 0 {
			r.Errorf(diag.InvalidSelector, values.span, "operator `%s` takes no `values`", e.Operator).
				Helpf("leave `values` out, or use `In` or `NotIn`")
		}
	}
	return e, true
}

// selectorValues are texts that may be empty, as label values may.
func selectorValues(r *diag.Report, n *node) []source.Text {
	var values []source.Text
	for _, item := range itemsOf(r, n, "`values`") {
		if value, isString := item.data.(string); isString && value == "" {
			values = append(values, item.text)
		} else if text := textOf(r, item, "an entry of `values`"); !text.IsZero() {
			values = append(values, text)
		}
	}
	return values
}
