package diff

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
)

// compareRules returns how a rule differs.
func compareRules(old, now *rule) []Field {
	var pairs []pair
	for _, name := range now.environments() {
		if was := old.placed[name]; was != nil {
			pairs = append(pairs, pair{name, was, now.placed[name]})
		}
	}
	if pairs == nil {
		// `enforce: audit` has become a list, or every environment has
		// another name: what they say of the rule is compared nonetheless.
		o, n := old.environments(), now.environments()
		if len(o) > 0 && len(n) > 0 {
			pairs = append(pairs, pair{n[0], old.placed[o[0]], now.placed[n[0]]})
		}
	}
	fields := compareFacts(exceptionFacts(old), exceptionFacts(now))
	for _, p := range pairs {
		for _, f := range p.compare(old.text == now.text && old.text != "") {
			fields = merge(fields, f, p.environment)
		}
	}
	for i := range fields {
		if len(fields[i].Environments) == len(pairs) {
			fields[i].Environments = nil
		}
	}
	fields = append(fields, compareEnvironments(old, now)...)
	slices.SortStableFunc(fields, func(a, b Field) int {
		return slices.Index(Aspects, a.Aspect) - slices.Index(Aspects, b.Aspect)
	})
	return fields
}

// merge adds a field that was found in an environment, once for all of them.
func merge(fields []Field, f Field, environment string) []Field {
	for i := range fields {
		same := fields[i]
		same.Environments = nil
		if reflect.DeepEqual(same, f) && fields[i].Environments != nil {
			fields[i].Environments = append(fields[i].Environments, environmentName(environment))
			return fields
		}
	}
	f.Environments = []string{environmentName(environment)}
	return append(fields, f)
}

// pair is a rule in one environment, on both sides.
type pair struct {
	environment string
	old, now    *placed
}

// compare returns what differs besides the environment itself. sameText says
// that the rule was not written otherwise.
func (p pair) compare(sameText bool) []Field {
	var fields []Field
	if p.old.rule.Backend != p.now.rule.Backend {
		fields = append(fields, Field{Aspect: Backend, Name: "backend", Old: string(p.old.rule.Backend), New: string(p.now.rule.Backend)})
	}
	scope := compareFacts(scopeFacts(p.old), scopeFacts(p.now))
	fields = append(fields, scope...)
	if slices.ContainsFunc(scope, func(f Field) bool { return f.Name == resources }) {
		// Where the containers are follows from the kinds, which are told.
		old, now := *p.old, *p.now
		old.opaque, now.opaque = true, true
		p.old, p.now = &old, &now
	}
	fields = append(fields, compareExpressions(p.expression(Scope, "only when", (*placed).guard))...)
	fields = append(fields, p.compareExemptions()...)
	var condition []Field
	if !p.onlyValues(sameText) {
		condition = compareExpressions(p.expression(Condition, "expression", func(x *placed) *code.Expr { return x.parts.condition }))
	}
	fields = append(fields, condition...)
	fields = append(fields, compareFacts(lookupFacts(p.old), lookupFacts(p.now))...)
	fields = append(fields, p.compareMessages(len(condition) > 0)...)
	fields = append(fields, compareFacts(policyFacts(p.old), policyFacts(p.now))...)
	return append(fields, compareFacts(costFacts(p.old), costFacts(p.now))...)
}

// expression is one part of the rule on both sides.
func (p pair) expression(a Aspect, name string, of func(*placed) *code.Expr) (old, now expression) {
	return expression{aspect: a, name: name, in: p.old, x: of(p.old)}, expression{aspect: a, name: name, in: p.now, x: of(p.now)}
}

// otherValues reports whether the environment gives parameters other values.
// They are constants in conditions and messages, and told as enforcement.
func (p pair) otherValues() bool {
	return !reflect.DeepEqual(p.old.binding.Parameters, p.now.binding.Parameters)
}

// onlyValues reports whether the condition differs at most in the values of
// parameters.
func (p pair) onlyValues(sameText bool) bool {
	return sameText && p.otherValues() &&
		p.old.withoutValues(p.old.parts.condition) == p.now.withoutValues(p.now.parts.condition)
}

// compareMessages shows messages as they were written. The default one has
// the condition in it, so that it is no news beside one.
func (p pair) compareMessages(newCondition bool) []Field {
	old, now := p.expression(Message, "message", func(x *placed) *code.Expr { return x.parts.message })
	old.shown, now.shown = p.old.rule.Message, p.now.rule.Message
	if old.shown == now.shown && (p.otherValues() || newCondition && old.shown == "") {
		return nil
	}
	return compareExpressions(old, now)
}

// compareExemptions compares under which conditions the rule is not held.
func (p pair) compareExemptions() []Field {
	meanings := func(x *placed) (all []string) {
		for _, e := range x.parts.exempt {
			all = append(all, x.meaning(e))
		}
		return all
	}
	old, now := meanings(p.old), meanings(p.now)
	var gone, came []expression
	for i, e := range p.old.parts.exempt {
		if !slices.Contains(now, old[i]) {
			gone = append(gone, expression{aspect: Scope, name: "not when", in: p.old, x: e})
		}
	}
	for i, e := range p.now.parts.exempt {
		if !slices.Contains(old, now[i]) {
			came = append(came, expression{aspect: Scope, name: "not when", in: p.now, x: e})
		}
	}
	var fields []Field
	none := func(in *placed) expression { return expression{aspect: Scope, name: "not when", in: in} }
	for i := range max(len(gone), len(came)) {
		o, n := none(p.old), none(p.now)
		if i < len(gone) {
			o = gone[i]
		}
		if i < len(came) {
			n = came[i]
		}
		fields = append(fields, compareExpressions(o, n)...)
	}
	return fields
}

// compareEnvironments compares what each environment does.
func compareEnvironments(old, now *rule) []Field {
	names := slices.Concat(old.environments(), now.environments())
	slices.Sort(names)
	var fields []Field
	for _, name := range slices.Compact(names) {
		o, n := old.placed[name], now.placed[name]
		if o != nil && n != nil {
			fields = append(fields, compareFacts(environmentFacts(o), environmentFacts(n))...)
			continue
		}
		fields = append(fields, Field{Aspect: Enforcement, Name: environmentName(name), Old: summary(o), New: summary(n)})
	}
	return fields
}

// summary is an environment in one line; "" for none.
//
//	deny in kubernetes.io/metadata.name in (production), registries = ["a/"]
func summary(p *placed) string {
	if p == nil {
		return ""
	}
	text := actions(p.binding)
	if namespaces := environmentNamespaces(p); namespaces != "" {
		text += " in " + namespaces
	}
	for _, name := range sortedKeys(p.binding.Parameters) {
		text += ", " + name + " = " + jsonText(p.binding.Parameters[name])
	}
	return text
}

// all are the fields of a rule that has no counterpart.
func (r *rule) all(gone bool) []Field {
	facts := exceptionFacts(r)
	environments := r.environments()
	if len(environments) > 0 {
		p := r.placed[environments[0]]
		facts = append([]fact{{Backend, "backend", string(p.rule.Backend)}}, facts...)
		facts = append(facts, scopeFacts(p)...)
		facts = append(facts, fact{Condition, "expression", printed(p.parts.condition)})
		facts = append(facts, lookupFacts(p)...)
		facts = append(facts, fact{Message, "message", cmp.Or(p.rule.Message, printed(p.parts.message))})
		facts = append(facts, policyFacts(p)...)
		facts = append(facts, costFacts(p)...)
	}
	for _, name := range environments {
		facts = append(facts, fact{Enforcement, environmentName(name), summary(r.placed[name])})
	}
	slices.SortStableFunc(facts, func(a, b fact) int {
		return slices.Index(Aspects, a.aspect) - slices.Index(Aspects, b.aspect)
	})
	if gone {
		return compareFacts(facts, nil)
	}
	return compareFacts(nil, facts)
}

// label is the aspect and the name of what differs, with its environments.
//
//	condition: expression (production, staging)
func (f Field) label() string {
	text := f.Name
	if f.Aspect != "" && string(f.Aspect) != f.Name {
		text = string(f.Aspect) + ": " + f.Name
	}
	if len(f.Environments) > 0 {
		text += " (" + strings.Join(f.Environments, ", ") + ")"
	}
	return text
}
