package diff

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/code"
)

// parts are what lowering has put together in the variable of a rule.
//
//	exempt ? [] : violated ? ['[name] ' + message] : []
type parts struct {
	// exempt are the conditions under which the rule is not held: exceptions,
	// and ratchet.
	exempt []*code.Expr
	// condition is true for a violation, or some violating element.
	condition *code.Expr
	message   *code.Expr
}

// split takes the variable of a rule apart.
func split(x *code.Expr, name string) parts {
	var p parts
	for x.Kind == code.KindCond && isEmptyList(x.Args[1]) {
		p.exempt = append(p.exempt, x.Args[0])
		x = x.Args[2]
	}
	switch {
	case isEmptyList(x):
		p.condition = code.False
	case isOneMessage(x):
		p.condition, p.message = code.True, x.Args[0]
	case x.Kind == code.KindCond && isOneMessage(x.Args[1]) && isEmptyList(x.Args[2]):
		p.condition, p.message = x.Args[0], x.Args[1].Args[0]
	case x.Kind == code.KindCall && x.Method && x.Name == "map" && len(x.Args) == 4:
		p.condition, p.message = code.Method(x.Args[0], "exists", x.Args[1], x.Args[2]), x.Args[3]
	default:
		p.condition = x
	}
	if p.message != nil {
		p.message = withoutPrefix(p.message, "["+name+"] ")
	}
	return p
}

func isEmptyList(x *code.Expr) bool { return x.Kind == code.KindList && len(x.Args) == 0 }

func isOneMessage(x *code.Expr) bool { return x.Kind == code.KindList && len(x.Args) == 1 }

// withoutPrefix cuts a prefix off the first literal of a concatenation.
func withoutPrefix(x *code.Expr, prefix string) *code.Expr {
	switch {
	case x.Kind == code.KindLit:
		if s, ok := x.Value.(string); ok {
			return code.Lit(strings.TrimPrefix(s, prefix))
		}
	case x.Kind == code.KindBinary && x.Name == "+":
		return code.Binary("+", withoutPrefix(x.Args[0], prefix), x.Args[1])
	}
	return x
}

// rewrite replaces the parts of an expression that f has something else for,
// the outermost first.
func rewrite(x *code.Expr, f func(*code.Expr) *code.Expr) *code.Expr {
	if to := f(x); to != nil {
		return to
	}
	if len(x.Args) == 0 {
		return x
	}
	out := *x
	out.Args = make([]*code.Expr, len(x.Args))
	for i, a := range x.Args {
		out.Args[i] = rewrite(a, f)
	}
	return &out
}

// meaning is equal for expressions that mean the same whatever their variables
// are called: each is replaced by the meaning of what it stands for.
func (p *placed) meaning(x *code.Expr) string { return p.meaningIn(x, nil) }

// withoutValues is the meaning of an expression whatever values the parameters
// have.
func (p *placed) withoutValues(x *code.Expr) string {
	names := map[string]string{}
	for _, name := range sortedKeys(p.binding.Parameters) {
		names[code.Value(p.binding.Parameters[name]).String()] = name
	}
	return p.meaningIn(x, names)
}

// meaningIn replaces literals with the names of parameters that they may be
// the value of.
func (p *placed) meaningIn(x *code.Expr, literals map[string]string) string {
	if x == nil {
		return ""
	}
	seen := map[string]string{}
	var digest func(x *code.Expr) string
	digest = func(x *code.Expr) string {
		text := rewrite(x, func(e *code.Expr) *code.Expr {
			if e.Kind == code.KindLit || e.Kind == code.KindList || e.Kind == code.KindMap {
				if name, ok := literals[e.String()]; ok {
					return code.Ident("params." + name)
				}
			}
			if root := wherePods[e.Name]; root != "" && p.opaque && e.Kind == code.KindIdent {
				return code.Ident(root)
			}
			v := p.variable(e)
			if v == nil {
				return nil
			}
			if seen[e.Name] == "" {
				seen[e.Name] = digest(v)
			}
			return code.Ident(seen[e.Name])
		}).String()
		return fmt.Sprintf("x%x", sha256.Sum256([]byte(text)))
	}
	return digest(x)
}

// wherePods are what stands for the pod in a policy on pods alone.
var wherePods = map[string]string{"variables.pod": "object", "variables.oldPod": "oldObject"}

// expression is a part of a rule to be compared.
type expression struct {
	aspect Aspect
	name   string
	// in is the rule that the expression is part of; x is nil where there is
	// none.
	in *placed
	x  *code.Expr
	// shown is what stands for the expression where people read it; "" is
	// the expression itself.
	shown string
}

func (e *expression) text() string {
	if e.shown != "" || e.x == nil {
		return e.shown
	}
	return code.Print(e.x)
}

// compareExpressions returns how an expression differs: in itself, or in the
// variables that it reads.
func compareExpressions(old, now expression) []Field {
	if (old.x == nil) == (now.x == nil) && old.in.meaning(old.x) == now.in.meaning(now.x) {
		return nil
	}
	var fields []Field
	if o, n := old.text(), now.text(); o != n {
		fields = append(fields, Field{Aspect: now.aspect, Name: now.name, Old: o, New: n})
	}
	if old.x == nil || now.x == nil {
		return fields
	}
	before, after := old.in.reads(old.x), now.in.reads(now.x)
	names := slices.Concat(sortedKeys(before), sortedKeys(after))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		o, n := printed(before[name]), printed(after[name])
		if o != n {
			fields = append(fields, Field{Aspect: now.aspect, Name: name, Old: o, New: n})
		}
	}
	if fields == nil { // what is shown is the same: the message as it was written
		fields = append(fields, Field{Aspect: now.aspect, Name: now.name, Old: code.Print(old.x), New: code.Print(now.x)})
	}
	return fields
}

func printed(x *code.Expr) string {
	if x == nil {
		return ""
	}
	return code.Print(x)
}
