package oracle

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// isolate finds the first rule on which a whole policy fails.
func (o *Oracle) isolate(f *Finding) *Finding {
	for _, r := range f.policy.rules {
		one := f.policy.without(func(other *rule) bool { return other != r })
		if _, _, err := o.build(one, f.Target); err != nil {
			out := *f
			out.policy, out.Source, out.Got = one, r.source(), err.Error()
			return &out
		}
	}
	return f
}

// subject is a compiled policy that is compared with the interpreter.
type subject interface {
	compare(in *input, counts *Counts) []*Finding
}

// build compiles a policy, with lookups or without.
func (o *Oracle) build(p *policy, v target.Version) (subject, []rejection, error) {
	if p.lookups == nil {
		return build(p, v)
	}
	return buildBundle(p, v)
}

// Shrink makes a finding smaller: it leaves out parts of the policy and of the
// objects for as long as the two still disagree in the same way.
func (o *Oracle) Shrink(f *Finding) *Finding {
	if f.Input != nil && f.policy != nil && len(f.policy.rules) > 1 {
		f = o.alone(f)
	}
	if f.policy == nil || len(f.policy.rules) != 1 {
		return f
	}
	for range 20 {
		smaller := o.shrinkPolicy(f)
		smaller = o.shrinkInput(smaller)
		if smaller == f {
			break
		}
		f = smaller
	}
	return f
}

// alone finds the first rule that disagrees on its own.
func (o *Oracle) alone(f *Finding) *Finding {
	for _, r := range f.policy.rules {
		if one := o.again(f, f.policy.without(func(other *rule) bool { return other != r }), f.Input); one != nil {
			return one
		}
	}
	return f
}

// again reports what is left of a finding with another policy or input; nil
// when it is gone.
func (o *Oracle) again(f *Finding, p *policy, in *input) *Finding {
	prog, rejected, err := o.build(p, f.Target)
	text, _ := p.source()
	text += p.exceptionSource()
	out := &Finding{Seed: f.Seed, Target: f.Target, Input: in, policy: p, failed: f.failed}
	for _, first := range []string{"  variables:\n", "  lookups:\n", "  enforce:"} {
		if i := strings.Index(text, first); i >= 0 {
			out.Source = text[i:]
			break
		}
	}
	if strings.Contains(out.Source, "shared") {
		out.Source += p.library()
	}
	switch {
	case len(rejected) > 0:
		return nil
	case err != nil:
		if f.Input != nil {
			return nil
		}
		out.Got = err.Error()
		return out
	case f.Input == nil:
		return nil
	}
	found := prog.compare(in, &Counts{})
	if len(found) != 1 || found[0].failed != f.failed {
		return nil
	}
	out.Code, out.Want, out.Got = found[0].Code, found[0].Want, found[0].Got
	return out
}

// shrinkPolicy tries smaller policies until none disagrees; it returns f itself
// when there is none.
func (o *Oracle) shrinkPolicy(f *Finding) *Finding {
	for progress := true; progress; {
		progress = false
		for _, p := range smallerPolicies(f.policy) {
			if smaller := o.again(f, p, f.Input); smaller != nil {
				f, progress = smaller, true
				break
			}
		}
	}
	return f
}

// smallerPolicies are policies with less in them, boldest first.
func smallerPolicies(p *policy) []*policy {
	var out []*policy
	change := func(edit func(*rule)) {
		r := *p.rules[0]
		r.Message = slices.Clone(r.Message)
		edit(&r)
		q := *p
		q.rules = []*rule{&r}
		out = append(out, &q)
	}
	r := p.rules[0]
	drop := func(is bool, edit func(*policy)) {
		if q := *p; is {
			edit(&q)
			out = append(out, &q)
		}
	}
	drop(p.when != nil, func(q *policy) { q.when = nil })
	drop(p.exclude != nil, func(q *policy) { q.exclude = nil })
	drop(len(p.exceptions) > 0, func(q *policy) { q.exceptions = q.exceptions[1:] })
	for i := range p.lookups {
		out = append(out, p.smallerLookups(i)...)
	}
	drop(p.parameterObject, func(q *policy) { q.parameterObject = false })
	for i := range p.variables {
		q := *p
		q.variables = slices.Delete(slices.Clone(p.variables), i, i+1)
		out = append(out, &q)
	}
	if r.When != nil {
		change(func(r *rule) { r.When = nil })
		for _, e := range smaller(r.When) {
			change(func(r *rule) { r.When = e })
		}
	}
	if r.Ratchet {
		change(func(r *rule) { r.Ratchet = false })
	}
	if r.List != nil {
		change(func(r *rule) { r.List = nil })
		for _, e := range smaller(r.List) {
			change(func(r *rule) { r.List = e })
		}
	}
	if r.Condition.Op != opLit {
		change(func(r *rule) { r.Deny, r.Condition = true, lit(true, types.BoolType) })
	}
	for _, e := range smaller(r.Condition) {
		change(func(r *rule) { r.Condition = e })
	}
	for i, m := range r.Message {
		change(func(r *rule) { r.Message = slices.Delete(r.Message, i, i+1) })
		for _, e := range smaller(m) {
			if printable(e.Type) {
				change(func(r *rule) { r.Message[i] = e })
			}
		}
	}
	for i, v := range p.variables {
		for _, e := range smaller(v.Value) {
			q := *p
			q.variables = slices.Clone(p.variables)
			q.variables[i] = &variable{Name: v.Name, Value: e}
			out = append(out, &q)
		}
	}
	return out
}

// smaller are expressions that have less than e: a part in place of the whole,
// a constant in place of a part.
func smaller(e *Expr) []*Expr {
	var out []*Expr
	e.walk(func(part *Expr) {
		if part != e && part.Type != nil && e.Type != nil && part.Type.Kind == e.Type.Kind {
			out = append(out, part)
		}
	})
	if c := constant(e.Type); c != nil && e.Op != opLit && (e.Op != opList || len(e.Args) > 0) {
		out = append(out, c)
	}
	if e.Op == opList {
		for i := range e.Args {
			c := *e
			c.Args = slices.Delete(slices.Clone(e.Args), i, i+1)
			if len(c.Args) == 0 {
				c.Type = types.NewList(nothing)
			}
			out = append(out, &c)
		}
	}
	for i, a := range e.Args {
		for _, s := range smaller(a) {
			c := *e
			c.Args = slices.Clone(e.Args)
			c.Args[i] = s
			out = append(out, &c)
		}
	}
	return out
}

// constant is the plainest value of a type.
func constant(t *types.Type) *Expr {
	switch t.Kind {
	case types.Bool:
		return lit(false, t)
	case types.Int:
		return integer(0)
	case types.Double:
		return lit(0.0, t)
	case types.String:
		return text("")
	case types.List:
		return node(opList, types.NewList(nothing))
	}
	return nil
}

// shrinkInput leaves out what the schema does not ask for.
func (o *Oracle) shrinkInput(f *Finding) *Finding {
	if f.Input == nil {
		return f
	}
	root, err := f.policy.world.root(o.schemas[f.Target])
	if err != nil {
		return f
	}
	try := func(edit func(in *input)) bool {
		in := *f.Input
		edit(&in)
		typed := in.Typed
		// A typed object may have back what was taken out of it: that would go on for ever.
		if in.settle() != nil || typed == f.Input.Typed && in.size() >= f.Input.size() {
			return false
		}
		g := o.again(f, f.policy, &in)
		if g != nil {
			f = g
		}
		return g != nil
	}
	try(func(in *input) { in.Typed = false })
	for progress := true; progress; {
		progress = false
		for _, others := range f.Input.lessOthers() {
			if progress = try(func(in *input) { in.Others = others }); progress {
				break
			}
		}
		for _, v := range lessOf(toAny(f.Input.Object), root) {
			if progress = try(func(in *input) { in.Object = v.(map[string]any) }); progress {
				break
			}
		}
		for _, v := range lessOf(toAny(f.Input.OldObject), root) {
			if try(func(in *input) { in.OldObject = v.(map[string]any) }) {
				progress = true
				break
			}
		}
	}
	return f
}

// size is how much a person has to read of the objects.
func (in *input) size() int {
	text, _ := json.Marshal([]any{in.Object, in.OldObject, in.Others})
	return len(text)
}

func toAny(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}

// lessOf are the values that lack one part of v, and are still valid.
func lessOf(v any, t *types.Type) []any {
	var out []any
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			elem, required := types.DynType, k == "kind" || k == "apiVersion"
			if t.Kind == types.Map {
				elem = t.Elem
			} else if t.Kind == types.Object {
				if f := t.Fields.Field(k); f != nil {
					elem, required = f.Type, f.Required
				}
			}
			if !required {
				c := mapsClone(v)
				delete(c, k)
				out = append(out, c)
			}
			for _, less := range lessOf(e, elem) {
				c := mapsClone(v)
				c[k] = less
				out = append(out, c)
			}
		}
	case []any:
		elem := types.DynType
		if t.Kind == types.List {
			elem = t.Elem
		}
		for i, e := range v {
			out = append(out, slices.Delete(slices.Clone(v), i, i+1))
			for _, less := range lessOf(e, elem) {
				c := slices.Clone(v)
				c[i] = less
				out = append(out, c)
			}
		}
	}
	return out
}

func mapsClone(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
