package target

import (
	"testing"

	"github.com/policyc/policyc/compiler/schema"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Version{"1.30": 30, "v1.34": 34, "1.37.2": 37, "1.29": 0, "1.38": 0, "2.34": 0, "1": 0, "1.x": 0, "": 0} {
		if got, err := Parse(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("Parse(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
}

// Every version has an environment and schemas, and there are no others.
func TestVersions(t *testing.T) {
	minors := schema.Minors()
	if minors[0] != int(Oldest) || minors[len(minors)-1] != int(Newest) {
		t.Errorf("schemas are embedded for %v, versions go from %s to %s", minors, Oldest, Newest)
	}
	for v := Oldest; v <= Newest; v++ {
		if _, err := v.Env(); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
}

// What came with a minor can be used from the next one on.
func TestSince(t *testing.T) {
	for name, want := range map[string]Version{"quantity": 30, "isIP": 31, "format.named": 32, "semver": 34, "lists.range": 35} {
		if got, ok := FunctionSince(name); !ok || got != want {
			t.Errorf("FunctionSince(%s) = %s, %v, want %s", name, got, ok, want)
		}
	}
	if got, ok := MacroSince("all", 3, true); !ok || got != 33 {
		t.Errorf("two-variable all: %s, %v", got, ok)
	}
	if _, ok := FunctionSince("includes"); ok {
		t.Error("`includes` came with 1.37: no known version takes it in a new expression")
	}
}

func TestFeatures(t *testing.T) {
	for _, f := range Features() {
		if f.Name == "" || f.Since < Oldest || f.Since > Newest {
			t.Errorf("%+v", f)
		}
		if !Newest.Has(f) || f.Since > Oldest && Oldest.Has(f) {
			t.Errorf("%s: the table contradicts Has", f.Name)
		}
	}
}
