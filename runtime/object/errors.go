package object

import (
	"fmt"
	"strings"
)

// Path leads to a value in an object: strings are keys of maps, ints are indexes of lists.
type Path []any

// String writes a path as people do.
//
//	{"spec", "containers", 0, "image"}                  → spec.containers[0].image
//	{"metadata", "labels", "app.kubernetes.io/name"}    → metadata.labels['app.kubernetes.io/name']
func (p Path) String() string {
	var text strings.Builder
	for _, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&text, "[%d]", step)
		case string:
			switch {
			case strings.ContainsAny(step, "./[]'"):
				fmt.Fprintf(&text, "['%s']", step)
			case text.Len() > 0:
				text.WriteString("." + step)
			default:
				text.WriteString(step)
			}
		}
	}
	return text.String()
}

// then is the path of a part. It never shares memory with the path of another part.
func (p Path) then(step any) Path {
	return append(p[:len(p):len(p)], step)
}

// Error is a value that does not fit the schema of its kind.
type Error struct {
	Path    Path
	Message string // "unknown field", "want a string, not a number"
}

func (e *Error) Error() string {
	if len(e.Path) == 0 {
		return e.Message
	}
	return e.Path.String() + ": " + e.Message
}

// Errors are all that is wrong with one object, ordered by path; at least one.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// orNil avoids the error that is not nil although there is none.
func (e Errors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}
