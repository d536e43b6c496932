package expr

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	celtypes "github.com/google/cel-go/common/types"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/target"
)

// TestLoweredNeverErrors lowers random expressions and evaluates them on random
// objects, in the API server's own environments: promises 1 and 2 of the design.
func TestLoweredNeverErrors(t *testing.T) {
	accepted, n := 0, 1000
	for seed := int64(1); seed <= int64(n); seed++ {
		if checkSeed(t, seed, false) {
			accepted++
		}
	}
	if accepted < n/2 {
		t.Errorf("the generator is of little use: %d of %d expressions are well-typed", accepted, n)
	}
}

// FuzzLowered is TestLoweredNeverErrors without an end.
func FuzzLowered(f *testing.F) {
	f.Add(int64(1))
	f.Fuzz(func(t *testing.T, seed int64) { checkSeed(t, seed, false) })
}

// checkSeed tests the expression of a seed. It reports whether it was well-typed.
func checkSeed(t *testing.T, seed int64, core bool) bool {
	g := &generator{Rand: rand.New(rand.NewSource(seed)), core: core}
	text := g.bool(1 + g.Intn(4))
	if !core && g.Intn(4) == 0 {
		text = g.any(1 + g.Intn(3))
	}
	v := testTargets[seed%int64(len(testTargets))]
	env := testEnvs[v]()
	n, report := checkText(env.scope, text)
	if n.Bad() || report.HasErrors() {
		return false
	}
	x, optional := lowerText(n)
	program := compileLowered(t, env, v, text, x)
	if program == nil {
		return true
	}
	for range 6 {
		input := g.input()
		out, _, err := program.Eval(input)
		if err != nil {
			if !allowedError(err) {
				t.Errorf("seed %d, %s: %s\n\t→ %s\n\t%v\n\tinput %v", seed, v, text, code.Print(x), err, input)
				return true
			}
			continue
		}
		if o, ok := out.(*celtypes.Optional); ok != optional {
			t.Errorf("seed %d, %s: %s\n\t→ %s\n\tis %v, optional %v", seed, v, text, x, out, optional)
		} else if optional && o.HasValue() && o.GetValue() == celtypes.NullValue {
			t.Errorf("seed %d, %s: %s\n\t→ %s\n\tan optional that holds null", seed, v, text, x)
		}
	}
	return true
}

func compileLowered(t *testing.T, env *testEnv, v target.Version, text string, x *code.Expr) cel.Program {
	ast, err := compileBoth(env, code.Print(x))
	if err != nil {
		t.Errorf("%s: %s\n\t→ %s\n\t%v", v, text, code.Print(x), firstLine(err))
		if ast == nil {
			return nil
		}
	}
	program, err := env.dyn.Program(ast)
	if err != nil {
		t.Errorf("%s: %s\n\t→ %s\n\t%v", v, text, x, err)
		return nil
	}
	return program
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// allowedError reports whether an evaluation may end like this (DESIGN.md,
// promise 1).
func allowedError(err error) bool {
	for _, s := range []string{"overflow", "cost limit"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

func (g *generator) input() map[string]any {
	var old any
	if g.Intn(2) == 0 {
		old = g.value(thingType, 3)
	}
	return map[string]any{"object": g.value(thingType, 4), "oldObject": old, "any": g.dynValue(3),
		"request": map[string]any{}, "namespaceObject": nil, "params": nil, "authorizer": nil}
}
