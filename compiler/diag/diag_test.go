package diag

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestCodesAreUniqueAndWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^PC\d{4}$`)
	seen := map[string]string{}
	last := ""
	for _, c := range Codes() {
		if !form.MatchString(c.ID) {
			t.Errorf("code %q (%s): want PC and four digits", c.ID, c.Title)
		}
		if other, twice := seen[c.ID]; twice {
			t.Errorf("code %s is both %q and %q", c.ID, other, c.Title)
		}
		seen[c.ID] = c.Title
		if c.ID < last {
			t.Errorf("code %s comes after %s", c.ID, last)
		}
		last = c.ID
		if c.Title == "" || c.Text == "" || c.Since == "" {
			t.Errorf("code %s: title, text and since must not be empty", c.ID)
		}
		if strings.HasSuffix(c.Title, ".") || strings.Contains(c.Title, "\n") {
			t.Errorf("code %s: title %q must be one line without a final stop", c.ID, c.Title)
		}
		for _, example := range []string{c.Before, c.After} {
			if example != "" && !strings.HasSuffix(example, "\n") {
				t.Errorf("code %s: example must end with a line break: %q", c.ID, example)
			}
		}
		if found, ok := Lookup(strings.ToLower(c.ID)); !ok || found != c {
			t.Errorf("Lookup(%q) did not find the code", c.ID)
		}
	}
	if _, ok := Lookup("PC0000"); ok {
		t.Error("Lookup found a code that does not exist")
	}
}

// A code that is declared but not listed would be missing from `explain`.
func TestEveryDeclaredCodeIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, c := range Codes() {
		listed[c.ID] = true
	}
	declared := 0
	for id, place := range declaredCodes(t) {
		declared++
		if !listed[id] {
			t.Errorf("%s is declared at %s, but in no list that Codes() joins", id, place)
		}
	}
	if declared != len(listed) {
		t.Errorf("%d codes are declared, %d listed", declared, len(listed))
	}
}

// declaredCodes returns the ID of every &Code{…} of the package's sources.
func declaredCodes(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	files := token.NewFileSet()
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); !ok || name.Name != "Code" {
				return true
			}
			for _, element := range literal.Elts {
				pair, ok := element.(*ast.KeyValueExpr)
				if !ok || pair.Key.(*ast.Ident).Name != "ID" {
					continue
				}
				id := strings.Trim(pair.Value.(*ast.BasicLit).Value, `"`)
				found[id] = files.Position(literal.Pos()).String()
			}
			return true
		})
	}
	return found
}
