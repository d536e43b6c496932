// Package lower turns checked policies into programs.
//
//	forEach: container in containers
//	require: container.image.startsWith('registry.company.com/')
//
// becomes the variable
//
//	variables.containers.map(container,
//	  !container.?image.orValue('').startsWith('registry.company.com/'),
//	  '[trusted-registry] ' + …)
//
// a list of violations, and the validation size(variables.violations) == 0.
package lower

import (
	"slices"
	"strconv"
	"strings"

	"github.com/policyc/policyc/compiler/check"
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/place"
	"github.com/policyc/policyc/compiler/resolve"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
)

// Lower returns the programs of the rules of a checked policy that admit or
// refuse: one for each part that placement made. It is total on what Check let
// through.
func Lower(p *check.Policy, parts []place.Part) []*ir.Program {
	var out []*ir.Program
	for i, part := range parts {
		suffix := ""
		switch {
		case i == 0: // the first part has the policy's name
		case part.Pushed != nil:
			suffix = "-" + part.Rules[0].Name
			if suffix == LookupSuffix || suffix == MutationSuffix {
				suffix = "-rule" + suffix
			}
		case part.Backend == ir.Webhook:
			suffix = LookupSuffix
		}
		program := lowerPart(p, part, suffix)
		// One of them writes the objects and the CRD of the parameters.
		program.SharesParams = i > 0
		out = append(out, program)
	}
	return out
}

// LookupSuffix tells the program of rules that read lookups from that of the
// others.
const LookupSuffix = "-lookups"

func lowerPart(p *check.Policy, part place.Part, suffix string) *ir.Program {
	l := &lowerer{policy: p, part: part, taken: map[string]bool{}}
	l.program = &ir.Program{
		Name:          programName(p) + suffix,
		Policies:      []*ir.Policy{l.describe()},
		Match:         lowerMatch(p),
		FailurePolicy: failurePolicy(p),
		Params:        paramKind(p),
		Webhook:       part.Backend == ir.Webhook,
		Pushed:        lowerPushed(part.Pushed),
	}
	for _, c := range p.Conditions {
		l.program.Conditions = append(l.program.Conditions,
			ir.Condition{Name: c.Name, Code: asBool(expr.Condition(c.Node)), Source: position(c.Source)})
	}
	l.program.Conditions = joinConditions(l.program.Conditions)
	l.reserve()
	rules := l.rules()
	l.violations(rules)
	l.lookups()
	l.prelude()
	nameTargets(l.program, p.Project.Target)
	l.program.Bindings = bindings(p, l.program, suffix)
	return l.program
}

// asBool makes the type of a condition known to the API server, to which the
// object is dyn: it refuses a match condition that is not exactly a bool.
//
//	object.spec.?hostPID.orValue(false) → object.spec.?hostPID.orValue(false) == true
func asBool(x *code.Expr) *code.Expr {
	if isBool(x) {
		return x
	}
	return code.Eq(x, code.True)
}

// boolCalls are calls that return a bool whatever they are given.
var boolCalls = map[string]bool{"all": true, "exists": true, "exists_one": true, "existsOne": true, "has": true, "hasValue": true,
	"startsWith": true, "endsWith": true, "contains": true, "matches": true}

// isBool reports whether the type of an expression is bool for certain.
func isBool(x *code.Expr) bool {
	switch x.Kind {
	case code.KindNot, code.KindAnd, code.KindOr, code.KindBinary, code.KindLit:
		return true
	case code.KindCond:
		return isBool(x.Args[1]) && isBool(x.Args[2])
	case code.KindCall:
		if x.Name == "orValue" && x.Args[0].Kind == code.KindCall && x.Args[0].Name == "optMap" {
			return isBool(x.Args[0].Args[2])
		}
		return boolCalls[x.Name]
	}
	return false
}

// maxConditions is how many match conditions the API server takes.
const maxConditions = 64

// joinConditions makes one condition of those that are too many.
func joinConditions(conditions []ir.Condition) []ir.Condition {
	if len(conditions) <= maxConditions {
		return conditions
	}
	rest := conditions[maxConditions-1:]
	var all []*code.Expr
	for _, c := range rest {
		all = append(all, c.Code)
	}
	joined := ir.Condition{Name: "others", Code: code.And(all...), Source: rest[0].Source}
	return append(slices.Clone(conditions[:maxConditions-1]), joined)
}

type lowerer struct {
	policy  *check.Policy
	part    place.Part
	program *ir.Program
	// taken are the names of variables.
	taken map[string]bool
}

// programName is the policy's name, with that of the environment when the
// policy needs several programs.
func programName(p *check.Policy) string {
	name := p.Name.Value
	if len(p.Environments) == len(p.Policy.Environments) {
		return name
	}
	return name + "-" + p.Environments[0].Name
}

func failurePolicy(p *check.Policy) string {
	if p.FailurePolicy.IsZero() {
		return "Fail"
	}
	return p.FailurePolicy.Value
}

func position(s source.Span) string {
	if s.File == nil {
		return ""
	}
	return s.File.Path + ":" + strconv.Itoa(s.File.Position(s.Start).Line)
}

func (l *lowerer) describe() *ir.Policy {
	p := l.policy
	d := &ir.Policy{Name: p.Name.Value, Title: p.Title.Value, Description: p.Description.Value, Severity: p.Severity.Value,
		Category: p.Category.Value, File: p.Span.File.Path, Labels: map[string]string{}, Annotations: map[string]string{}}
	for _, c := range p.Controls {
		d.Controls = append(d.Controls, c.Value)
	}
	for _, e := range p.Labels {
		d.Labels[e.Key.Value], _ = e.Value.Data.(string)
	}
	for _, e := range p.Annotations {
		d.Annotations[e.Key.Value], _ = e.Value.Data.(string)
	}
	for _, e := range p.Exceptions {
		text := e.Name.Value
		if !e.Expires.IsZero() {
			text += " (until " + e.Expires.Value + ")"
		}
		d.Exceptions = append(d.Exceptions, text)
	}
	return d
}

// reserve keeps the names of the policy's variables and of the pod's.
func (l *lowerer) reserve() {
	for _, v := range l.policy.Variables {
		l.taken[v.Name] = true
	}
	for _, name := range check.ReservedVariables {
		l.taken[name] = true
	}
}

// name turns a rule's name into that of a variable.
func (l *lowerer) name(rule string) string {
	var b strings.Builder
	upper := false
	for _, r := range rule {
		switch {
		case r == '-' || r == '.' || r == '_':
			upper = b.Len() > 0
		case upper:
			b.WriteString(strings.ToUpper(string(r)))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	base := b.String()
	if base == "" || base[0] >= '0' && base[0] <= '9' || syntax.Reserved(base) {
		base = "rule" + strings.ToUpper(base[:1]) + base[1:]
	}
	name := base
	for i := 2; l.taken[name]; i++ {
		name = base + strconv.Itoa(i)
	}
	l.taken[name] = true
	return name
}

// rules adds a variable for every rule: the list of its violations.
func (l *lowerer) rules() []*code.Expr {
	var lists []*code.Expr
	for _, r := range l.part.Rules {
		name := l.name(r.Name)
		l.program.Variables = append(l.program.Variables,
			ir.Variable{Name: name, Code: l.rule(r), Source: position(r.Span)})
		rule := &ir.Rule{Name: r.Name, Position: position(r.Span), Backend: l.part.Backend, Why: l.part.Why, Variable: name, Message: r.MessageText}
		if l.part.Backend == ir.Webhook {
			rule.Why = place.WhyLookup(r.Reads)
		}
		// What is pushed down has no list to look at, but one object at a time.
		if r.Parts != nil && l.part.Pushed == nil {
			rule.Trace = traceRule(r, r.Parts)
		}
		l.program.Policies[0].Rules = append(l.program.Policies[0].Rules, rule)
		lists = append(lists, code.Ident("variables."+name))
	}
	return lists
}

// rule returns the list of a rule's violations.
func (l *lowerer) rule(r *check.Rule) *code.Expr {
	empty := code.List(nil, nil)
	one := func(violated *code.Expr) *code.Expr {
		return code.Cond(violated, code.List([]*code.Expr{r.Message}, nil), empty)
	}
	if l.part.Pushed != nil {
		return l.lifted(r, one(pushedViolation(r, l.part.Pushed)))
	}
	list := lowerJudgement(r.Now, one, func(items, local, violated *code.Expr) *code.Expr {
		return code.Method(items, "map", local, violated, expr.Pin(r.Message, items, r.Now.Local))
	})
	if r.Before != nil {
		already := lowerJudgement(r.Before, func(violated *code.Expr) *code.Expr { return violated },
			func(items, local, violated *code.Expr) *code.Expr {
				return code.Method(items, "exists", local, violated)
			})
		isUpdate := code.Eq(code.Ident("request.operation"), code.Lit("UPDATE"))
		list = code.Cond(code.And(isUpdate, already), empty, list)
	}
	return l.lifted(r, list)
}

// lifted empties the list of violations where an exception holds.
func (l *lowerer) lifted(r *check.Rule, list *code.Expr) *code.Expr {
	for _, e := range r.Lifted {
		list = code.Cond(expr.Condition(e.Node), code.List(nil, nil), list)
	}
	return list
}

func lowerJudgement(j *check.Judgement, one func(violated *code.Expr) *code.Expr,
	each func(items, local, violated *code.Expr) *code.Expr) *code.Expr {
	if j.Local == nil {
		return one(violation(j))
	}
	items := expr.List(j.List)
	if isEmptyList(items) {
		// CEL would have to guess the type of the elements.
		return one(code.False)
	}
	return each(items, code.Ident(j.Local.Name), expr.Pin(violation(j), items, j.Local))
}

func isEmptyList(x *code.Expr) bool { return x.Kind == code.KindList && len(x.Args) == 0 }

// violation is the condition of a violation: of an element, where there is
// forEach.
func violation(j *check.Judgement) *code.Expr {
	locals := j.Locals()
	violated := expr.Condition(j.Violated, locals...)
	if j.Negate {
		violated = code.Not(violated)
	}
	if j.When != nil {
		violated = code.And(expr.Condition(j.When, locals...), violated)
	}
	return violated
}

// violations adds the list of all violations, and the validation on it.
func (l *lowerer) violations(lists []*code.Expr) {
	all := lists[0]
	for _, x := range lists[1:] {
		all = code.Binary("+", all, x)
	}
	if len(l.policy.Guards) > 0 {
		var guards []*code.Expr
		for _, g := range l.policy.Guards {
			guards = append(guards, expr.Condition(g.Node))
		}
		all = code.Cond(code.And(guards...), all, code.List(nil, nil))
	}
	at := position(l.policy.Span)
	l.program.Variables = append(l.program.Variables, ir.Variable{Name: "violations", Code: all, Source: at})
	l.program.Validations = []ir.Validation{{
		Policy:      l.policy.Name.Value,
		Code:        code.Eq(code.Call("size", violations), code.Lit(int64(0))),
		Message:     staticMessage(l.policy),
		MessageCode: message,
		Reason:      l.policy.Reason.Value,
		Source:      at,
	}}
}

// staticMessage is what the API server falls back to.
func staticMessage(p *check.Policy) string {
	if !p.Title.IsZero() {
		return strings.Join(strings.Fields(p.Title.Value), " ")
	}
	return "violates policy " + p.Name.Value
}

// Limits of a message: the API server discards one of more than 5 KiB
// (k8s.io/apiserver/pkg/apis/cel, MaxEvaluatedMessageExpressionSizeBytes).
const (
	maxMessageBytes = 5000
	// shownViolations of at most shownRunes each fit in 5 KiB whatever they
	// are written in: 8 × (140 × 4 + 5) + the count.
	shownViolations = 8
	shownRunes      = 140
)

// violations is how a validation reads the list of all violations, and
// message how it prints them: the same for every policy.
var (
	violations = code.Ident("variables.violations")
	message    = messageCode(violations)
)

// messageCode joins the violations to one line within the API server's limits.
//
//	size(bytes(m)) <= 5000 ? m : <the first 8, each cut> + '; and 12 more'
func messageCode(violations *code.Expr) *code.Expr {
	n := func(i int) *code.Expr { return code.Lit(int64(i)) }
	oneLine := func(x *code.Expr) *code.Expr {
		// The API server discards a denial with a line break, and a warning
		// with any control character.
		return code.Method(code.Method(x, "findAll", code.Lit(`\P{Cc}+`)), "join", code.Lit(" "))
	}
	whole := oneLine(code.Method(violations, "join", code.Lit("; ")))
	var indexes []*code.Expr
	for i := range shownViolations {
		indexes = append(indexes, n(i))
	}
	i := code.Ident("i")
	item := code.Index(violations, i)
	cut := code.Cond(code.Binary(">", code.Call("size", item), n(shownRunes)),
		code.Binary("+", code.Method(item, "substring", n(0), n(shownRunes)), code.Lit("…")), item)
	count := code.Call("size", violations)
	first := code.Method(code.List(indexes, nil), "map", i, code.Binary("<", i, count), cut)
	rest := code.Cond(code.Binary(">", count, n(shownViolations)),
		code.Binary("+", code.Binary("+", code.Lit("; and "), code.Call("string", code.Binary("-", count, n(shownViolations)))), code.Lit(" more")),
		code.Lit(""))
	short := code.Binary("+", oneLine(code.Method(first, "join", code.Lit("; "))), rest)
	return code.Cond(code.Binary("<=", code.Call("size", code.Call("bytes", whole)), n(maxMessageBytes)), whole, short)
}

// prelude puts the variables that are read before those that read them.
func (l *lowerer) prelude() {
	var before []ir.Variable
	optional := map[string]bool{}
	roots := l.policy.Roots
	reads := func(name string) bool {
		for _, v := range slices.Concat(before, l.program.Variables) {
			if v.Code.Mentions("variables." + name) {
				return true
			}
		}
		return slices.ContainsFunc(l.program.Mutations, func(m ir.Mutation) bool { return m.Code.Mentions("variables." + name) }) ||
			slices.ContainsFunc(selections(l.program), func(x **code.Expr) bool { return (*x).Mentions("variables." + name) })
	}
	// From the last to the first, so that what only unused variables read
	// is left out.
	for i := len(l.policy.Variables) - 1; i >= 0; i-- {
		v := l.policy.Variables[i]
		if !reads(v.Name) {
			continue
		}
		x, isOptional := expr.Value(v.Node)
		optional[v.Name] = isOptional
		before = append([]ir.Variable{{Name: v.Name, Code: x, Source: position(v.Span)}}, before...)
	}
	for _, root := range []struct {
		name string
		code func(old bool) *code.Expr
		old  bool
	}{
		{check.ContainerListsVariable, l.containerLists, false}, {check.DebuggedVariable, l.debugged, false},
		{check.PodPathVariable, func(bool) *code.Expr { return roots.PodPathCode() }, false},
		{"containers", roots.ContainersCode, false}, {"oldContainers", roots.ContainersCode, true},
		{"pod", roots.PodCode, false}, {"oldPod", roots.PodCode, true},
	} {
		if reads(root.name) {
			before = append([]ir.Variable{{Name: root.name, Code: root.code(root.old)}}, before...)
		}
	}
	optional["pod"], optional["oldPod"] = roots.PodIsOptional(false), roots.PodIsOptional(true)
	l.program.Variables = unwrapOptionals(append(before, l.program.Variables...), optional)
	for i, m := range l.program.Mutations {
		l.program.Mutations[i].Code = unwrap(m.Code, optional)
	}
	for _, x := range selections(l.program) {
		*x = unwrap(*x, optional)
	}
	unwrapTraces(l.program.Policies[0].Rules, optional)
}

// Groups splits the environments of a policy into those that can share a
// program: with equal values, and none of the globs that need a condition.
func Groups(p *resolve.Policy) [][]*resolve.Environment {
	var groups [][]*resolve.Environment
	keys := map[string]int{}
	for i, e := range p.Environments {
		key := code.Value(e.Values).String()
		if p.ParameterObject.Value {
			key = ""
		}
		if len(e.NamespaceGlobs) > 0 {
			key += "\x00" + strconv.Itoa(i)
		}
		if g, ok := keys[key]; ok {
			groups[g] = append(groups[g], e)
			continue
		}
		keys[key] = len(groups)
		groups = append(groups, []*resolve.Environment{e})
	}
	return groups
}
