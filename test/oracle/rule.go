package oracle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/types"
)

// rule is a rule of a policy whose expressions are trees.
type rule struct {
	Name string
	// Variable and List are those of forEach; List is nil without.
	Variable string
	List     *Expr
	When     *Expr
	// Ratchet says that an object that violated the rule before may go on.
	Ratchet bool
	// Deny says that Condition is what is denied, not what is required.
	Deny      bool
	Condition *Expr
	// Message is made of the texts of these, one behind the other.
	Message []*Expr
}

// variable is a variable of a policy.
type variable struct {
	Name  string
	Value *Expr
}

// parameter is a parameter of every policy, with the value that it has.
type parameter struct {
	name, written string
	typ           *types.Type
	value         any
}

// parameters are constants to the compiler, which it may fold.
var parameters = []parameter{
	{"words", "list(string)", types.NewList(types.StringType), []any{"a", "b", "1Gi", "nginx"}},
	{"none", "list(string)", types.NewList(types.StringType), []any{}},
	{"limit", "int", types.IntType, int64(2)},
	{"word", "string", types.StringType, "a"},
	{"on", "bool", types.BoolType, true},
	{"memory", "quantity", types.QuantityType, "1Gi"},
	{"table", "map(string)", types.NewMap(types.StringType, types.StringType), object{"a": "b", "env": "1"}},
}

// readsShared reports whether the rule reads variables of the policy or calls
// functions of its library.
func (r *rule) readsShared() bool {
	return strings.Contains(r.source(), "variables.") || strings.Contains(r.source(), "shared")
}

// messages returns the messages of a rule's violations: one for each element
// that violates it.
func (r *rule) messages(s *scope, t style) ([]string, error) {
	if r.List == nil {
		return r.judge(s, t, nil)
	}
	rng, err := Interpret(r.List, s)
	if err != nil {
		return nil, err
	}
	_, isMap := rng.(object)
	out := []string{}
	for _, p := range pairs(rng) {
		element := p.value
		if isMap {
			element = p.key
		}
		if out, err = r.judge(s.with(r.Variable, element), t, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// expected returns the messages of a rule in a request.
func (p *policy) expected(r *rule, in *input, s *scope, t style) ([]string, error) {
	if lifted, err := p.lifted(r, in, s); err != nil || lifted {
		return []string{}, err
	}
	if r.Ratchet && in.Operation == "UPDATE" {
		before := *in
		before.Object, before.OldObject, before.before = in.OldObject, nil, true
		old, err := p.scope(&before)
		if err != nil {
			return nil, err
		}
		if violated, err := r.messages(old, t); err != nil || len(violated) > 0 {
			return []string{}, err
		}
	}
	return r.messages(s, t)
}

// judge adds the message of one violation to out, if there is one.
func (r *rule) judge(s *scope, t style, out []string) ([]string, error) {
	if r.When != nil {
		v, err := Interpret(r.When, s)
		if err != nil || !condition(v) {
			return out, err
		}
	}
	v, err := Interpret(r.Condition, s)
	if err != nil || condition(v) != r.Deny {
		return out, err
	}
	message := "[" + r.Name + "] m"
	for _, e := range r.Message {
		v, err := Interpret(e, s)
		if err != nil {
			return nil, err
		}
		message += " | " + t.printed(v, e.Type)
	}
	return append(out, message), nil
}

// printed is the text of a value in a message.
func (st style) printed(v any, t *types.Type) string {
	l, isList := v.([]any)
	switch {
	case isList && t.Kind == types.List && t.Elem.Kind == types.String && !t.NullElem:
		return joinTexts([]any{l, ", "}).(string)
	case v != nil && t.Kind != types.Dyn && t.Kind != types.List && t.Kind != types.Map && t.Kind != types.Object:
		if s, ok := toString(v).(string); ok {
			return s
		}
	}
	if f, ok := v.(float64); ok && st.quote != "" {
		return toString(f).(string)
	}
	return st.show(v)
}

// printable reports whether a message can show a value of the type, and in one
// way only: the order of keys is nobody's promise.
func printable(t *types.Type) bool {
	switch t.Kind {
	case types.Opaque:
		return t.Name == ipType.Name || t.Name == cidrType.Name
	case types.List:
		return printable(t.Elem)
	case types.TypeOf, types.Null:
		return false
	}
	return true
}

// source writes a rule as one line of YAML, so that a diagnostic says by its
// line which rule it is about.
func (r *rule) source() string {
	fields := []string{"name: " + r.Name, "absent: ok"}
	add := func(key, value string) { fields = append(fields, key+": "+quote(value)) }
	if r.Ratchet {
		fields = append(fields, "ratchet: true")
	}
	if r.List != nil {
		add("forEach", r.Variable+" in "+r.List.String())
	}
	if r.When != nil {
		add("when", r.When.String())
	}
	if r.Deny {
		add("deny", r.Condition.String())
	} else {
		add("require", r.Condition.String())
	}
	message := "m"
	for _, e := range r.Message {
		message += " | ${" + e.String() + "}"
	}
	add("message", message)
	return "  - {" + strings.Join(fields, ", ") + "}"
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return strings.TrimSpace(b.String())
}

func when(e *Expr) string {
	if e == nil {
		return ""
	}
	return ", when: " + quote(e.String())
}

// source writes a policy. The lines of its rules begin at the second result.
func (p *policy) source() (text string, firstRule int) {
	lines := []string{
		"apiVersion: policyc.dev/v1alpha1", "kind: Policy", "metadata: {name: p}", "spec:",
		"  match: {kinds: [" + p.world.kind.ref + "], operations: [" + strings.Join(p.on(), ", ") + "]" + when(p.when) + "}",
	}
	if p.exclude != nil {
		lines = append(lines, "  exclude: {"+strings.TrimPrefix(when(p.exclude), ", ")+"}")
	}
	if p.parameterObject {
		lines = append(lines, "  parameterObject: true")
	}
	lines = append(lines, "  parameters:")
	for _, q := range parameters {
		value, _ := json.Marshal(toJSON(q.value))
		lines = append(lines, fmt.Sprintf("    %s: {type: %s, default: %s}", q.name, quote(q.written), value))
	}
	if len(p.variables) > 0 {
		lines = append(lines, "  variables:")
	}
	for _, v := range p.variables {
		lines = append(lines, "    "+v.Name+": "+quote(v.Value.String()))
	}
	if len(p.lookups) > 0 {
		lines = append(lines, "  lookups:")
	}
	for _, l := range p.lookups {
		lines = append(lines, l.source())
	}
	if p.failurePolicy != "" {
		lines = append(lines, "  failurePolicy: "+p.failurePolicy)
	}
	lines = append(lines, "  enforce: "+cmp.Or(p.enforce, "deny"), "  rules:")
	firstRule = len(lines) + 1
	for _, r := range p.rules {
		lines = append(lines, r.source())
	}
	return strings.Join(lines, "\n") + "\n", firstRule
}

// library writes the policy's functions.
func (p *policy) library() string {
	lines := []string{"apiVersion: policyc.dev/v1alpha1", "kind: Library", "metadata: {name: l}", "spec:", "  functions:"}
	for _, f := range p.functions {
		lines = append(lines, f.source())
	}
	return strings.Join(lines, "\n") + "\n"
}

// toJSON is the reverse of fromJSON.
func toJSON(v any) any {
	switch v := v.(type) {
	case object:
		out := map[string]any{}
		for k, e := range v {
			out[k.(string)] = toJSON(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = toJSON(e)
		}
		return out
	}
	return v
}

// policy is what is compiled at once.
type policy struct {
	world     *world
	functions []*function
	variables []*variable
	rules     []*rule
	// when and exclude say which requests the policy is about; nil is all.
	when, exclude *Expr
	exceptions    []*exception
	// parameterObject says that parameters are in an object, where one may miss.
	parameterObject bool
	lookups         []*lookup
	// operations are what it matches, enforce is what it does about a violation,
	// and failurePolicy what about an error; empty: as most policies are.
	operations             []string
	enforce, failurePolicy string
}

// on are the operations that the policy matches.
func (p *policy) on() []string {
	if p.operations == nil {
		return []string{"CREATE", "UPDATE", "DELETE"}
	}
	return p.operations
}

// without returns the policy without some rules.
func (p *policy) without(drop func(*rule) bool) *policy {
	out := *p
	out.rules = slices.DeleteFunc(slices.Clone(p.rules), drop)
	return &out
}

// scope has what the names of a policy stand for in a request.
func (p *policy) scope(in *input) (*scope, error) {
	object, old := fromJSON(in.Object), fromJSON(in.OldObject)
	var s *scope
	s = s.with("request", fromJSON(asJSON(in.request())))
	if ns := in.namespaceObject(); ns != nil {
		s = s.with("namespaceObject", fromJSON(asJSON(ns)))
	}
	s = s.with("object", object).with("oldObject", old)
	if p.world.kind.hasPod() {
		pod, oldPod := p.world.kind.podOf(object), p.world.kind.podOf(old)
		s = s.with("pod", pod).with("containers", containersOf(pod))
		s = s.with("oldPod", oldPod)
		if !in.before {
			s = s.with("oldContainers", containersOf(oldPod))
		}
	}
	for _, q := range parameters {
		if value := q.value; !p.parameterObject || !slices.Contains(in.Missing, q.name) {
			s = s.with("params."+q.name, value)
		}
	}
	s, err := p.define(s, false)
	if err != nil || p.lookups == nil {
		return s, err
	}
	// What lookups select by are variables that read none of them.
	if s, err = p.lookUp(in, s); err != nil {
		return nil, err
	}
	return p.define(s, true)
}

// define adds the variables, those that read lookups or the others.
func (p *policy) define(s *scope, lookups bool) (*scope, error) {
	for _, v := range p.variables {
		if p.reads(v.Value) != lookups {
			continue
		}
		value, err := Interpret(v.Value, s)
		if err != nil {
			return nil, err
		}
		s = s.with("variables."+v.Name, value)
	}
	return s, nil
}

// shares reports whether the policy has anything besides its rules.
func (p *policy) shares() bool {
	return len(p.variables)+len(p.functions)+len(p.exceptions)+len(p.lookups) > 0 || p.when != nil || p.exclude != nil
}
