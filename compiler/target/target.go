// Package target says what each Kubernetes minor can evaluate: the CEL
// environment that its API server compiles new expressions with, and the
// admission features that it serves.
//
//	Version(34).HasFunction("flatten") → false: new in 1.34, usable from 1.35 on
package target

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
)

// Version is a Kubernetes minor version, 34 for 1.34: the lowest server that
// compiled policies must run on.
type Version int

// The versions that policyc knows.
const (
	Oldest  Version = 30
	Default Version = 34
	Newest  Version = 37
)

// Feature is a capability of the API server besides CEL functions.
type Feature struct {
	Name  string
	Since Version
}

// The features that placement and emission ask for.
var (
	// ValidatingAdmissionPolicy is `admissionregistration.k8s.io/v1` (KEP-3488).
	ValidatingAdmissionPolicy = Feature{"ValidatingAdmissionPolicy v1", 30}
	// MutatingAdmissionPolicy is `admissionregistration.k8s.io/v1` (KEP-3962).
	MutatingAdmissionPolicy = Feature{"MutatingAdmissionPolicy v1", 36}
)

// Features lists all features, oldest first.
func Features() []Feature { return []Feature{ValidatingAdmissionPolicy, MutatingAdmissionPolicy} }

// Parse reads `1.34` or `v1.34.2`. The error says which versions are known.
func Parse(text string) (Version, error) {
	parts := strings.Split(strings.TrimPrefix(text, "v"), ".")
	if len(parts) >= 2 && len(parts) <= 3 && parts[0] == "1" {
		if minor, err := strconv.Atoi(parts[1]); err == nil && Version(minor) >= Oldest && Version(minor) <= Newest {
			return Version(minor), nil
		}
	}
	return 0, fmt.Errorf("%q is no Kubernetes version that policyc knows: use %s to %s", text, Oldest, Newest)
}

// String returns the version as people write it, such as 1.34.
func (v Version) String() string { return "1." + strconv.Itoa(int(v)) }

// Has reports whether servers of the version have the feature.
func (v Version) Has(f Feature) bool { return v >= f.Since }

// EnvSet returns the API server's own base CEL environment for expressions
// that are new to a server of this version. It is that of the previous minor:
// an API server admits only what its minimum compatibility version can also
// evaluate (KEP-4330; seen on 1.37, which refuses `[1].includes(1)`, new in 1.37).
func (v Version) EnvSet() *environment.EnvSet {
	return environment.MustBaseEnvSet(version.MajorMinor(1, uint(v)-1))
}

// Env returns the environment that new expressions are compiled with.
func (v Version) Env() (*cel.Env, error) { return v.EnvSet().Env(environment.NewExpressions) }

// FunctionSince returns the first version on which a function is usable.
func FunctionSince(name string) (Version, bool) {
	return since(func(env *cel.Env) bool { return env.HasFunction(name) })
}

// MacroSince returns the first version on which the macro of that name and
// number of arguments is usable; receiver says that it is called on a value.
func MacroSince(name string, args int, receiver bool) (Version, bool) {
	return since(func(env *cel.Env) bool { return HasMacro(env, name, args, receiver) })
}

// HasMacro reports whether env has the macro.
func HasMacro(env *cel.Env, name string, args int, receiver bool) bool {
	for _, m := range env.Macros() {
		if m.Function() == name && m.ArgCount() == args && m.IsReceiverStyle() == receiver {
			return true
		}
	}
	return false
}

func since(has func(*cel.Env) bool) (Version, bool) {
	for v := Oldest; v <= Newest; v++ {
		env, err := v.Env()
		if err == nil && has(env) {
			return v, true
		}
	}
	return 0, false
}
