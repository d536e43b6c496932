package expr

import "github.com/policyc/policyc/compiler/types"

// verdict is what is known of a condition when some field is absent.
type verdict uint8

const (
	unknown verdict = iota
	isTrue
	isFalse
)

func (v verdict) not() verdict {
	switch v {
	case isTrue:
		return isFalse
	case isFalse:
		return isTrue
	}
	return unknown
}

// DecidingAbsence returns the fields of which absence alone makes a condition
// true, for whatever else the object holds. Fields for which the condition
// asks explicitly, with has() or a comparison with null, are left out: there
// the author has decided.
func DecidingAbsence(n *Node) []*Node {
	asked := map[string]bool{}
	candidates := map[string]*Node{}
	var order []string
	n.Walk(func(m *Node) {
		switch {
		case m.Op == OpHas:
			asked[m.Args[0].path()] = true
		case (m.Op == OpEq || m.Op == OpNe) && m.Args[0].Op == OpAbsent:
			asked[m.Args[1].path()] = true
		case (m.Op == OpEq || m.Op == OpNe) && m.Args[1].Op == OpAbsent:
			asked[m.Args[0].path()] = true
		case (m.Op == OpSelect || m.Op == OpIndex) && !(m.Field != nil && m.Field.Required && !m.Field.Nullable):
			// An absent collection is an empty one, which is no accident.
			if p := m.path(); p != "" && m.Type.Kind != types.List && m.Type.Kind != types.Map && m.Type.Kind != types.Object {
				if candidates[p] == nil {
					candidates[p] = m
					order = append(order, p)
				}
			}
		}
	})
	var out []*Node
	for _, p := range order {
		if !asked[p] && !askedBelow(asked, p) && judge(n, p) == isTrue {
			out = append(out, candidates[p])
		}
	}
	return out
}

// askedBelow reports whether presence of a parent of the path was asked for.
func askedBelow(asked map[string]bool, path string) bool {
	for i := len(path) - 1; i > 0; i-- {
		if (path[i] == '.' || path[i] == '[') && asked[path[:i]] {
			return true
		}
	}
	return false
}

// RequiresPresence reports whether a condition is false when field is absent.
func RequiresPresence(n, field *Node) bool { return judge(n, field.path()) == isFalse }

// Path returns the expression as people write it when it is a chain of
// selections, such as container.securityContext.privileged.
func (n *Node) Path() string { return n.path() }

// judge evaluates a condition as far as it goes with one path absent.
func judge(n *Node, path string) verdict {
	absent := func(m *Node) bool { return mustBeAbsent(m, path) }
	switch n.Op {
	case OpLit:
		switch n.Value {
		case true:
			return isTrue
		case false:
			return isFalse
		}
	case OpNot:
		return judge(n.Args[0], path).not()
	case OpAnd, OpOr:
		dominant := isFalse
		if n.Op == OpOr {
			dominant = isTrue
		}
		out := dominant.not()
		for _, a := range n.Args {
			switch judge(a, path) {
			case dominant:
				return dominant
			case unknown:
				out = unknown
			}
		}
		return out
	case OpHas:
		if absent(n.Args[0]) {
			return isFalse
		}
	case OpEq, OpNe:
		v := judgeEqual(n.Args[0], n.Args[1], path)
		if n.Op == OpNe {
			return v.not()
		}
		return v
	case OpCompare, OpIn:
		if absent(n.Args[0]) || n.Op == OpCompare && absent(n.Args[1]) {
			return isFalse
		}
	case OpCall:
		if n.Type.Kind == types.Bool {
			for _, a := range n.Args {
				if absent(a) {
					return isFalse
				}
			}
		}
	case OpSelect, OpIndex, OpLocal, OpVar, OpAbsent:
		if absent(n) {
			return isFalse
		}
	case OpOrValue:
		if absent(n.Args[0]) {
			return judge(n.Args[1], path)
		}
	case OpShare:
		return judge(n.Args[1], path)
	case OpCond:
		switch judge(n.Args[0], path) {
		case isTrue:
			return judge(n.Args[1], path)
		case isFalse:
			return judge(n.Args[2], path)
		}
	}
	return unknown
}

func judgeEqual(a, b *Node, path string) verdict {
	a, b = withDefault(a, path), withDefault(b, path)
	x, y := mustBeAbsent(a, path), mustBeAbsent(b, path)
	switch {
	case x && y:
		return isTrue
	case x && present(b), y && present(a):
		return isFalse
	case a.Op == OpLit && b.Op == OpLit:
		if comparableLiteral(a.Value) && comparableLiteral(b.Value) && a.Value == b.Value {
			return isTrue
		}
		return isFalse
	}
	return unknown
}

func comparableLiteral(v any) bool { _, bytes := v.([]byte); return !bytes }

// withDefault replaces x.orValue(y) by y when x is absent.
func withDefault(n *Node, path string) *Node {
	if n.Op == OpOrValue && mustBeAbsent(n.Args[0], path) {
		return n.Args[1]
	}
	return n
}

// present reports whether an expression always has a value.
func present(n *Node) bool {
	switch n.Op {
	case OpLit, OpList, OpMap, OpHas, OpNot, OpAnd, OpOr, OpEq, OpNe, OpCompare, OpIn:
		return true
	}
	return false
}

// mustBeAbsent reports whether an expression is absent because path is.
func mustBeAbsent(n *Node, path string) bool {
	if n.Op == OpAbsent {
		return true
	}
	if n.path() == path {
		return true
	}
	switch n.Op {
	case OpSelect, OpIndex, OpNeg, OpLet:
		return mustBeAbsent(n.Args[0], path)
	case OpArith:
		return n.Type.Kind != types.List && (mustBeAbsent(n.Args[0], path) || mustBeAbsent(n.Args[1], path))
	case OpCall:
		if n.Type.Kind == types.Bool {
			return false
		}
		for i, a := range n.Args {
			want := n.Calls[0].params[i].Kind
			if want != types.List && want != types.Map && mustBeAbsent(a, path) {
				return true
			}
		}
	}
	return false
}

// MayOverflow returns a product of two integers that both come from the
// object, whose range is thus unknown; nil when there is none.
func MayOverflow(n *Node) *Node {
	var found *Node
	n.Walk(func(m *Node) {
		if m.Op == OpArith && m.Name == "*" && m.Type.Kind == types.Int &&
			m.Args[0].Constants == nil && m.Args[1].Constants == nil && found == nil {
			found = m
		}
	})
	return found
}
