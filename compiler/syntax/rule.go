package syntax

import (
	"regexp"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// ruleActions are the keys of which a rule has exactly one.
var ruleActions = []string{"deny", "require", "mutate", "generate", "verifyImages"}

func parseRule(r *diag.Report, n *node) (*Rule, bool) {
	const what = "a rule"
	f, ok := fieldsOf(r, n, what, ruleKeys)
	if !ok {
		return nil, false
	}
	f.require("name", what, "name: limits-are-set")
	rule := &Rule{
		Span:    n.span,
		Name:    f.text("name"),
		When:    f.expression("when"),
		ForEach: parseForEach(r, f.text("forEach")),
		Deny:    f.expression("deny"),
		Require: f.expression("require"),
		Message: f.text("message"),
		Ratchet: f.bool("ratchet"),
		Absent:  f.choice("absent", []string{"ok"}),
	}
	checkLabelName(r, rule.Name)
	rule.Mutate = parseMutate(r, f.get("mutate"))
	if generate := f.get("generate"); generate != nil && pairsOf(r, generate, "`generate`") != nil {
		value := generate.value()
		rule.Generate = &value
	}
	rule.VerifyImages = parseVerifyImages(r, f.get("verifyImages"))
	checkOneAction(r, f)
	return rule, true
}

func checkOneAction(r *diag.Report, f *fields) {
	var given []source.Text
	for _, p := range f.node.pairs {
		for _, action := range ruleActions {
			if p.key.Value == action {
				given = append(given, p.key)
			}
		}
	}
	if len(given) == 0 {
		r.Errorf(diag.RuleAction, f.at, "the rule does nothing").
			Helpf("give it one of %s", quoteAll(ruleActions))
	}
	for i := 1; i < len(given); i++ {
		r.Errorf(diag.RuleAction, given[i].Span, "the rule has `%s` besides `%s`", given[i], given[0]).
			Helpf("write a rule of its own for `%s`", given[i])
	}
}

var forEachForm = regexp.MustCompile(`(?s)^\s*(\S+)\s+in\s+(.*\S)\s*$`)

// parseForEach splits `container in containers`.
func parseForEach(r *diag.Report, text source.Text) *ForEach {
	if text.IsZero() {
		return nil
	}
	at := forEachForm.FindStringSubmatchIndex(text.Value)
	if at == nil {
		d := r.Errorf(diag.InvalidForEach, text.Span, "`forEach` must be `x in <list>`")
		if list := strings.TrimSpace(text.Value); identifierForm.MatchString(list) {
			d.Helpf("write `forEach: item in %s`", list)
		} else {
			d.Helpf("write `forEach: container in containers`")
		}
		return nil
	}
	forEach := &ForEach{Span: text.Span, Variable: text.Sub(at[2], at[3]), List: text.Sub(at[4], at[5])}
	checkIdentifier(r, forEach.Variable, "the `forEach` variable", rootVariables)
	return forEach
}

// parseMutate checks that each part of `mutate` is a map of path to value;
// what is only removed may also be a list of paths.
func parseMutate(r *diag.Report, n *node) *Value {
	f, ok := fieldsOf(r, n, "`mutate`", mutateKeys)
	if !ok {
		return nil
	}
	for _, key := range mutateKeys {
		part := f.get(key)
		if key == "remove" && part != nil && part.shape == listShape {
			f.nonEmptyTexts(key)
			continue
		}
		if part != nil && part.shape == mapShape && len(part.pairs) == 0 {
			r.Errorf(diag.EmptyList, part.span, "`%s` is empty", key).Helpf("write a map of path to value")
		}
		pairsOf(r, part, "`"+key+"`")
	}
	if len(n.pairs) == 0 {
		r.Errorf(diag.RuleAction, n.span, "`mutate` does nothing").Helpf("give it one of %s", quoteAll(mutateKeys))
	}
	value := n.value()
	return &value
}

func parseVerifyImages(r *diag.Report, n *node) *Value {
	if n == nil {
		return nil
	}
	if n.shape != mapShape && n.shape != listShape {
		wrongShape(r, n, "`verifyImages`", "a map or a list of maps")
		return nil
	}
	value := n.value()
	return &value
}
