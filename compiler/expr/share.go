package expr

import (
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/types"
)

// Fields of what library functions return are long to compute and often read
// more than once: `image(ref).tag != 'latest'` beside `has(image(ref).tag)`.
// They are bound to a variable around the smallest expression that is sure to
// have everything they read in scope: the body of a macro, or the whole.
//
//	[container.?image.optMap(ref, …)].exists(tag, tag.hasValue() && tag.orValue('') != 'latest')

// shared checks an expression and binds the values that it shares.
func (c *checker) shared(check func() *Node) *Node {
	outer := c.shares
	c.shares = nil
	n := check()
	if n.Op == OpRecord {
		c.shares = outer
		return n
	}
	for i := len(c.shares) - 1; i >= 0; i-- {
		s := *c.shares[i]
		s.Args = []*Node{s.Args[0], n}
		s.Type, s.Span, s.Constants = n.Type, n.Span, nil
		if n.Op != OpBad {
			n = &s
		}
	}
	c.shares = outer
	return n
}

// share returns a variable that holds value, the same for equal values.
func (c *checker) share(name, hint string, value *Node) *Node {
	if value.Op == OpBad || value.Op == OpAbsent || value.Op == OpLit {
		return value
	}
	key := name + " " + renderKey(value)
	for _, s := range c.shares {
		if s.Name == key {
			return localNode(s.Locals[0], value)
		}
	}
	l := &Local{Name: hint, Type: value.Type, Optional: true, BuiltIn: mayBeBuiltIn(value)}
	c.shares = append(c.shares, &Node{Op: OpShare, Name: key, Locals: []*Local{l}, Args: []*Node{value, nil}})
	return localNode(l, value)
}

func localNode(l *Local, value *Node) *Node {
	return &Node{Op: OpLocal, Locals: []*Local{l}, Type: l.Type, Span: value.Span}
}

// renderKey writes a value with the variables that it reads under their own
// names, which are distinct inside one expression.
func renderKey(n *Node) string {
	l := newLowerer(n)
	t := l.term(n)
	return t.x.String()
}

// sharing lowers a share: body is given the optional under a new name.
func (l *lowerer) sharing(n *Node, body func(v *code.Expr)) *code.Expr {
	value := l.opt(l.term(n.Args[0]))
	local := n.Locals[0]
	name := l.fresh(local.Name)
	defer l.release(name)
	l.names[local] = name
	body(code.Ident(name))
	return code.List([]*code.Expr{value}, nil)
}

// shareCondition lowers a share whose body is a condition.
func (l *lowerer) shareCondition(n *Node) *code.Expr {
	var v, body *code.Expr
	list := l.sharing(n, func(x *code.Expr) { v, body = x, l.cond(n.Args[1]) })
	if body.Count(v.Name) <= 1 {
		return body.Replace(v.Name, list.Args[0])
	}
	return code.Method(list, "exists", v, body)
}

// shareValue lowers a share whose body is a value.
func (l *lowerer) shareValue(n *Node) term {
	var v *code.Expr
	var inner term
	list := l.sharing(n, func(x *code.Expr) { v, inner = x, l.term(n.Args[1]) })
	if inner.x.Count(v.Name) <= 1 {
		inner.x = inner.x.Replace(v.Name, list.Args[0])
		return inner
	}
	if n.Type.Kind == types.Bool && inner.total() {
		inner.x = code.Method(list, "exists", v, inner.x)
		return inner
	}
	inner.x = code.Index(code.Method(list, "map", v, inner.x), code.Lit(int64(0)))
	return inner
}
