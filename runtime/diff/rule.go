package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/cost"
	"github.com/policyc/policyc/compiler/ir"
)

// rule is a rule of one side, with all programs that it is in.
type rule struct {
	policy, name, source string
	// text is the rule as it was written, without its name and message.
	text string
	// exceptions are those that bear on the rule, as `name (until …)`.
	exceptions []string
	// placed is what the rule became, by environment.
	placed map[string]*placed
}

// placed is a rule in an environment.
type placed struct {
	program *ir.Program
	rule    *ir.Rule
	binding *ir.Binding
	// validation is the one of the rule's policy.
	validation *ir.Validation
	costs      *cost.Result
	parts      parts
	// opaque says that variables which follow from the matched kinds are not
	// looked into.
	opaque bool
}

// key is policy/rule.
func (r *rule) key() string { return r.policy + "/" + r.name }

// environments are the names of the rule's environments, sorted.
func (r *rule) environments() []string { return sortedKeys(r.placed) }

// rulesOf reads the rules of a side, by policy/rule.
func rulesOf(side *compiler.Result) map[string]*rule {
	rules := map[string]*rule{}
	if side == nil {
		return rules
	}
	for _, program := range side.Programs {
		for _, policy := range program.Policies {
			for _, compiled := range policy.Rules {
				r := &rule{policy: policy.Name, name: compiled.Name, source: compiled.Position, placed: map[string]*placed{}}
				if known := rules[r.key()]; known != nil {
					r = known
				} else {
					r.readSource(side)
					rules[r.key()] = r
				}
				r.place(program, compiled, side.Costs[program.Name])
			}
		}
	}
	return rules
}

func (r *rule) place(program *ir.Program, compiled *ir.Rule, costs *cost.Result) {
	p := placed{program: program, rule: compiled, costs: costs}
	for i := range program.Validations {
		if program.Validations[i].Policy == r.policy {
			p.validation = &program.Validations[i]
		}
	}
	for _, v := range program.Variables {
		if v.Name == compiled.Variable {
			p.parts = split(v.Code, r.name)
		}
	}
	// What a mutation does is to its rule what a condition is to others.
	for _, m := range program.Mutations {
		if m.Policy == r.policy && m.Rule == r.name {
			p.parts.condition = m.Code
		}
	}
	for i := range program.Bindings {
		in := p
		in.binding = &program.Bindings[i]
		r.placed[in.binding.Environment] = &in
	}
}

// readSource reads what only the documents know.
func (r *rule) readSource(side *compiler.Result) {
	if side.Project == nil {
		return
	}
	for _, p := range side.Project.Policies {
		if p.Name.Value != r.policy {
			continue
		}
		for _, d := range p.Policy.Rules {
			if d.Name.Value == r.name {
				r.text = strings.Join([]string{d.When.Value, d.Deny.Value, d.Require.Value}, "\x00")
				if d.Mutate != nil {
					r.text += "\x00" + jsonText(d.Mutate.Data)
				}
				if d.ForEach != nil {
					r.text += "\x00" + d.ForEach.Variable.Value + "\x00" + d.ForEach.List.Value
				}
			}
		}
		for _, e := range p.Exceptions {
			if len(e.Rules) > 0 && !slices.Contains(e.Rules, r.name) {
				continue
			}
			text := e.Name.Value
			if !e.Expires.IsZero() {
				text += " (until " + e.Expires.Value + ")"
			}
			r.exceptions = append(r.exceptions, text)
		}
	}
	slices.Sort(r.exceptions)
}

// signature is equal for rules with the same condition.
func (r *rule) signature() string {
	var all []string
	for _, p := range r.placed {
		all = append(all, p.meaning(p.parts.condition))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\x00")
}

// guard is the condition under which the policy of a rule is held at all,
// where it could not be a match condition; nil when there is none.
//
//	variables.violations = guard ? a + b : []
func (p *placed) guard() *code.Expr {
	if p.validation == nil {
		return nil
	}
	var guard *code.Expr
	p.validation.Code.Walk(func(x *code.Expr) {
		if v := p.variable(x); v != nil && v.Kind == code.KindCond {
			guard = v.Args[0]
		}
	})
	return guard
}

// variable returns the expression of the variable that x reads; nil when x is
// something else.
func (p *placed) variable(x *code.Expr) *code.Expr {
	name, ok := strings.CutPrefix(x.Name, "variables.")
	if x.Kind != code.KindIdent || !ok || p.opaque && slices.Contains(kindVariables, name) {
		return nil
	}
	for _, v := range p.program.Variables {
		if v.Name == name {
			return v.Code
		}
	}
	return nil
}

// kindVariables are those that lowering writes for the matched kinds.
var kindVariables = []string{"pod", "oldPod", "containers", "oldContainers"}

// reads returns the variables that an expression reads, also through others.
func (p *placed) reads(x *code.Expr) map[string]*code.Expr {
	found := map[string]*code.Expr{}
	var visit func(*code.Expr)
	visit = func(x *code.Expr) {
		x.Walk(func(e *code.Expr) {
			v := p.variable(e)
			if v == nil || found[e.Name] != nil {
				return
			}
			found[e.Name] = v
			visit(v)
		})
	}
	if x != nil {
		visit(x)
	}
	return found
}

// start is the expression of the rule: its variable, or its mutation.
func (p *placed) start() *code.Expr {
	if p.program.Mutates() {
		return p.parts.condition
	}
	return code.Ident("variables." + p.rule.Variable)
}

// mentions reports whether the rule reads what has a name in CEL, also through
// variables.
func (p *placed) mentions(name string) bool {
	if p.start().Mentions(name) {
		return true
	}
	for _, v := range p.reads(p.start()) {
		if v.Mentions(name) {
			return true
		}
	}
	return false
}

// cost is what the rule costs at most, with the variables that it reads.
func (p *placed) cost() (uint64, bool) {
	if p.costs == nil {
		return 0, false
	}
	names := p.reads(p.start())
	total := uint64(0)
	for _, part := range p.costs.Parts {
		name, ok := strings.CutPrefix(part.Part, "variable ")
		if ok && names["variables."+name] != nil || part.Part == "mutation "+p.rule.Name && p.program.Mutates() {
			if total += part.Cost; total < part.Cost {
				return ^uint64(0), true
			}
		}
	}
	return total, true
}

// renames returns, for new rules, the old rule that had the same condition:
// compiled, or where other kinds are matched, as it was written. Of several,
// one of the same policy is taken, then the first by name.
func renames(old, now map[string]*rule) map[string]string {
	former, taken := map[string]string{}, map[string]bool{}
	for _, key := range []func(r *rule) string{
		func(r *rule) string { return r.policy + "\x00" + r.signature() },
		(*rule).signature,
		func(r *rule) string {
			if r.text == "" {
				return ""
			}
			return r.policy + "\x00" + r.text
		},
	} {
		gone := map[string][]string{}
		for _, name := range sortedKeys(old) {
			if now[name] == nil && !taken[name] {
				k := key(old[name])
				gone[k] = append(gone[k], name)
			}
		}
		for _, name := range sortedKeys(now) {
			if old[name] != nil || former[name] != "" {
				continue
			}
			if k := key(now[name]); k != "" && len(gone[k]) > 0 {
				former[name] = gone[k][0]
				taken[gone[k][0]], gone[k] = true, gone[k][1:]
			}
		}
	}
	return former
}

func isRenamed(former map[string]string, name string) bool {
	return slices.Contains(slices.Collect(maps.Values(former)), name)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
