//go:build e2e

package webhook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/suite"
)

// group is a policy, enforced as some of its cases want it, and these cases.
type group struct {
	name, policy string
	docs         *syntax.Documents // with this policy only
	options      compiler.Options
	offline      *engine.Engine
	variant      *suite.Variant
	lookups      []api.Lookup
	cases        []*cases.Case
}

// options are those of `policyc build --kube-version --mutation`.
func options(version, mutation string) compiler.Options {
	return compiler.Options{KubeVersion: version, Mutation: mutation, Now: time.Now(), ReadFile: os.ReadFile}
}

// read reads documents. Each text replacement changes the files first, as somebody would who edits them.
func read(t *testing.T, paths []string, replacements ...string) *syntax.Documents {
	t.Helper()
	r := diag.NewReport()
	inputs := syntax.ReadPaths(paths, nil, r)
	for i := range inputs {
		inputs[i].Data = []byte(strings.NewReplacer(replacements...).Replace(string(inputs[i].Data)))
	}
	docs := syntax.Load(inputs, r)
	noErrors(t, r)
	return docs
}

func noErrors(t *testing.T, r *diag.Report) {
	t.Helper()
	if r.HasErrors() {
		t.Fatal(r.Sorted()[0])
	}
}

// groups compiles what the cases of the documents need.
func groups(t *testing.T, docs *syntax.Documents, o compiler.Options) []*group {
	t.Helper()
	r := diag.NewReport()
	result := compiler.CompileDocuments(docs, o, r)
	noErrors(t, r)
	s := suite.New(docs, result, o, r)
	noErrors(t, r)
	var out []*group
	byVariant := map[string]*group{}
	for _, c := range s.Cases {
		if len(c.Policies) != 1 {
			t.Fatalf("%s is about %d policies", c, len(c.Policies))
		}
		v := s.Variant(c)
		key := compiled(v, c.Policies[0])
		if byVariant[key] == nil {
			g := &group{name: c.Policies[0], policy: c.Policies[0], docs: suite.Alone(docs, c), options: o, offline: v.For(c.Policies), variant: v}
			if n := slices.IndexFunc(out, func(o *group) bool { return o.policy == g.policy }); n >= 0 {
				g.name += fmt.Sprintf(" (%d)", len(out)-n+1)
			}
			for _, object := range v.Bundle.Compiled {
				if slices.ContainsFunc(object.Spec.Policies, func(p api.PolicySource) bool { return p.Name == g.policy }) {
					g.lookups = append(g.lookups, object.Spec.Lookups...)
				}
			}
			byVariant[key] = g
			out = append(out, g)
		}
		byVariant[key].cases = append(byVariant[key].cases, c)
	}
	return out
}

// compiled is what became of a policy. Cases that want the same share a group.
func compiled(v *suite.Variant, policy string) string {
	var text strings.Builder
	for _, part := range []string{"crds", "native", "webhook"} {
		text.Write(v.Result.Files[part+"/"+policy+".yaml"])
	}
	return text.String()
}

// wide reports whether a lookup sees the objects of other cases.
func (g *group) wide() bool {
	return slices.ContainsFunc(g.lookups, func(l api.Lookup) bool { return l.Namespaces == "" })
}

// setup is a user who may do what no policy allows.
const setup = "e2e:setup"

// spare excludes the user who makes objects while the policy is in force.
func (g *group) spare() {
	p := *g.docs.Policies[0]
	p.Exclude = append(slices.Clone(p.Exclude), &syntax.Match{Span: p.Span, Users: []source.Text{source.Synthetic(setup)}})
	docs := *g.docs
	docs.Policies = []*syntax.Policy{&p}
	g.docs = &docs
}

// build is `policyc build` of documents and what else there is, into a new folder.
func build(t *testing.T, docs *syntax.Documents, o compiler.Options, others ...*syntax.Policy) string {
	t.Helper()
	all := *docs
	all.Policies = append(slices.Clone(docs.Policies), others...)
	r := diag.NewReport()
	result := compiler.CompileDocuments(&all, o, r)
	noErrors(t, r)
	dir := t.TempDir()
	for name, content := range result.Files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
