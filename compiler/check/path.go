package check

import (
	"strings"
	"unicode"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/types"
)

// path is the path of a mutation.
//
//	pod.spec.containers[*].securityContext
//	→ root pod; steps spec, containers, every element, securityContext
type path struct {
	text  source.Text
	root  source.Text
	steps []step
}

// step leads one level down.
type step struct {
	// name is the field or key; "" for the elements of a list.
	name string
	// bracket says that it was written in brackets.
	bracket bool
	at      source.Span
	// typ is what stands there; field is nil for keys and elements.
	typ   *types.Type
	field *types.Field
}

func (s step) every() bool { return s.name == "" }

// pointer is the step in a JSON pointer (RFC 6901).
func (s step) pointer() string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s.name)
}

// policyCEL is the step as an expression writes it.
func (s step) policyCEL() string {
	if s.field == nil || !code.IsIdentifier(s.name) {
		return "[" + code.Quote(s.name) + "]"
	}
	return "." + s.name
}

// pathForms is the help for a path that is not well-formed.
const pathForms = "a path is such as `object.metadata.labels['team']` or `pod.spec.containers[*].image`"

// parsePath splits a path; ok is false when an error was reported.
func parsePath(text source.Text, r *diag.Report) (p *path, ok bool) {
	p = &path{text: text}
	s := text.Value
	end := identifierEnd(s, 0)
	if end == 0 {
		r.Errorf(diag.InvalidPath, text.Span, "`%s` is no path", s).Helpf(pathForms)
		return nil, false
	}
	p.root = text.Sub(0, end)
	for i := end; i < len(s); {
		next, st, ok := parseStep(text, i)
		if !ok {
			d := r.Errorf(diag.InvalidPath, text.Slice(i, len(s)), "`%s` is no part of a path", s[i:])
			if strings.ContainsAny(s[i:], "/-") {
				d.Helpf("write a key that is no identifier in brackets, as in `labels['example.com/team']`")
			} else {
				d.Helpf(pathForms)
			}
			return nil, false
		}
		p.steps = append(p.steps, st)
		i = next
	}
	return p, true
}

// parseStep reads one step at offset i.
func parseStep(text source.Text, i int) (next int, st step, ok bool) {
	s := text.Value
	switch {
	case s[i] == '.':
		end := identifierEnd(s, i+1)
		return end, step{name: s[i+1 : end], at: text.Slice(i+1, end)}, end > i+1
	case strings.HasPrefix(s[i:], "[*]"):
		return i + 3, step{at: text.Slice(i, i+3)}, true
	case s[i] == '[' && i+1 < len(s) && (s[i+1] == '\'' || s[i+1] == '"'):
		n := strings.Index(s[i+2:], string(s[i+1])+"]")
		if n <= 0 {
			return 0, step{}, false
		}
		key := s[i+2 : i+2+n]
		return i + n + 4, step{name: key, bracket: true, at: text.Slice(i+2, i+2+n)}, plainKey(key)
	}
	return 0, step{}, false
}

// plainKey reports whether a key is what it looks like: the API server quotes
// the path of a patch by Go's rules, not by those of JSON, so that it cannot
// read back what is not printable (k8s.io/apiserver, mutating/patch, v0.37).
func plainKey(key string) bool {
	return !strings.ContainsAny(key, `\'"`) && !strings.Contains(key, "${") &&
		strings.IndexFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func identifierEnd(s string, i int) int {
	for ; i < len(s); i++ {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '$'
		if !letter && (c < '0' || c > '9') {
			break
		}
	}
	return i
}

// resolvePath gives each step its type, from that of the root; ok is false
// when an error was reported.
func resolvePath(p *path, root *types.Type, r *diag.Report) bool {
	t := root
	for i := range p.steps {
		st := &p.steps[i]
		ok := false
		if t, ok = st.resolve(t, r); !ok {
			return false
		}
		st.typ = t
	}
	return true
}

func (s *step) resolve(t *types.Type, r *diag.Report) (*types.Type, bool) {
	switch {
	case t.Kind == types.List && s.every():
		return t.Elem, true
	case t.Kind == types.List:
		r.Errorf(diag.WrongType, s.at, "%s is a list, and has no `%s`", t, s.name).
			Helpf("write `[*]` before it for every element, or use forEach")
	case s.every():
		r.Errorf(diag.WrongType, s.at, "%s is no list", t)
	case t.Kind == types.Map:
		return t.Elem, true
	case t.Kind == types.Object:
		return s.resolveField(t, r)
	case t.Kind == types.Dyn:
		r.Errorf(diag.InvalidPath, s.at, "the schema says nothing of what `%s` would be part of", s.name).
			Helpf("set the part that the schema knows as a whole")
	default:
		r.Errorf(diag.WrongType, s.at, "%s has no fields, so no `%s`", t, s.name).
			Helpf("write a key that has dots in brackets: `labels['example.com/team']`")
	}
	return nil, false
}

func (s *step) resolveField(t *types.Type, r *diag.Report) (*types.Type, bool) {
	f := t.Fields.Field(s.name)
	switch {
	case f == nil && t.Open:
		return types.DynType, true
	case f == nil:
		d := r.Errorf(diag.UnknownField, s.at, "no field %q on %s", s.name, t)
		if near, ok := diag.Suggest(s.name, t.Fields.Names()); ok {
			d.Labelf("did you mean %q?", near)
		}
		return nil, false
	case f.Newer:
		r.Errorf(diag.UnknownField, s.at, "the lowest version to support does not have the field `%s`", s.name).
			Helpf("raise `kubernetes.minVersion` to the version that has it")
		return nil, false
	case len(f.MissingIn) > 0 && !onlyEphemeral(f.MissingIn):
		r.Errorf(diag.UnknownField, s.at, "the field `%s` does not exist on %s", s.name, strings.Join(f.MissingIn, ", ")).
			Helpf("write a policy that matches only the kinds that have it")
		return nil, false
	}
	s.field = f
	return f.Type, true
}

// onlyEphemeral reports whether only ephemeral containers lack a field: these
// are left out where a field is not theirs.
func onlyEphemeral(missing []string) bool {
	for _, m := range missing {
		if m != ephemeralLabel {
			return false
		}
	}
	return true
}

// missing are the kinds that lack the field of a step.
func (s step) missing() []string {
	if s.field == nil {
		return nil
	}
	return s.field.MissingIn
}
