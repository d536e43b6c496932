// Package link joins programs that share their match and their enforcement
// into one, whose common variables are evaluated once.
//
//	layout fused: disallow-privileged, disallow-host-path (same match, same
//	environments) → one program with two validations
//
// Verdicts and messages do not depend on it.
package link

import (
	"fmt"
	"strings"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
)

// Layouts of the output.
const (
	LayoutPolicy = "policy"
	LayoutFused  = "fused"
)

// maxMembers bounds a fused program: each evaluation of a program has one
// cost budget for all of its validations.
const maxMembers = 25

// Link joins programs when the layout is fused. The input is not changed; the
// order of the result follows that of the input.
func Link(programs []*ir.Program, layout string) []*ir.Program {
	if layout != LayoutFused {
		return programs
	}
	groups := map[string][]*ir.Program{}
	var keys []string
	for _, p := range programs {
		base := groupKey(p)
		key := base
		for n := 2; len(groups[key]) == maxMembers; n++ {
			key = fmt.Sprintf("%s\x00%d", base, n)
		}
		if len(groups[key]) == 0 {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], p)
	}
	var out []*ir.Program
	for _, key := range keys {
		if len(groups[key]) == 1 {
			out = append(out, groups[key][0])
			continue
		}
		out = append(out, fuse(groups[key]))
	}
	return out
}

// groupKey is equal for programs that can be joined.
func groupKey(p *ir.Program) string {
	if p.Mutates() {
		// Mutations of one policy follow one another.
		return "mutation\x00" + p.Name
	}
	if p.Webhook || p.Pushed != nil {
		// Lookups are params as well.
		return "lookups\x00" + p.Name
	}
	if p.Params != nil {
		// The API server binds one kind of parameter to a policy.
		return "params\x00" + p.Name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v\x00%s\x00", p.Match, p.FailurePolicy)
	// An object has one set of labels and annotations.
	fmt.Fprintf(&b, "%q %q\x00", p.Policies[0].Labels, p.Policies[0].Annotations)
	for _, c := range p.Conditions {
		fmt.Fprintf(&b, "%s=%s\x00", c.Name, c.Code)
	}
	for _, bind := range p.Bindings {
		fmt.Fprintf(&b, "%s %v %v %v\x00", bind.Environment, bind.Actions, bind.NamespaceSelector, bind.Rules)
	}
	return b.String()
}

// fuse joins programs that have the same key. Variables that are the same in
// several are kept once; others are renamed after their policy.
func fuse(members []*ir.Program) *ir.Program {
	first := members[0]
	out := &ir.Program{Name: "fused-" + first.Name, Match: first.Match, Conditions: first.Conditions, FailurePolicy: first.FailurePolicy}
	owners := map[string]string{}
	for _, p := range members {
		renamed := map[string]string{}
		for _, v := range p.Variables {
			x := rename(v.Code, renamed)
			name := v.Name
			if text, taken := owners[name]; taken && text != x.String() {
				name = camel(p.Name) + strings.ToUpper(v.Name[:1]) + v.Name[1:]
				for i := 2; owners[name] != ""; i++ {
					name = fmt.Sprintf("%s%d", name, i)
				}
			} else if taken {
				continue
			}
			owners[name] = x.String()
			if name != v.Name {
				renamed[v.Name] = name
			}
			out.Variables = append(out.Variables, ir.Variable{Name: name, Code: x, Source: v.Source})
		}
		for _, d := range p.Policies {
			out.Policies = append(out.Policies, renameRules(d, renamed))
		}
		for _, v := range p.Validations {
			v.Code, v.MessageCode = rename(v.Code, renamed), rename(v.MessageCode, renamed)
			out.Validations = append(out.Validations, v)
		}
	}
	for _, b := range first.Bindings {
		b.Name = strings.Replace(b.Name, first.Policies[0].Name, out.Name, 1)
		out.Bindings = append(out.Bindings, b)
	}
	return out
}

// renameRules tells the rules of a policy the new names of their variables.
func renameRules(d *ir.Policy, names map[string]string) *ir.Policy {
	out := *d
	out.Rules = make([]*ir.Rule, len(d.Rules))
	for i, r := range d.Rules {
		rule := *r
		if to, ok := names[r.Variable]; ok {
			rule.Variable = to
		}
		rule.Trace = renameTrace(r.Trace, names)
		out.Rules[i] = &rule
	}
	return &out
}

func renameTrace(t *ir.Trace, names map[string]string) *ir.Trace {
	if t == nil {
		return nil
	}
	out := &ir.Trace{Local: t.Local, Violated: rename(t.Violated, names)}
	if t.List != nil {
		out.List = rename(t.List, names)
	}
	for _, p := range t.Parts {
		p.Code = rename(p.Code, names)
		out.Parts = append(out.Parts, p)
	}
	return out
}

// rename gives variables their new names, all at once.
func rename(x *code.Expr, names map[string]string) *code.Expr {
	if x.Kind == code.KindIdent {
		if to, ok := names[strings.TrimPrefix(x.Name, "variables.")]; ok && strings.HasPrefix(x.Name, "variables.") {
			return code.Ident("variables." + to)
		}
		return x
	}
	if !x.Mentions("variables") {
		return x
	}
	out := *x
	out.Args = make([]*code.Expr, len(x.Args))
	for i, a := range x.Args {
		out.Args[i] = rename(a, names)
	}
	return &out
}

// camel turns the name of a policy into the beginning of an identifier.
func camel(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '.' })
	for i := range words {
		if i > 0 {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
	}
	if words[0][0] >= '0' && words[0][0] <= '9' {
		words[0] = "policy" + words[0]
	}
	return strings.Join(words, "")
}
