package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// goSource finds the Go types behind the schemas.
type goSource struct {
	modules  map[string]string            // module path → folder
	packages map[string]map[string]goType // import path → types
}

// goType is a type expression and the file it stands in.
type goType struct {
	source  *goSource
	pkg     string            // import path
	imports map[string]string // name in the file → import path
	expr    ast.Expr
	name    string // import path and name, when the type is a named one
}

// goField is a field as encoding/json sees it.
type goField struct {
	typ                 goType
	omitEmpty, omitZero bool
}

func newGoSource() *goSource {
	return &goSource{modules: map[string]string{}, packages: map[string]map[string]goType{}}
}

// fields returns the fields of the Go struct behind a schema, by JSON name:
// io.k8s.api.core.v1.Pod is type Pod of k8s.io/api/core/v1.
func (s *goSource) fields(schema string) (map[string]goField, error) {
	dotted := strings.TrimPrefix(schema, "io.k8s.")
	i := strings.LastIndexByte(dotted, '.')
	t, err := s.named("k8s.io/"+strings.ReplaceAll(dotted[:i], ".", "/"), dotted[i+1:])
	if err != nil {
		return nil, err
	}
	out := map[string]goField{}
	return out, t.collect(out)
}

// named returns the type of that name, with its declaration looked through
// until it is no longer just another name.
func (s *goSource) named(pkg, name string) (goType, error) {
	types, err := s.load(pkg)
	if err != nil {
		return goType{}, err
	}
	t, ok := types[name]
	if !ok {
		return goType{}, fmt.Errorf("no Go type %s.%s", pkg, name)
	}
	return t, nil
}

func (s *goSource) load(pkg string) (map[string]goType, error) {
	if types, ok := s.packages[pkg]; ok {
		return types, nil
	}
	dir := ""
	for module, folder := range s.modules {
		if strings.HasPrefix(pkg, module+"/") {
			dir = filepath.Join(folder, filepath.FromSlash(pkg[len(module):]))
		}
	}
	if dir == "" {
		return nil, fmt.Errorf("package %s is in no known module", pkg)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	types := map[string]goType{}
	for _, name := range files {
		base := filepath.Base(name)
		if strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, "zz_") || strings.HasPrefix(base, "generated") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.declare(types, pkg, file)
	}
	s.packages[pkg] = types
	return types, nil
}

func (s *goSource) declare(types map[string]goType, pkg string, file *ast.File) {
	imports := map[string]string{}
	for _, i := range file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		if i.Name != nil {
			imports[i.Name.Name] = p
		} else {
			imports[path.Base(p)] = p
		}
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range g.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok {
				types[t.Name.Name] = goType{source: s, pkg: pkg, imports: imports, expr: t.Type, name: pkg + "." + t.Name.Name}
			}
		}
	}
}

// resolve looks through names down to a composite type, a basic type, or a
// type that writes its own JSON.
func (t goType) resolve() goType {
	for {
		if _, own := ownJSON[t.name]; own {
			return t
		}
		next, err := goType{}, error(nil)
		switch x := t.expr.(type) {
		case *ast.Ident:
			if basic[x.Name] {
				return t
			}
			next, err = t.source.named(t.pkg, x.Name)
		case *ast.SelectorExpr:
			pkg := t.imports[x.X.(*ast.Ident).Name]
			if next, err = t.source.named(pkg, x.Sel.Name); err != nil {
				// Of the other packages only these occur: names for text.
				next, err = goType{source: t.source, name: pkg + "." + x.Sel.Name, expr: ast.NewIdent("string")}, nil
			}
		default:
			return t
		}
		if err != nil {
			panic(err) // the Go source does not compile
		}
		t = next
	}
}

var basic = map[string]bool{"string": true, "bool": true, "byte": true, "rune": true, "any": true,
	"int": true, "int8": true, "int16": true, "int32": true, "int64": true,
	"uint": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
	"float32": true, "float64": true}

// elem is the element type of a list or map; the zero goType for all others.
func (t goType) elem() goType {
	if t.expr == nil {
		return goType{}
	}
	t = t.resolve()
	switch x := t.expr.(type) {
	case *ast.StarExpr:
		return goType{source: t.source, pkg: t.pkg, imports: t.imports, expr: x.X}.elem()
	case *ast.ArrayType:
		return goType{source: t.source, pkg: t.pkg, imports: t.imports, expr: x.Elt}
	case *ast.MapType:
		return goType{source: t.source, pkg: t.pkg, imports: t.imports, expr: x.Value}
	}
	return goType{}
}

// collect adds the JSON fields of a struct, those of embedded structs included.
func (t goType) collect(out map[string]goField) error {
	st, ok := t.resolve().expr.(*ast.StructType)
	if !ok {
		return fmt.Errorf("type %s is no struct", t.name)
	}
	t = t.resolve()
	for _, f := range st.Fields.List {
		tag := ""
		if f.Tag != nil {
			text, _ := strconv.Unquote(f.Tag.Value)
			tag = reflect.StructTag(text).Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		ft := goType{source: t.source, pkg: t.pkg, imports: t.imports, expr: f.Type}
		if name == "" && len(f.Names) == 0 {
			if err := ft.collect(out); err != nil {
				return err
			}
			continue
		}
		options = "," + options + ","
		out[name] = goField{typ: ft, omitEmpty: strings.Contains(options, ",omitempty,"),
			omitZero: strings.Contains(options, ",omitzero,")}
	}
	return nil
}
