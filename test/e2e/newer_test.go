//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/types"
)

// gated are fields that servers know and drop before this minor, where their feature gates (UserNamespacesSupport,
// ProcMountType) are off by default.
var gated = map[string]int{"hostUsers": 33, "procMount": 33}

// newerField returns the path of a field that the server does not know, since only later versions have it, or is told not
// to: the server drops it, so that there is nothing left to judge. "" when there is none.
func (c *cluster) newerField(t *testing.T, o object) string {
	t.Helper()
	_, minor, _ := strings.Cut(c.version, ".")
	n, err := strconv.Atoi(minor)
	if err != nil {
		t.Fatal(err)
	}
	set, err := schema.Load(n)
	if err != nil {
		t.Fatal(err)
	}
	apiVersion, _ := o["apiVersion"].(string)
	name, _ := o["kind"].(string)
	kind, ok := set.ForObject(apiVersion, name)
	if !ok {
		return ""
	}
	root, err := set.Root(kind)
	if err != nil {
		t.Fatal(err)
	}
	return newerIn(root, o, "", n)
}

func newerIn(t *types.Type, value any, path string, minor int) string {
	switch value := value.(type) {
	case object:
		for _, name := range sortedKeys(value) {
			at := path + "." + name
			switch {
			case t.Kind == types.Map:
				if found := newerIn(t.Elem, value[name], at, minor); found != "" {
					return found
				}
			case t.Kind == types.Object:
				f := t.Fields.Field(name)
				if f == nil {
					continue
				}
				if f.Newer || minor < gated[name] {
					return strings.TrimPrefix(at, ".")
				}
				if found := newerIn(f.Type, value[name], at, minor); found != "" {
					return found
				}
			}
		}
	case []any:
		if t.Kind != types.List {
			return ""
		}
		for _, item := range value {
			if found := newerIn(t.Elem, item, path, minor); found != "" {
				return found
			}
		}
	}
	return ""
}
