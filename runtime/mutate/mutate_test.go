package mutate

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/suite"
)

const header = "apiVersion: policyc.dev/v1alpha1\n"

// newSuite compiles a policy on pods with one rule, and the cases of a test:
// each is the spec of a pod, and the action that it meets.
func newSuite(t *testing.T, policy string, cases ...string) *suite.Suite {
	t.Helper()
	text := header + "kind: Policy\nmetadata: {name: p}\nspec:\n  match: {kinds: [Pod]}\n" + policy
	if !strings.Contains(policy, "enforce:") {
		text += "  enforce: deny\n"
	}
	if len(cases) > 0 {
		text += "---\n" + header + "kind: PolicyTest\nmetadata: {name: t}\nspec:\n  policies: [p]\n  cases:\n"
		for i, c := range cases {
			text += fmt.Sprintf("  - name: c%d\n%s", i, c)
		}
	}
	return load(t, []syntax.Input{{Path: "p.yaml", Data: []byte(text)}})
}

func load(t *testing.T, inputs []syntax.Input) *suite.Suite {
	t.Helper()
	r := diag.NewReport()
	docs := syntax.Load(inputs, r)
	o := compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}
	result := compiler.CompileDocuments(docs, o, r)
	var s *suite.Suite
	if !r.HasErrors() {
		s = suite.New(docs, result, o, r)
	}
	if r.HasErrors() {
		var b strings.Builder
		_ = diag.WriteText(&b, r.Sorted(), false)
		t.Fatalf("%s", b.String())
	}
	return s
}

// pod is a case: the request of a pod with this spec, and its verdict.
func pod(spec, expect string) string {
	return "    object: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: \"a:1\"}], " + spec + "}}\n    expect: " + expect + "\n"
}

const denied, admitted = "{deny: [r]}", "{}"

func rule(text string) string { return "  rules:\n  - {name: r, " + text + "}\n" }

// made lists the mutants of the rule, with those that are equivalent marked.
func made(s *suite.Suite) []string {
	var out []string
	for _, m := range collect(s) {
		if m.Rule != "r" {
			continue
		}
		line := fmt.Sprintf("%s: %s → %s", m.Operator, m.Before, m.After)
		if m.Status == Equivalent {
			line += " = " + m.Reason
		}
		out = append(out, line)
	}
	return out
}

func compare(t *testing.T, have []string, want string) {
	t.Helper()
	if have := strings.Join(have, "\n"); have != strings.TrimSpace(want) {
		t.Errorf("got\n%s\n\nwant\n%s", have, strings.TrimSpace(want))
	}
}

func TestOperators(t *testing.T) {
	for _, c := range []struct{ name, rule, want string }{
		{"default", "deny: object.spec.hostPID", `
condition: object.spec.?hostPID.orValue(false) → true
condition: object.spec.?hostPID.orValue(false) → false
guard: object.spec.?hostPID.orValue(false) → object.spec.hostPID
default: false → true`},
		{"chain", "deny: object.spec.securityContext.runAsUser > 5", `
condition: object.spec.?securityContext.?runAsUser.optMap(runAsUser, runAsUser > 5).orValue(false) → true
condition: object.spec.?securityContext.?runAsUser.optMap(runAsUser, runAsUser > 5).orValue(false) → false
guard: object.spec.?securityContext.?runAsUser.optMap(runAsUser, runAsUser > 5).orValue(false) → object.spec.?securityContext.?runAsUser.optMap(runAsUser, runAsUser > 5).value()
guard: object.spec.?securityContext.?runAsUser → object.spec.securityContext.?runAsUser
comparison: runAsUser > 5 → runAsUser <= 5
literal: 5 → 6
literal: 5 → 4
default: false → true`},
		{"text", "deny: object.spec.nodeName == 'a' || object.spec.schedulerName.startsWith('ab')", `
condition: object.spec.?nodeName.orValue('') == 'a' || object.spec.?schedulerName.orValue('').startsWith('ab') → true
condition: object.spec.?nodeName.orValue('') == 'a' || object.spec.?schedulerName.orValue('').startsWith('ab') → false
connective: object.spec.?nodeName.orValue('') == 'a' || object.spec.?schedulerName.orValue('').startsWith('ab') → object.spec.?nodeName.orValue('') == 'a' && object.spec.?schedulerName.orValue('').startsWith('ab')
dropped: object.spec.?nodeName.orValue('') == 'a' || object.spec.?schedulerName.orValue('').startsWith('ab') → object.spec.?schedulerName.orValue('').startsWith('ab')
dropped: object.spec.?nodeName.orValue('') == 'a' || object.spec.?schedulerName.orValue('').startsWith('ab') → object.spec.?nodeName.orValue('') == 'a'
default: object.spec.?nodeName.orValue('') == 'a' → !object.spec.?nodeName.hasValue() || object.spec.?nodeName.orValue('') == 'a'
comparison: object.spec.?nodeName.orValue('') == 'a' → object.spec.?nodeName.orValue('') != 'a'
guard: object.spec.?nodeName.orValue('') → object.spec.nodeName
literal: 'a' → 'a~'
default: object.spec.?schedulerName.orValue('').startsWith('ab') → !object.spec.?schedulerName.hasValue() || object.spec.?schedulerName.orValue('').startsWith('ab')
loosened: object.spec.?schedulerName.orValue('').startsWith('ab') → object.spec.?schedulerName.orValue('').contains('ab')
guard: object.spec.?schedulerName.orValue('') → object.spec.schedulerName
literal: 'ab' → 'a'`},
		{"sum", "forEach: c in object.spec.containers + object.spec.initContainers, deny: c.image.matches('^a.*')", `
dropped: dyn(object.spec.containers) + dyn(object.spec.?initContainers.orValue([])) → dyn(object.spec.?initContainers.orValue([]))
dropped: dyn(object.spec.containers) + dyn(object.spec.?initContainers.orValue([])) → dyn(object.spec.containers)
guard: object.spec.?initContainers.orValue([]) → object.spec.initContainers
condition: c.?image.orValue('').matches('^a.*') → true
condition: c.?image.orValue('').matches('^a.*') → false
default: c.?image.orValue('').matches('^a.*') → !c.?image.hasValue() || c.?image.orValue('').matches('^a.*')
guard: c.?image.orValue('') → c.image
literal: '^a.*' → 'a.*'`},
		{"quantifier", "require: \"object.spec.containers.filter(c, c.tty).all(c, c.name in ['a', 'b'])\"", `
condition: !object.spec.containers.filter(c, c.?tty.orValue(false)).all(c, c.name in ['a', 'b']) → true
condition: !object.spec.containers.filter(c, c.?tty.orValue(false)).all(c, c.name in ['a', 'b']) → false
negation: !object.spec.containers.filter(c, c.?tty.orValue(false)).all(c, c.name in ['a', 'b']) → object.spec.containers.filter(c, c.?tty.orValue(false)).all(c, c.name in ['a', 'b'])
quantifier: object.spec.containers.filter(c, c.?tty.orValue(false)).all(c, c.name in ['a', 'b']) → object.spec.containers.filter(c, c.?tty.orValue(false)).exists(c, c.name in ['a', 'b'])
dropped: object.spec.containers.filter(c, c.?tty.orValue(false)) → object.spec.containers
condition: c.?tty.orValue(false) → false
guard: c.?tty.orValue(false) → c.tty
default: false → true
condition: c.name in ['a', 'b'] → false
negation: c.name in ['a', 'b'] → !(c.name in ['a', 'b'])
dropped: ['a', 'b'] → ['b']
dropped: ['a', 'b'] → ['a']`},
		{"keys", "forEach: k in object.metadata.labels, deny: \"object.metadata.labels[k] == 'x'\"", `
guard: object.metadata.?labels.orValue([]) → object.metadata.labels
condition: object.metadata.?labels[?k].orValue('') == 'x' → true
condition: object.metadata.?labels[?k].orValue('') == 'x' → false
default: object.metadata.?labels[?k].orValue('') == 'x' → !object.metadata.?labels[?k].hasValue() || object.metadata.?labels[?k].orValue('') == 'x' = the key comes from the same map
comparison: object.metadata.?labels[?k].orValue('') == 'x' → object.metadata.?labels[?k].orValue('') != 'x'
guard: object.metadata.?labels[?k].orValue('') → object.metadata.labels[k] = the key comes from the same map
guard: object.metadata.?labels[?k] → object.metadata.labels[?k] = the key comes from the same map
literal: 'x' → 'x~'`},
		{"prefilter", "forEach: k in object.metadata.labels, deny: \"k.contains('ab') && k.matches('(^|/)abc')\"", `
guard: object.metadata.?labels.orValue([]) → object.metadata.labels
condition: k.contains('ab') && k.matches('(^|/)abc') → true
condition: k.contains('ab') && k.matches('(^|/)abc') → false
connective: k.contains('ab') && k.matches('(^|/)abc') → k.contains('ab') || k.matches('(^|/)abc')
dropped: k.contains('ab') && k.matches('(^|/)abc') → k.matches('(^|/)abc') = the pattern beside it asks for the text, too
dropped: k.contains('ab') && k.matches('(^|/)abc') → k.contains('ab')
literal: 'ab' → 'a' = the pattern beside it asks for the text, too
literal: '(^|/)abc' → '(^|/)abc~'`},
	} {
		t.Run(c.name, func(t *testing.T) { compare(t, made(newSuite(t, rule(c.rule))), c.want) })
	}
}

// survivors runs the mutants and lists those that no case noticed.
func survivors(s *suite.Suite) []string {
	var out []string
	for _, m := range Run(context.Background(), s, Options{}).Mutants {
		if m.Status == Survived {
			out = append(out, fmt.Sprintf("%s: %s: %s → %s", m.Part, m.Operator, m.Before, m.After))
		}
	}
	return out
}

// TestSurvivors starts with one case, and adds what its survivors ask for.
func TestSurvivors(t *testing.T) {
	policy := rule("deny: object.spec.hostPID")
	cases := []string{pod("hostPID: true", denied)}
	compare(t, survivors(newSuite(t, policy, cases...)), `
variable r: condition: object.spec.?hostPID.orValue(false) → true
variable r: guard: object.spec.?hostPID.orValue(false) → object.spec.hostPID
variable r: default: false → true
match: match: UPDATE of pods → none
match: match: resource pods/ephemeralcontainers → none
match: match: resource pods/resize → none
match: match: excluded namespace kube-node-lease → none
match: match: excluded namespace kube-system → none
match: match: excluded namespace policyc-system → none`)

	cases = append(cases, pod("hostIPC: true", admitted))
	for _, request := range []string{"operation: UPDATE", "operation: UPDATE, subresource: ephemeralcontainers", "operation: UPDATE, subresource: resize"} {
		cases = append(cases, "    request: {"+request+"}\n"+pod("hostPID: true", denied))
	}
	for _, namespace := range []string{"kube-system", "kube-node-lease", "policyc-system"} {
		cases = append(cases, "    request: {namespace: "+namespace+"}\n"+pod("hostPID: true", admitted))
	}
	compare(t, survivors(newSuite(t, policy, cases...)), "")
}

// TestEnforcement alters bindings.
func TestEnforcement(t *testing.T) {
	s := newSuite(t, rule("deny: object.spec.hostPID")+`
  enforce:
  - {name: production, namespaces: [production], action: deny}
  - {name: staging, namespaceLabels: {env: staging}, action: [warn, audit]}
`, "    request: {namespace: production}\n"+pod("hostPID: true", denied),
		"    request: {namespace: shop, namespaceLabels: {env: staging}}\n"+pod("hostPID: true", "{warn: [r], audit: [r]}"))
	var have []string
	for _, m := range Run(context.Background(), s, Options{}).Mutants {
		if m.Operator == enforcement {
			have = append(have, fmt.Sprintf("%s %s: %s → %s", m.Status, m.Part, m.Before, m.After))
		}
	}
	compare(t, have, `
killed binding p-production: [Deny] → [Warn]
killed binding p-production: namespace label kubernetes.io/metadata.name In production → none
killed binding p-staging: [Warn Audit] → [Audit]
killed binding p-staging: [Warn Audit] → [Warn]
killed binding p-staging: namespace label env: staging → none`)
}

// TestEnvironments asserts that what became two objects, for the values in
// them, is altered in both at once, and that a case with values of its own
// notices, too.
func TestEnvironments(t *testing.T) {
	policy := "  parameters: {max: {type: int}}\n" + rule("deny: object.spec.activeDeadlineSeconds > params.max") + `
  enforce:
  - {name: one, namespaces: [one], action: deny, parameters: {max: 1}}
  - {name: two, namespaces: [two], action: deny, parameters: {max: 2}}
`
	s := newSuite(t, policy, "    request: {namespace: two}\n    parameters: {max: 7}\n"+pod("hostIPC: true", admitted))
	run := newRunner(context.Background(), s, s.Cases)
	var have []string
	for _, m := range collect(s) {
		if m.Operator == otherwise || m.Operator == literal {
			run.judge(context.Background(), m)
			have = append(have, fmt.Sprintf("%s at %d: %s → %s", m.Status, len(m.sites), m.Before, m.After))
		}
	}
	compare(t, have, `
survived at 1: 1 → 2
survived at 1: 1 → 0
killed at 3: false → true
survived at 1: 2 → 3
survived at 1: 2 → 1`)
}

// TestFunction asserts that a function is altered once, wherever it was inlined.
func TestFunction(t *testing.T) {
	tag := "image(c.image).tag == 'latest'"
	s := newSuite(t, "  rules:\n  - {name: r, forEach: c in object.spec.containers, deny: \""+tag+"\"}\n"+
		"  - {name: s, forEach: c in object.spec.initContainers, deny: \""+tag+"\"}\n",
		pod("initContainers: [{name: i, image: \"a:latest\"}]", "{deny: [s]}"), pod("hostPID: true", admitted))
	found := false
	for _, m := range Run(context.Background(), s, Options{}).Mutants {
		if m.Operator == literal && m.Before == "':'" {
			if found || m.Status != Killed || m.Rule != "r" {
				t.Errorf("%+v", m)
			}
			found = true
		}
	}
	if !found {
		t.Error("the body of image() was not altered")
	}
}

// TestFused asserts that a mutant of an object with two policies runs the
// cases of both.
func TestFused(t *testing.T) {
	text := func(name, field string) string {
		return header + "kind: Policy\nmetadata: {name: " + name + "}\nspec:\n  match: {kinds: [Pod]}\n" + rule("deny: object.spec."+field) + "  enforce: deny\n---\n"
	}
	s := load(t, []syntax.Input{{Path: "p.yaml", Data: []byte(header + "kind: Project\nmetadata: {name: p}\nspec: {layout: fused}\n---\n" +
		text("a", "hostPID") + text("b", "hostIPC") +
		header + "kind: PolicyTest\nmetadata: {name: t}\nspec:\n  policies: [b]\n  cases:\n  - name: c\n" + pod("hostIPC: true", denied))}})
	if len(s.Variants[0].Bundle.Policies) != 1 {
		t.Fatal("nothing was fused")
	}
	status := map[string]Status{}
	for _, m := range Run(context.Background(), s, Options{}).Mutants {
		status[m.Policy+" "+m.After] = m.Status
	}
	if status["a false"] != Survived || status["b false"] != Killed || status["a, b none"] == "" {
		t.Errorf("%v", status)
	}
}

// TestFailing asserts that a case that fails anyway notices nothing.
func TestFailing(t *testing.T) {
	s := newSuite(t, rule("deny: object.spec.hostPID"), pod("hostPID: true", admitted))
	r := Run(context.Background(), s, Options{})
	if len(r.Failing) != 1 || r.Count(Killed) != 0 || r.Score() != 0 {
		t.Errorf("%v, %d killed, %.1f %%", r.Failing, r.Count(Killed), r.Score())
	}
}

// TestEquivalent runs what is proved to make no difference in the policy
// library: a case that notices disproves it.
func TestEquivalent(t *testing.T) {
	r := diag.NewReport()
	s := load(t, syntax.ReadPaths([]string{"../../policies"}, nil, r))
	run := newRunner(context.Background(), s, s.Cases)
	var list []*mutation
	for _, m := range collect(s) {
		if m.Status == Equivalent {
			list = append(list, m)
		}
	}
	if len(list) < 100 {
		t.Fatalf("only %d equivalent mutants", len(list))
	}
	suite.Each(len(list), func(i int) { run.run(context.Background(), list[i]) })
	for _, m := range list {
		if m.Status != Survived {
			t.Errorf("%s: %s, although %s: %s", m, m.Status, m.Reason, m.KilledBy)
		}
	}
}

// TestDeterministic asserts that two runs say the same.
func TestDeterministic(t *testing.T) {
	run := func() string {
		s := newSuite(t, rule("deny: object.spec.hostPID || object.spec.hostIPC"), pod("hostPID: true", denied), pod("hostIPC: true", denied))
		return fmt.Sprint(Run(context.Background(), s, Options{}).Mutants)
	}
	if one, two := run(), run(); one != two {
		t.Errorf("%s\n\n%s", one, two)
	}
}

func TestDifference(t *testing.T) {
	long := strings.Repeat("a", 50)
	m := Mutant{Before: long + "x == 1" + long, After: long + "x != 1" + long}
	before, after := m.Difference()
	left, right := "…"+strings.Repeat("a", 30)+"x ", "= 1"+strings.Repeat("a", 29)+"…"
	if want := left + "=" + right; before != want {
		t.Errorf("got %s, want %s", before, want)
	}
	if want := left + "!" + right; after != want {
		t.Errorf("got %s, want %s", after, want)
	}
	m = Mutant{Before: "a + b", After: "a"}
	if before, after := m.Difference(); before != "a + b" || after != "a" {
		t.Errorf("%s, %s", before, after)
	}
}

// TestLookups alters what limits a lookup, and asserts that a case about each of these limits notices.
func TestLookups(t *testing.T) {
	policy := `  lookups:
    found: {kind: ConfigMap, namespace: "${request.namespace}", labels: {app: "${object.metadata.name}"}}
    named: {kind: Secret, namespace: "${request.namespace}", name: "${object.metadata.name}"}
  rules:
  - {name: r, deny: "size(found) > 0 || size(named) > 0"}
`
	with := func(object, expect string) string {
		return strings.Replace(pod("hostPID: true", expect), "    expect:", "    cluster: ["+object+"]\n    expect:", 1)
	}
	const found = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: default, labels: {app: a}}}"
	const named = "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: default}}"
	all := []string{pod("hostPID: true", admitted), with(found, denied), with(named, denied)}
	alter := func(in, from, to string) string { return with(strings.Replace(in, from, to, 1), admitted) }
	limits := []string{alter(found, "namespace: default", "namespace: other"), alter(found, "app: a", "app: b"),
		alter(named, "namespace: default", "namespace: other"), alter(named, "name: a", "name: b")}
	for i := range len(limits) + 1 {
		cases := slices.Clone(all)
		for j, c := range limits {
			if j+1 != i {
				cases = append(cases, c)
			}
		}
		var survived []string
		for _, m := range Run(context.Background(), newSuite(t, policy, cases...), Options{}).Mutants {
			if m.Operator == lookingUp && m.Status == Survived {
				survived = append(survived, m.Part+": "+m.Before)
			}
		}
		want := []string{"", "lookup found: namespaces", "lookup found: label app In", "lookup named: namespaces", "lookup named: names"}[i]
		if len(survived) != min(i, 1) || i > 0 && !strings.HasPrefix(survived[0], want) {
			t.Errorf("without the case %d: %q", i, survived)
		}
	}
}
