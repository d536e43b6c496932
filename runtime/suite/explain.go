package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
)

// Explanation says why a rule is violated by the request of a case, or not.
type Explanation struct {
	// Rule is policy/rule, Position file:line of its source.
	Rule, Position string
	// WhyNot says why the policy does not apply, if it does not.
	WhyNot engine.Mismatch
	// Elements are what the rule was evaluated for: the elements of forEach,
	// or one without a value.
	Elements []Element
}

// Element is one element that a rule was evaluated for.
type Element struct {
	// Name is the variable of forEach; "" without forEach.
	Name  string
	Value any
	// Violated says that the element violates the rule.
	Violated bool
	Parts    []PartValue
}

// PartValue is the value of a part of a rule's condition.
type PartValue struct {
	// Text is the part as policy CEL.
	Text string
	// Value is as JSON would have it. Absent says that there is none.
	Value  any
	Absent bool
	// When says that the part is of the rule's `when`; Condition says that it
	// is one of the conditions that decide.
	When, Condition bool
}

// String returns the part and its value on one line.
func (p PartValue) String() string {
	if p.Absent {
		return p.Text + " is absent"
	}
	return p.Text + " = " + Compact(p.Value)
}

// maxCompact is how much of a value is shown.
const maxCompact = 160

// Compact returns a value as one line of JSON, cut where it is long.
func Compact(v any) string {
	if err, ok := v.(error); ok {
		return "error: " + err.Error()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if runes := []rune(string(text)); len(runes) > maxCompact {
		return string(runes[:maxCompact]) + "…"
	}
	return string(text)
}

// tracer looks into the rules of one program.
type tracer struct {
	inspector *engine.Inspector
	// first is where the values of a rule begin, by policy/rule.
	first map[string]int
}

// tracers are the tracers of a variant, made when they are first asked for.
type tracers struct {
	mutex  sync.Mutex
	byName map[string]*tracer
}

func (t *tracers) get(v *Variant, p *ir.Program) (*tracer, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.byName[p.Name] != nil {
		return t.byName[p.Name], nil
	}
	made := &tracer{first: map[string]int{}}
	var list []string
	for _, d := range p.Policies {
		for _, r := range d.Rules {
			made.first[d.Name+"/"+r.Name] = len(list)
			list = append(list, traceExpressions(r.Trace)...)
		}
	}
	var err error
	if made.inspector, err = v.Engine.Inspect(p.Name, list); err != nil {
		return nil, err
	}
	if t.byName == nil {
		t.byName = map[string]*tracer{}
	}
	t.byName[p.Name] = made
	return made, nil
}

// traceExpressions are whether a rule is violated, and each of its parts. With
// forEach they are whether it goes over a map, and a list that holds for every
// element a list of the element, whether it is violated, and the parts: the
// order of a map's keys is another in each evaluation.
func traceExpressions(t *ir.Trace) []string {
	if t == nil {
		return nil
	}
	values := []*code.Expr{t.Violated}
	for _, p := range t.Parts {
		values = append(values, p.Code)
	}
	if t.List == nil {
		var out []string
		for _, x := range values {
			out = append(out, x.String())
		}
		return out
	}
	record := []*code.Expr{code.Call("dyn", code.Ident(t.Local))}
	for _, x := range values {
		record = append(record, code.Call("dyn", x))
	}
	return []string{
		"type(" + code.Call("dyn", t.List).String() + ") == map",
		code.Method(t.List, "map", code.Ident(t.Local), code.List(record, nil)).String(),
	}
}

// Explain says why a rule, as policy/rule, came out as it did in a case.
func (s *Suite) Explain(ctx context.Context, c *cases.Case, rule string) (*Explanation, error) {
	v := s.variant[c]
	var out *Explanation
	for _, p := range v.Result.Programs {
		for _, d := range p.Policies {
			for _, r := range d.Rules {
				if d.Name+"/"+r.Name != rule {
					continue
				}
				e, err := v.explain(ctx, c, p, r, rule)
				// Of the programs of several environments, the one that
				// applies is the one to tell about, or else the nearest.
				if err != nil || e.WhyNot.Text == "" {
					return e, err
				}
				if out == nil || e.WhyNot.Condition {
					out = e
				}
			}
		}
	}
	if out == nil {
		return nil, fmt.Errorf("there is no rule %s", rule)
	}
	return out, nil
}

func (v *Variant) explain(ctx context.Context, c *cases.Case, p *ir.Program, r *ir.Rule, rule string) (*Explanation, error) {
	if p.Mutates() {
		return &Explanation{Rule: rule, Position: r.Position, WhyNot: engine.Mismatch{Text: "it changes objects, and refuses none"}}, nil
	}
	request, err := v.Validated(ctx, c)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Rule: rule, Position: r.Position, WhyNot: v.Engine.WhyNot(ctx, request, p.Name)}
	if e.WhyNot.Text != "" || r.Trace == nil {
		return e, nil
	}
	t, err := v.tracers.get(v, p)
	if err != nil {
		return nil, err
	}
	sets, err := t.inspector.Evaluate(ctx, request)
	if err != nil {
		return e, err
	}
	// Of several parameter objects, the first that the rule is violated with
	// is the one to tell about.
	for i, values := range sets {
		list := elements(r.Trace, values[t.first[rule]:])
		violated := slices.ContainsFunc(list, func(e Element) bool { return e.Violated })
		if i == 0 || violated {
			e.Elements = list
		}
		if violated {
			break
		}
	}
	return e, nil
}

// elements puts the values of parts together by element.
func elements(t *ir.Trace, values []any) []Element {
	if t.List == nil {
		one := Element{Violated: values[0] == true}
		for i, p := range t.Parts {
			one.Parts = append(one.Parts, partValue(p, values[1+i]))
		}
		return []Element{one}
	}
	if err, failed := values[1].(error); failed {
		return []Element{{Parts: []PartValue{{Text: "forEach", Value: err}}}}
	}
	list, _ := values[1].([]any)
	var out []Element
	for _, record := range list {
		record, _ := record.([]any)
		e := Element{Name: t.Local, Value: record[0], Violated: record[1] == true}
		for i, p := range t.Parts {
			e.Parts = append(e.Parts, partValue(p, record[2+i]))
		}
		out = append(out, e)
	}
	if values[0] == true {
		slices.SortFunc(out, func(a, b Element) int { return strings.Compare(fmt.Sprint(a.Value), fmt.Sprint(b.Value)) })
	}
	return out
}

// partValue opens the list that a part's value is boxed in.
func partValue(p ir.TracePart, boxed any) PartValue {
	out := PartValue{Text: p.Text, When: p.When, Condition: p.Condition}
	list, ok := boxed.([]any)
	switch {
	case !ok:
		out.Value = boxed
	case len(list) == 0:
		out.Absent = true
	default:
		out.Value = list[0]
	}
	return out
}
