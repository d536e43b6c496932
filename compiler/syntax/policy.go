package syntax

import (
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// parsePolicy reads the spec of a Policy. Match is never nil.
func parsePolicy(r *diag.Report, h header) *Policy {
	const what = "the policy"
	f, ok := fieldsOf(r, h.spec, "`spec` of a Policy", policyKeys)
	p := &Policy{Span: h.span, Name: h.name, Labels: h.labels, Annotations: h.annotations, Match: &Match{Span: h.span}}
	if !ok {
		return p
	}
	p.Title = f.text("title")
	p.Description = f.text("description")
	p.Severity = f.choice("severity", severities)
	p.Category = f.text("category")
	p.Controls = f.texts("controls")
	p.Reason = f.choice("reason", reasons)
	p.FailurePolicy = f.choice("failurePolicy", failurePolicies)

	if match := f.require("match", what, "match: {kinds: [Pod]}"); match != nil {
		p.Match = parseMatch(r, match, "`match`")
		if len(match.pairs) > 0 {
			m := &fields{report: r, node: match, known: matchKeys, at: firstKey(match)}
			m.require("kinds", "`match`", "kinds: [Pod]")
		}
	}
	p.Exclude = parseExclude(r, f.get("exclude"))
	p.Parameters = parseParameters(r, f.get("parameters"))
	p.ParameterObject = f.bool("parameterObject")
	p.Variables = parseVariables(r, f.get("variables"))
	p.Lookups = parseLookups(r, f.get("lookups"))
	p.Ratchet = f.bool("ratchet")
	p.Rules = parseRules(r, f)
	p.Enforce = parseEnforce(r, f.require("enforce", what, "enforce: audit"))
	return p
}

func parseRules(r *diag.Report, f *fields) []*Rule {
	n := f.get("rules")
	if n == nil && f.misspelt("rules") {
		return nil
	}
	if n == nil {
		r.Errorf(diag.EmptyPolicy, f.at, "the policy has no `rules`").
			Helpf("write `rules: [{name: …, require: …, message: …}]`")
		return nil
	}
	if n.shape == listShape && len(n.items) == 0 {
		r.Errorf(diag.EmptyPolicy, n.span, "the policy has no rules").
			Helpf("write at least one rule, with `name`, `require` or `deny`, and `message`")
		return nil
	}
	var rules []*Rule
	seen := newNames(r, "rule")
	for _, item := range itemsOf(r, n, "`rules`") {
		if rule, ok := parseRule(r, item); ok {
			seen.add(rule.Name)
			rules = append(rules, rule)
		}
	}
	return rules
}

func parseVariables(r *diag.Report, n *node) []*Variable {
	var variables []*Variable
	for _, p := range pairsOf(r, n, "`variables`") {
		checkIdentifier(r, p.key, "the variable", nil)
		v := &Variable{Name: p.key, Expression: expressionOf(r, p.value, "variable `"+p.key.Value+"`")}
		if !v.Expression.IsZero() {
			variables = append(variables, v)
		}
	}
	return variables
}

func parseLookups(r *diag.Report, n *node) []*Lookup {
	var lookups []*Lookup
	for _, p := range pairsOf(r, n, "`lookups`") {
		what := "lookup `" + p.key.Value + "`"
		checkIdentifier(r, p.key, "the lookup", rootVariables)
		f, ok := fieldsOf(r, p.value, what, lookupKeys)
		if !ok {
			continue
		}
		f.require("kind", what, "kind: NetworkPolicy")
		lookups = append(lookups, &Lookup{
			Span:        p.value.span,
			Name:        p.key,
			Kind:        f.text("kind"),
			Namespace:   f.text("namespace"),
			ObjectName:  f.text("name"),
			Labels:      parseSelector(r, f.get("labels"), "`labels`"),
			Consistency: f.choice("consistency", consistencies),
		})
	}
	return lookups
}

// parseEnforce reads `enforce`: one word for the whole cluster, or a list of
// environments.
func parseEnforce(r *diag.Report, n *node) Enforce {
	if n == nil {
		return Enforce{}
	}
	e := Enforce{Span: n.span}
	switch n.shape {
	case scalarShape:
		e.Everywhere = textOf(r, n, "`enforce`")
		checkChoice(r, e.Everywhere, "action", actions)
	case listShape:
		e.Environments = parseEnvironments(r, n)
	default:
		wrongShape(r, n, "`enforce`", "a word or a list of environments").
			Helpf("write `enforce: audit`, or a list of `name`, `namespaces` and `action`")
	}
	return e
}

func parseEnvironments(r *diag.Report, n *node) []*Environment {
	if len(n.items) == 0 {
		r.Errorf(diag.EmptyList, n.span, "`enforce` is an empty list").
			Helpf("write `enforce: audit`, or name at least one environment")
	}
	var environments []*Environment
	seen := newNames(r, "environment")
	for _, item := range n.items {
		if item.shape == scalarShape {
			wrongShape(r, item, "an entry of `enforce`", "a map").
				Helpf("write `enforce: [{name: everywhere, action: [warn, audit]}]` for several actions in the whole cluster")
			return environments
		}
		const what = "an environment of `enforce`"
		f, ok := fieldsOf(r, item, what, environmentKeys)
		if !ok {
			continue
		}
		f.require("name", what, "name: production")
		e := &Environment{
			Span:            item.span,
			Name:            f.text("name"),
			Namespaces:      f.nonEmptyTexts("namespaces"),
			NamespaceLabels: parseSelector(r, f.get("namespaceLabels"), "`namespaceLabels`"),
			Actions:         parseActions(r, f.require("action", what, "action: deny")),
		}
		e.Parameters = parseArguments(r, f.get("parameters"))
		checkLabelName(r, e.Name)
		seen.add(e.Name)
		environments = append(environments, e)
	}
	return environments
}

// parseActions reads `action`: a word, or a list of warn and audit. Deny in a
// list would make the others pointless: a denied request is reported anyway.
func parseActions(r *diag.Report, n *node) []source.Text {
	if n == nil {
		return nil
	}
	list := []*node{n}
	if n.shape == listShape {
		list = n.items
		if len(list) == 0 {
			r.Errorf(diag.EmptyList, n.span, "`action` is an empty list").Helpf("write one of %s", quoteAll(actions))
		}
	}
	var words []source.Text
	seen := newNames(r, "action")
	for _, item := range list {
		word := textOf(r, item, "`action`")
		if word.IsZero() || !checkChoice(r, word, "action", actions) {
			continue
		}
		seen.add(word)
		if word.Value == "deny" && len(list) > 1 {
			r.Errorf(diag.InvalidChoice, word.Span, "`deny` cannot be combined with another action").
				Helpf("write `action: deny`, or a list of `warn` and `audit`")
		}
		words = append(words, word)
	}
	return words
}

// parseArguments reads the values that an environment gives to parameters.
func parseArguments(r *diag.Report, n *node) []Entry {
	if pairsOf(r, n, "`parameters`") == nil {
		return nil
	}
	return n.entries()
}
