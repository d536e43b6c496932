// Package arch holds the tests of how the code is laid out: which package may
// import which, and what no package does. ARCHITECTURE.md says why.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/policyc/policyc/"

// root is the folder of the module, from this one.
const root = "../.."

// edges are the imports that packages of the compiler and the runtime have of one another. An
// arrow that is not here is a decision to be made, not an accident: add it
// with the reason, or do without.
var edges = map[string][]string{
	// What stands for itself.
	"compiler/source": {},
	"compiler/code":   {},
	"compiler/types":  {},
	"compiler/target": {},
	"compiler/diag":   {"compiler/source"},

	// Forms that passes work on.
	"compiler/ir":     {"compiler/code"},
	"compiler/syntax": {"compiler/diag", "compiler/source"},
	"compiler/schema": {"compiler/diag", "compiler/types"}, // diag for its suggestions
	"compiler/expr":   {"compiler/code", "compiler/diag", "compiler/source", "compiler/target", "compiler/types"},

	// Passes. A later one reads what an earlier one made: resolve.Project,
	// check.Policy, cost.Result.
	"compiler/resolve": {"compiler/diag", "compiler/expr", "compiler/schema", "compiler/source", "compiler/syntax", "compiler/target", "compiler/types"},
	"compiler/check": {"compiler/code", "compiler/diag", "compiler/expr", "compiler/resolve", "compiler/schema", "compiler/source",
		"compiler/syntax", "compiler/target", "compiler/types"},
	// Which backend runs a rule depends on what it reads: its checked form.
	"compiler/place": {"compiler/check", "compiler/code", "compiler/diag", "compiler/expr", "compiler/ir", "compiler/resolve",
		"compiler/source", "compiler/syntax", "compiler/target"},
	"compiler/lower": {"compiler/check", "compiler/code", "compiler/expr", "compiler/ir", "compiler/place", "compiler/resolve",
		"compiler/schema", "compiler/source", "compiler/syntax", "compiler/target", "compiler/types"},
	"compiler/link": {"compiler/code", "compiler/ir"},
	"compiler/cost": {"compiler/code", "compiler/ir", "compiler/target"},
	"compiler/emit": {"compiler/code", "compiler/cost", "compiler/ir"},

	"compiler": {"compiler/check", "compiler/cost", "compiler/diag", "compiler/emit", "compiler/ir", "compiler/link", "compiler/lower",
		"compiler/place", "compiler/resolve", "compiler/source", "compiler/syntax"},

	// A program of its own, run by go generate.
	"compiler/schema/gen": {},

	// What runs programs. They meet the compiler in ir and in what it emitted.
	"runtime/api":    {}, // what the compiler wrote for the webhook, as the cluster holds it
	"runtime/engine": {"compiler/ir", "runtime/api"},
	// HTTP around the engine. It knows no manager: programs and the cluster are given to it.
	"runtime/webhook":       {"runtime/engine"},
	"runtime/webhook/certs": {}, // certificates, whatever they are for
	// Gives the webhook its programs, its reader and its certificates in a cluster.
	"runtime/webhook/manager": {"runtime/api", "runtime/engine", "runtime/webhook/certs"},
	// Cases are documents of the language: they are read by its rules.
	"runtime/cases":  {"compiler/diag", "compiler/resolve", "compiler/schema", "compiler/source", "compiler/syntax", "runtime/engine", "runtime/object"},
	"runtime/suite":  {"compiler", "compiler/code", "compiler/diag", "compiler/ir", "compiler/schema", "compiler/source", "compiler/syntax", "runtime/cases", "runtime/engine"},
	"runtime/mutate": {"compiler/code", "compiler/ir", "runtime/api", "runtime/cases", "runtime/engine", "runtime/suite"},
	"runtime/object": {}, // knows the API, not policies
	// It rewrites what programs read, so that it knows code; requests are those of cases.
	"runtime/remote": {"compiler/code", "compiler/ir", "runtime/cases", "runtime/suite"},
	// Makes requests of manifests: which resource a kind is, the schemas know.
	"runtime/corpus": {"compiler/schema", "compiler/syntax", "runtime/engine", "runtime/object"},
	// Compares what the compiler made of two sides: programs, costs, and of
	// the documents what programs do not say.
	"runtime/diff": {"compiler", "compiler/code", "compiler/cost", "compiler/emit", "compiler/ir", "runtime/engine", "runtime/suite"},
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	command := exec.Command("go", append([]string{"list"}, args...)...)
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// imports returns what each package of the module imports, tests excluded.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, line := range list(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...") {
		words := strings.Fields(line)
		all[strings.TrimPrefix(words[0], module)] = words[1:]
	}
	return all
}

func TestDirection(t *testing.T) {
	for name, imported := range imports(t) {
		if !strings.HasPrefix(name, "compiler") && !strings.HasPrefix(name, "runtime") {
			continue
		}
		allowed, known := edges[name]
		if !known {
			t.Errorf("%s is new: add it to the edges of this test", name)
		}
		for _, p := range imported {
			own, ours := strings.CutPrefix(p, module)
			if ours && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", name, own)
			}
		}
	}
}

// TestCompilerAlone asserts that the compiler knows neither the runtime nor a
// client of the API server.
func TestCompilerAlone(t *testing.T) {
	without(t, "./compiler/...", module+"runtime", module+"test", "sigs.k8s.io/controller-runtime", "k8s.io/client-go", "k8s.io/kubernetes")
}

// TestCommandLean asserts that the command, which runs the engine, needs no
// more than the API server's libraries.
func TestCommandLean(t *testing.T) {
	without(t, "./cmd/policyc", module+"test", "sigs.k8s.io/controller-runtime", "k8s.io/kubernetes", "k8s.io/pod-security-admission")
}

func without(t *testing.T, packages string, banned ...string) {
	t.Helper()
	for _, p := range list(t, "-deps", packages) {
		for _, b := range banned {
			if p == b || strings.HasPrefix(p, b+"/") {
				t.Errorf("%s depends on %s", packages, p)
			}
		}
	}
}

// TestControllerRuntime asserts that only the thin shells know HTTP and
// clients: the engine is also run offline.
func TestControllerRuntime(t *testing.T) {
	shells := []string{"runtime/webhook", "runtime/audit", "runtime/generate", "cmd/policyc-runtime"}
	for name, imported := range imports(t) {
		shell := slices.ContainsFunc(shells, func(s string) bool { return name == s || strings.HasPrefix(name, s+"/") })
		if shell || strings.HasPrefix(name, "test/") {
			continue
		}
		for _, p := range imported {
			if strings.HasPrefix(p, "sigs.k8s.io/controller-runtime") {
				t.Errorf("%s imports %s", name, p)
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for name := range imports(t) {
		switch path.Base(name) {
		case "util", "utils", "common", "helper", "helpers", "misc", "shared", "base":
			t.Errorf("%s: a package is called after what it holds", name)
		}
	}
}

// sources parses the files of compiler, runtime and cmd, tests excluded, by
// folder.
func sources(t *testing.T) map[string][]*ast.File {
	t.Helper()
	files := map[string][]*ast.File{}
	set := token.NewFileSet()
	for _, folder := range []string{"compiler", "runtime", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				if folder == "runtime" {
					return filepath.SkipDir
				}
				return err
			}
			if d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err == nil {
				files[filepath.Dir(name)] = append(files[filepath.Dir(name)], file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestNoState asserts that no package registers itself in init, or changes a
// variable of its own once the program runs.
func TestNoState(t *testing.T) {
	for folder, files := range sources(t) {
		variables := packageVariables(files)
		for _, file := range files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Body == nil {
					continue
				}
				if f.Name.Name == "init" && f.Recv == nil {
					t.Errorf("%s: func init", folder)
				}
				for _, name := range written(f) {
					if variables[name] {
						t.Errorf("%s: %s changes the package's %s", folder, f.Name.Name, name)
					}
				}
			}
		}
	}
}

func packageVariables(files []*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					names[name.Name] = true
				}
			}
		}
	}
	return names
}

// written lists the names that a function assigns to, or to a part of, and
// that it does not declare itself.
func written(f *ast.FuncDecl) []string {
	var names []string
	local := map[string]bool{}
	declare := func(fields *ast.FieldList) {
		if fields == nil {
			return
		}
		for _, field := range fields.List {
			for _, name := range field.Names {
				local[name.Name] = true
			}
		}
	}
	declare(f.Recv)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			declare(n.Params)
			declare(n.Results)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
					continue
				}
				names = append(names, rootName(left))
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				local[name.Name] = true
			}
		case *ast.RangeStmt:
			for _, x := range []ast.Expr{n.Key, n.Value} {
				if id, ok := x.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		case *ast.IncDecStmt:
			names = append(names, rootName(n.X))
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
				names = append(names, rootName(n.Args[0]))
			}
		}
		return true
	})
	return slices.DeleteFunc(names, func(name string) bool { return local[name] })
}

// rootName is x of x, x.f, x[i] and *x.
func rootName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return rootName(e.X)
	case *ast.IndexExpr:
		return rootName(e.X)
	case *ast.StarExpr:
		return rootName(e.X)
	case *ast.ParenExpr:
		return rootName(e.X)
	}
	return ""
}
