package remote

import (
	"strings"

	"github.com/policyc/policyc/compiler/code"
)

// path takes a chain of selections by constant names apart, and says whether its value is an optional.
//
//	request.?userInfo.groups                → [request userInfo groups], true
//	namespaceObject.metadata.labels['team'] → [namespaceObject metadata labels team], false
func path(e *code.Expr) (steps []string, optional, ok bool) {
	switch {
	case e.Kind == code.KindIdent:
		return strings.Split(e.Name, "."), false, true
	case e.Kind == code.KindSelect:
		steps, optional, ok = path(e.Args[0])
		return append(steps, e.Name), optional || e.Optional, ok
	case e.Kind == code.KindIndex && e.Args[1].Kind == code.KindLit:
		key, text := e.Args[1].Value.(string)
		if !text {
			return nil, false, false
		}
		steps, optional, ok = path(e.Args[0])
		return append(steps, key), optional || e.Optional, ok
	}
	return nil, false, false
}

// requestFields are the fields of `request` that are the same on a server.
var requestFields = []string{"kind", "resource", "subResource", "requestKind", "requestResource", "requestSubResource", "name", "operation"}
