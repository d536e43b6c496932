package expr

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

// testTargets are the targets that lowered expressions are compiled for.
var testTargets = []target.Version{target.Oldest, 33, target.Newest}

func field(name string, t *types.Type) *types.Field { return &types.Field{Name: name, Type: t} }

func required(name string, t *types.Type) *types.Field {
	return &types.Field{Name: name, Type: t, Required: true}
}

func nullable(name string, t *types.Type) *types.Field {
	return &types.Field{Name: name, Type: t, Nullable: true}
}

func nullElems(t *types.Type) *types.Type {
	out := *t
	out.NullElem = true
	return &out
}

func mapOf(elem *types.Type) *types.Type { return types.NewMap(types.StringType, elem) }

// subType and thingType are a small schema that has one of everything.
var subType = types.NewObject("test.Sub",
	required("name", types.StringType),
	field("image", types.StringType),
	field("flag", types.BoolType),
	field("count", types.IntType),
	nullable("note", types.StringType),
	field("args", types.NewList(types.StringType)),
	field("deep", types.NewObject("test.Deep",
		field("flag", types.BoolType),
		field("word", types.StringType),
		field("limit", types.QuantityType),
	)),
)

var openType = func() *types.Type {
	t := types.NewObject("test.Open", field("known", types.StringType))
	t.Open = true
	return t
}()

var thingType = types.NewObject("test.Thing",
	required("kind", types.StringType),
	required("apiVersion", types.StringType),
	required("metadata", types.NewObject("test.Meta",
		field("name", types.StringType),
		field("generateName", types.StringType),
		field("namespace", types.StringType),
		field("labels", mapOf(types.StringType)),
	)),
	required("req", types.StringType),
	required("num", types.IntType),
	required("must", subType),
	required("list", types.NewList(types.StringType)),
	field("opt", types.StringType),
	nullable("nul", types.StringType),
	field("flag", types.BoolType),
	nullable("nflag", types.BoolType),
	field("cnt", types.IntType),
	nullable("ncnt", types.IntType),
	field("ratio", types.DoubleType),
	field("lint", types.LooseIntType),
	field("ldbl", types.LooseDoubleType),
	field("lints", types.NewList(types.LooseIntType)),
	field("ldbls", types.NewList(types.LooseDoubleType)),
	field("tags", types.NewList(types.StringType)),
	nullable("ntags", nullElems(types.NewList(types.StringType))),
	field("nums", types.NewList(types.IntType)),
	field("dbls", types.NewList(types.DoubleType)),
	field("flags", types.NewList(types.BoolType)),
	field("matrix", types.NewList(types.NewList(types.IntType))),
	field("labels", mapOf(types.StringType)),
	nullable("nmap", nullElems(mapOf(types.StringType))),
	field("imap", mapOf(types.IntType)),
	field("a-b", types.StringType),
	field("in", types.StringType),
	field("port", types.IntOrStringType),
	field("cport", types.LooseIntOrStringType),
	field("ports", types.NewList(types.IntOrStringType)),
	field("mem", types.QuantityType),
	field("limits", mapOf(types.QuantityType)),
	nullable("at", types.TimeType),
	field("wait", types.DurationTextType),
	field("b64", types.Base64Type),
	field("any", types.DynType),
	field("anys", types.NewList(types.DynType)),
	field("anym", mapOf(types.DynType)),
	field("sub", subType),
	nullable("nsub", subType),
	field("subs", types.NewList(subType)),
	nullable("nsubs", nullElems(types.NewList(subType))),
	field("submap", mapOf(subType)),
	field("open", openType),
)

// declType is a type as the API server's type checker sees it, after
// SchemaDeclType of k8s.io/apiserver/pkg/cel/common: fields that it cannot
// name are not there, and text with a format is what the format says.
func declType(t *types.Type) *apiservercel.DeclType {
	switch t.Kind {
	case types.Bool:
		return apiservercel.BoolType
	case types.Int:
		return apiservercel.IntType
	case types.Double:
		return apiservercel.DoubleType
	case types.String, types.Quantity, types.DurationText:
		return apiservercel.StringType
	case types.Time:
		return apiservercel.TimestampType
	case types.Base64:
		return apiservercel.BytesType
	case types.IntOrString:
		return apiservercel.DynType
	case types.List:
		if elem := declType(t.Elem); elem != nil {
			return apiservercel.NewListType(elem, -1)
		}
	case types.Map:
		if elem := declType(t.Elem); elem != nil {
			return apiservercel.NewMapType(apiservercel.StringType, elem, -1)
		}
	case types.Object:
		fields := map[string]*apiservercel.DeclField{}
		for _, name := range t.Fields.Names() {
			f := declType(t.Fields.Field(name).Type)
			escaped, ok := apiservercel.Escape(name)
			if name == "namespace" {
				// Type checkers before 1.32 know it as __namespace__ only, and
				// warn about every policy that reads it.
				escaped = name
			}
			if ok && f != nil {
				fields[escaped] = apiservercel.NewDeclField(escaped, f, false, nil, nil)
			}
		}
		return apiservercel.NewObjectType("object", fields)
	}
	return nil
}

// testEnv is an environment of the API server for one target, with object
// declared as at run time (dyn) and as its type checker does.
type testEnv struct {
	base, dyn, typed *cel.Env
	scope            *Scope
}

var testEnvs = func() map[target.Version]func() *testEnv {
	out := map[target.Version]func() *testEnv{}
	for v := target.Oldest; v <= target.Newest; v++ {
		out[v] = sync.OnceValue(func() *testEnv { return newTestEnv(v) })
	}
	return out
}()

func newTestEnv(v target.Version) *testEnv {
	extend := func(object *apiservercel.DeclType) *cel.Env {
		request, namespace := plugincel.BuildRequestType(), plugincel.BuildNamespaceType()
		objectType := cel.DynType
		decls := []*apiservercel.DeclType{request, namespace}
		if object != nil {
			objectType = object.CelType()
			decls = append(decls, object)
		}
		set, err := v.EnvSet().Extend(environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 0),
			EnvOptions: []cel.EnvOption{
				cel.Variable("object", objectType), cel.Variable("oldObject", objectType),
				cel.Variable("params", cel.DynType), cel.Variable("any", cel.DynType),
				cel.Variable("request", request.CelType()),
				cel.Variable("namespaceObject", namespace.CelType()),
				cel.Variable("authorizer", library.AuthorizerType),
			},
			DeclTypes: decls,
		})
		if err != nil {
			panic(err)
		}
		env, err := set.Env(environment.NewExpressions)
		if err != nil {
			panic(err)
		}
		return env
	}
	e := &testEnv{dyn: extend(nil)}
	e.typed = extend(declType(thingType).MaybeAssignTypeName("test.Thing1"))
	var err error
	if e.base, err = v.Env(); err != nil {
		panic(err)
	}
	e.scope = testScope(v, e.base)
	return e
}

var testParams = map[string]any{
	"words": []any{"a/", "b/"}, "max": int64(3), "patterns": []any{"^a", "b+$"}, "none": []any{},
}

func testScope(v target.Version, env *cel.Env) *Scope {
	member := func(name string, t *types.Type) *Var {
		return &Var{Name: "params." + name, Type: t, Code: code.Value(testParams[name]), Constant: testParams[name], HasConstant: true}
	}
	words := types.NewList(types.StringType)
	return &Scope{Target: v, Env: env, Vars: map[string]*Var{
		"object":     {Name: "object", Type: thingType, Code: code.Ident("object")},
		"oldObject":  {Name: "oldObject", Type: thingType, Nullable: true, Code: code.Ident("oldObject")},
		"any":        {Name: "any", Type: types.DynType, Nullable: true, Code: code.Ident("any")},
		"authorizer": {Name: "authorizer", Type: types.NewOpaque("kubernetes.authorization.Authorizer"), Code: code.Ident("authorizer")},
		"params": {Name: "params", What: "parameter", Members: map[string]*Var{
			"words": member("words", words), "max": member("max", types.IntType),
			"patterns": member("patterns", words), "none": member("none", words),
		}},
	}}
}

// checkText checks an expression of policy CEL.
func checkText(scope *Scope, text string) (*Node, *diag.Report) {
	r := diag.NewReport()
	f := source.NewFile("p.yaml", []byte(text))
	p := Parse(source.NewText(text, source.Span{File: f, Start: 0, End: len(text)}, nil), r)
	return Check(p, scope, r), r
}

// lowerText lowers an expression: as a condition when it is one, as a value
// otherwise, which may be an optional.
func lowerText(n *Node) (x *code.Expr, optional bool) {
	if n.Type.Kind == types.Bool {
		return Condition(n), false
	}
	return Value(n)
}

// compileBoth compiles for a target; the error is what the API server's
// compiler or its type checker says.
func compileBoth(env *testEnv, text string) (*cel.Ast, error) {
	ast, issues := env.dyn.Compile(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	_, issues = env.typed.Compile(text)
	return ast, issues.Err()
}

func mustLower(t *testing.T, env *testEnv, text string) string {
	t.Helper()
	n, r := checkText(env.scope, text)
	if r.HasErrors() || n.Bad() {
		t.Fatalf("%s: %s", text, messages(r))
	}
	x, _ := lowerText(n)
	return x.String()
}

func messages(r *diag.Report) string {
	var out []string
	for _, d := range r.Sorted() {
		out = append(out, d.Code.ID+" "+d.Message)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
