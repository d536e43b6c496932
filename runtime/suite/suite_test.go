package suite

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/cases"
)

const policies = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: tags}
spec:
  match: {kinds: [Workload]}
  parameters: {tag: {type: string, default: ":latest"}}
  rules:
  - name: tag
    when: "!(pod.metadata.labels.team == 'x')"
    forEach: c in containers
    deny: c.image.endsWith(params.tag)
    message: "container ${c.name}: ${c.image}"
  - name: root
    require: pod.spec.securityContext.runAsNonRoot || pod.spec.hostUsers == false
    absent: ok
  enforce:
  - {name: shop, namespaces: [shop], action: [warn, audit], parameters: {tag: ":old"}}
  - {name: default, namespaces: [default], action: deny}
---
apiVersion: policyc.dev/v1alpha1
kind: PolicyTest
metadata: {name: tags}
spec:
  cases:
`

// pod is a case about a pod with an image.
func pod(name, image, rest string) string {
	return fmt.Sprintf("  - {name: %s, object: {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {team: %s}}, spec: {hostUsers: false, "+
		"containers: [{name: c, image: \"%s\"}]}}, %s}\n", name, name, image, rest)
}

func load(t testing.TB, text string) *Suite {
	t.Helper()
	s, problems := tryLoad(text)
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

func tryLoad(text string) (*Suite, string) {
	r := diag.NewReport()
	o := compiler.Options{Now: time.Now(), ReadFile: os.ReadFile, Trace: true}
	docs := syntax.Load([]syntax.Input{{Path: "p.yaml", Data: []byte(text)}}, r)
	result := compiler.CompileDocuments(docs, o, r)
	var s *Suite
	if !r.HasErrors() {
		s = New(docs, result, o, r)
	}
	var b strings.Builder
	_ = diag.WriteText(&b, r.Sorted(), false)
	return s, b.String()
}

func TestRun(t *testing.T) {
	s := load(t, policies+
		pod("passes", "a:1", "expect: {}")+
		pod("denied", "a:latest", "expect: {deny: [tag]}")+
		pod("x", "a:latest", "expect: {}")+
		pod("elsewhere", "a:old", "request: {namespace: shop}, expect: {warn: [tag], audit: [tag], exactMessage: '[tag] container c: a:old'}")+
		pod("unbound", "a:latest", "request: {namespace: other}, expect: {}")+
		pod("enforced", "a:latest", "request: {namespace: other}, enforce: audit, expect: {audit: [tag]}")+
		pod("values", "a:latest", "parameters: {tag: ':1'}, expect: {}")+
		pod("wrong", "a:latest", "expect: {warn: [tag], message: nothing}"))
	for _, r := range s.Run(context.Background(), s.Cases) {
		var texts []string
		for _, d := range r.Differences {
			texts = append(texts, d.Text)
		}
		have, want := strings.Join(texts, "\n"), ""
		if r.Case.Name == "wrong" {
			want = "deny: expected none, got [tags/tag]\nwarn: expected [tags/tag], got none\nmessage: nothing matches \"nothing\", got \"[tag] container c: a:latest\""
		}
		if have != want {
			t.Errorf("%s: got\n%s", r.Case, have)
		}
	}
	if len(s.Variants) != 3 {
		t.Errorf("%d variants, want the base and two overrides", len(s.Variants))
	}
}

func TestOverrideThatDoesNotFit(t *testing.T) {
	s, problems := tryLoad(policies + pod("values", "a:1", "parameters: {tagg: x}, expect: {}"))
	if s != nil || !strings.Contains(problems, "p.yaml:25:180") || !strings.Contains(problems, "tagg") {
		t.Errorf("got %s", problems)
	}
}

func TestCompareEvaluationErrors(t *testing.T) {
	v := &Verdict{Errors: []string{"object p: no such key"}}
	if d := Compare(cases.Expect{}, v); len(d) != 1 || d[0].What != "error" {
		t.Errorf("got %v: an evaluation error is never a verdict", d)
	}
	denied := &Verdict{Deny: []string{"p/r"}, Denials: []string{"[r] no"}, Others: []string{"[r] warned"}}
	if d := Compare(cases.Expect{Deny: []string{"p/r"}, Message: regexp.MustCompile("warned")}, denied); len(d) != 1 {
		t.Errorf("got %v: the message of a denial is meant", d)
	}
}

func TestExplain(t *testing.T) {
	s := load(t, policies+
		pod("denied", "a:latest", "expect: {deny: [tag]}")+
		pod("unbound", "a:latest", "request: {namespace: other}, expect: {}")+
		"  - {name: service, object: {apiVersion: v1, kind: Service, metadata: {name: a}}, expect: {}}\n")
	e, err := s.Explain(context.Background(), s.Cases[0], "tags/tag")
	if err != nil || len(e.Elements) != 1 || e.Position != "p.yaml:8" {
		t.Fatalf("%+v %v", e, err)
	}
	element := e.Elements[0]
	var lines []string
	for _, p := range element.Parts {
		lines = append(lines, p.String())
	}
	want := "pod.metadata.labels.team == \"x\" = false\npod.metadata.labels.team = \"denied\"\nc.image.endsWith(params.tag) = true\nc.image = \"a:latest\"\nparams.tag = \":latest\""
	if have := strings.Join(lines, "\n"); have != want || !element.Violated || element.Name != "c" {
		t.Errorf("got\n%s\n%+v", have, element)
	}
	root, err := s.Explain(context.Background(), s.Cases[0], "tags/root")
	if err != nil || root.Elements[0].Violated {
		t.Fatalf("%+v %v", root, err)
	}
	if p := root.Elements[0].Parts[0]; p.String() != "pod.spec.securityContext.runAsNonRoot is absent" || !p.Condition {
		t.Errorf("got %+v", p)
	}
	for i, want := range map[int]string{1: "none of its environments matches namespace other", 2: "it does not match CREATE of services"} {
		if e, err := s.Explain(context.Background(), s.Cases[i], "tags/tag"); err != nil || e.WhyNot.Text != want {
			t.Errorf("got %q %v, want %q", e.WhyNot.Text, err, want)
		}
	}
	if _, err := s.Explain(context.Background(), s.Cases[0], "tags/none"); err == nil {
		t.Error("an unknown rule was explained")
	}
}

func TestCoverage(t *testing.T) {
	s := load(t, policies+pod("passes", "a:1", "expect: {}")+pod("denied", "a:latest", "expect: {deny: [tag]}")+
		pod("unbound", "a:latest", "request: {namespace: other}, expect: {}"))
	c, err := s.Coverage(context.Background(), s.Run(context.Background(), s.Cases))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range c.Rules {
		line := fmt.Sprintf("%s %d/%d", r.Rule, r.Violated, r.Passed)
		for _, idle := range r.Idle() {
			line += fmt.Sprintf(" | %s %d/%d", idle.Text, idle.True, idle.False)
		}
		lines = append(lines, line)
	}
	want := `tags/tag 1/1 | pod.metadata.labels.team == "x" 0/2
tags/root 0/2 | pod.spec.securityContext.runAsNonRoot 0/2 | pod.spec.hostUsers == false 2/0`
	if have := strings.Join(lines, "\n"); have != want {
		t.Errorf("got\n%s\nwant\n%s", have, want)
	}
	if c.Percent() != 50 {
		t.Errorf("%v %%", c.Percent())
	}
}

func BenchmarkRun(b *testing.B) {
	var text strings.Builder
	text.WriteString(policies)
	for i := range 1000 {
		text.WriteString(pod(fmt.Sprintf("case-%d", i), "a:1", "expect: {}"))
	}
	s := load(b, text.String())
	b.ReportAllocs()
	for b.Loop() {
		s.Run(context.Background(), s.Cases)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "cases/s")
}

// TestExplainParameterObjects: the values are those of the environment that
// the rule is violated in, and match conditions see them.
func TestExplainParameterObjects(t *testing.T) {
	s := load(t, `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: p}
spec:
  match: {kinds: [Pod], when: "object.metadata.name != params.skip"}
  parameterObject: true
  parameters: {most: {type: int}, skip: {type: string, default: none}}
  rules: [{name: a, deny: "object.metadata.name.size() > params.most"}]
  enforce:
  - {name: one, namespaces: [default], action: deny, parameters: {most: 100}}
  - {name: two, namespaces: [default], action: warn, parameters: {most: 2}}
---
apiVersion: policyc.dev/v1alpha1
kind: PolicyTest
metadata: {name: t}
spec:
  cases:
  - {name: fires, object: {apiVersion: v1, kind: Pod, metadata: {name: long}}, expect: {deny: [a]}}
  - {name: skipped, object: {apiVersion: v1, kind: Pod, metadata: {name: none}}, expect: {deny: [a]}}
`)
	e, err := s.Explain(context.Background(), s.Cases[0], "p/a")
	if err != nil || len(e.Elements) != 1 || !e.Elements[0].Violated {
		t.Errorf("fires: got %+v, %v", e, err)
	}
	e, err = s.Explain(context.Background(), s.Cases[1], "p/a")
	if err != nil || !e.WhyNot.Condition || len(e.Elements) > 0 {
		t.Errorf("skipped: got %+v, %v", e, err)
	}
}

// TestEventsAreEquivalent: a policy about events of one group matches those of
// the other, which a server converts. What cannot be converted offline is an
// error, and not admitted.
func TestEventsAreEquivalent(t *testing.T) {
	s := load(t, `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: p}
spec:
  match: {kinds: [v1/Event]}
  rules: [{name: a, deny: "object.metadata.name == 'a'"}]
  enforce: deny
---
apiVersion: policyc.dev/v1alpha1
kind: PolicyTest
metadata: {name: t}
spec:
  cases:
  - {name: same, object: {apiVersion: v1, kind: Event, metadata: {name: a}}, expect: {deny: [a]}}
  - {name: other, object: {apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: a}}, expect: {}}
`)
	results := s.Run(context.Background(), s.Cases)
	if !results[0].Passed() || len(results[1].Verdict.Errors) != 1 {
		t.Errorf("got %+v, %+v", results[0].Verdict, results[1].Verdict)
	}
}

// TestExplainMap: the parts are those of their key, in the order of the keys.
func TestExplainMap(t *testing.T) {
	s := load(t, `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: p}
spec:
  match: {kinds: [Pod]}
  rules: [{name: a, forEach: key in object.metadata.labels, deny: "object.metadata.labels[key] == 'bad'", message: "${key}"}]
  enforce: deny
---
apiVersion: policyc.dev/v1alpha1
kind: PolicyTest
metadata: {name: t}
spec:
  cases:
  - {name: c, object: {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {a: good, b: bad, c: good, d: good}}}, expect: {}}
`)
	for range 30 {
		e, err := s.Explain(context.Background(), s.Cases[0], "p/a")
		if err != nil || len(e.Elements) != 4 {
			t.Fatalf("got %+v, %v", e, err)
		}
		for i, key := range []string{"a", "b", "c", "d"} {
			if have := e.Elements[i]; have.Value != key || have.Violated != (key == "b") {
				t.Fatalf("element %d: %+v", i, have)
			}
		}
	}
}
