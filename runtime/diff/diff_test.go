package diff

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/syntax"
)

const base = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata: {name: images}
spec:
  title: Images
  match: {kinds: [Workload]}
  exclude: [{names: [a]}, {names: [b]}]
  parameters: {prefix: {type: string}}
  variables: {trusted: "containers.filter(c, c.image.startsWith(params.prefix))"}
  rules:
  - {name: trusted, require: size(variables.trusted) == size(containers), message: "some image is not from ${params.prefix}"}
  - {name: tagged, forEach: c in containers, require: "c.image.contains(':')", message: "container ${c.name} has no tag"}
  enforce:
  - {name: production, namespaces: [production], action: deny, parameters: {prefix: a/}}
  - {name: staging, namespaces: [staging], action: warn, parameters: {prefix: b/}}
`

const exception = `---
apiVersion: policyc.dev/v1alpha1
kind: Exception
metadata: {name: legacy}
spec: {policies: [images/tagged], match: {names: [old]}, reason: r, owner: o, expires: 2030-01-31}
`

const project = `---
apiVersion: policyc.dev/v1alpha1
kind: Project
metadata: {name: p}
spec: {%s}
`

// compile compiles a text; "" is a side without policies.
func compile(t *testing.T, text string) *compiler.Result {
	t.Helper()
	if text == "" {
		return nil
	}
	r := diag.NewReport()
	result := compiler.Compile([]syntax.Input{{Path: "p.yaml", Data: []byte(text)}},
		compiler.Options{Now: time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)}, r)
	if r.HasErrors() {
		var b bytes.Buffer
		diag.WriteText(&b, r.Sorted(), false)
		t.Fatal(b.String())
	}
	return result
}

// replaced is the base with some of its text replaced, all of which it has.
func replaced(t *testing.T, oldNew ...string) string {
	t.Helper()
	text := base
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("the policy has no %q", oldNew[i])
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	return text
}

// brief writes a difference as a line for each field.
func brief(d *Diff) string {
	var lines []string
	for _, f := range d.Project {
		lines = append(lines, "project "+f.label()+": "+f.Old+" → "+f.New)
	}
	for _, c := range d.Rules {
		head := string(c.Kind) + " " + c.name()
		if c.Kind == Added || c.Kind == Removed {
			lines = append(lines, head)
			continue
		}
		if len(c.Fields) == 0 {
			lines = append(lines, head)
		}
		for _, f := range c.Fields {
			old, now := strings.Join(strings.Fields(f.Old), " "), strings.Join(strings.Fields(f.New), " ")
			lines = append(lines, head+" "+f.label()+": "+old+" → "+now)
		}
	}
	return strings.Join(lines, "\n")
}

func TestCompare(t *testing.T) {
	const renamed = "name: tagged, forEach"
	for _, c := range []struct {
		name     string
		old, new string
		// want are the lines; one that ends with … is the beginning.
		want []string
	}{
		{"nothing", base, base, nil},
		{"what people read", base, replaced(t, "title: Images", "title: Pictures", "kind: Policy", "# why\nkind: Policy"), nil},
		{"order of rules and environments", base, func() string {
			lines := strings.SplitAfter(base, "\n")
			lines[10], lines[11], lines[13], lines[14] = lines[11], lines[10], lines[14], lines[13]
			return strings.Join(lines, "")
		}(), nil},
		{"first commit", "", base, []string{"added images/tagged", "added images/trusted"}},
		{"all gone", base, "", []string{"removed images/tagged", "removed images/trusted"}},
		{"condition", base, replaced(t, "c.image.contains(':')", "c.image.contains('@')"), []string{
			"changed images/tagged condition: expression: variables.containers.exists(c, !c.?image.orValue('').contains(':')) → variables.containers.exists(c, !c.?image.orValue('').contains('@'))"}},
		{"condition through a variable", base, replaced(t, "containers.filter(c, ", "containers.filter(c, c.name != 'x' && "), []string{
			"changed images/trusted condition: variables.trusted (production): …", "changed images/trusted condition: variables.trusted (staging): …",
			"changed images/trusted cost: …"}},
		{"message", base, replaced(t, "has no tag", "lacks a tag"), []string{
			"changed images/tagged message: container ${c.name} has no tag → container ${c.name} lacks a tag"}},
		{"exclusion", base, replaced(t, "{names: [a]}, ", ""), []string{
			"changed images/tagged scope: condition exclude: object.metadata.?name.orValue('') != 'a' → ",
			"changed images/trusted scope: condition exclude: object.metadata.?name.orValue('') != 'a' → "}},
		{"kinds", base, replaced(t, "kinds: [Workload]", "kinds: [Workload], operations: [CREATE], names: [x]"), []string{
			"changed images/tagged scope: resources: …", "changed images/tagged scope: condition match-names:  → object.metadata.?name.orValue('') == 'x'",
			"changed images/trusted scope: resources: …", "changed images/trusted scope: condition match-names: …"}},
		{"selectors", base, replaced(t, "kinds: [Workload]", "kinds: [Workload], labels: {a: b}, namespaceLabels: {c: d}"), []string{
			"changed images/tagged scope: namespaces: kubernetes.io/metadata.name notin (kube-node-lease,kube-system,policyc-system) → c=d,kubernetes.io/metadata.name notin (kube-node-lease,kube-system,policyc-system)",
			"changed images/tagged scope: labels:  → a=b", "changed images/trusted scope: namespaces: …", "changed images/trusted scope: labels:  → a=b"}},
		{"a condition on the namespace", base, replaced(t, "kinds: [Workload]", "kinds: [Workload], when: namespaceObject.metadata.labels.a == 'b'"), []string{
			"changed images/tagged scope: only when:  → namespaceObject.…", "changed images/trusted scope: only when:  → namespaceObject.…"}},
		{"exception of a rule", base, base + exception, []string{
			"changed images/tagged scope: exception:  → legacy (until 2030-01-31)", "changed images/tagged scope: not when:  → object.metadata.?name.orValue('') == 'old'",
			"changed images/tagged cost: …"}},
		{"exception renewed", base + exception, base + strings.ReplaceAll(exception, "2030", "2031"), []string{
			"changed images/tagged scope: exception: legacy (until 2030-01-31) → legacy (until 2031-01-31)"}},
		{"ratchet", base, replaced(t, "name: tagged,", "name: tagged, ratchet: true,"), []string{
			"changed images/tagged scope: not when:  → request.operation == 'UPDATE' && …", "changed images/tagged cost: …"}},
		{"action", base, replaced(t, "action: warn", "action: [warn, audit]"), []string{
			"changed images/tagged enforcement: staging: action: warn → warn, audit", "changed images/trusted enforcement: staging: action: warn → warn, audit"}},
		{"parameters", base, replaced(t, "prefix: b/", "prefix: c/"), []string{
			`changed images/tagged enforcement: staging: parameter prefix: "b/" → "c/"`, `changed images/trusted enforcement: staging: parameter prefix: "b/" → "c/"`}},
		{"parameters and the condition", base, replaced(t, "prefix: b/", "prefix: c/", "== size(containers)", "!= size(containers)"), []string{
			`changed images/tagged enforcement: staging: parameter prefix: "b/" → "c/"`, "changed images/trusted condition: expression: …",
			`changed images/trusted condition: variables.trusted (staging): …`,
			`changed images/trusted enforcement: staging: parameter prefix: "b/" → "c/"`}},
		{"environment", base, replaced(t, "  - {name: staging, namespaces: [staging], action: warn, parameters: {prefix: b/}}\n", ""), []string{
			`changed images/tagged enforcement: staging: warn in kubernetes.io/metadata.name in (staging), prefix = "b/" → `,
			`changed images/trusted enforcement: staging: warn in kubernetes.io/metadata.name in (staging), prefix = "b/" → `}},
		{"namespaces of an environment", base, replaced(t, "namespaces: [staging]", "namespaces: [staging, test]"), []string{
			"changed images/tagged enforcement: staging: namespaces: …", "changed images/trusted enforcement: staging: namespaces: …"}},
		{"globs of an environment", base, replaced(t, "namespaces: [staging]", "namespaces: ['test-*']"), []string{
			"changed images/tagged enforcement: staging: namespaces: …", "changed images/trusted enforcement: staging: namespaces: …"}},
		{"failure policy and reason", base, replaced(t, "  title: Images\n", "  failurePolicy: Ignore\n  reason: Forbidden\n"), []string{
			"changed images/tagged enforcement: failurePolicy: Fail → Ignore", "changed images/tagged enforcement: reason: Invalid → Forbidden",
			"changed images/trusted enforcement: failurePolicy: Fail → Ignore", "changed images/trusted enforcement: reason: Invalid → Forbidden"}},
		{"rename", base, replaced(t, renamed, "name: with-tag, forEach"), []string{"renamed images/tagged → images/with-tag"}},
		{"rename of the policy", base, replaced(t, "name: images}", "name: pictures}"), []string{
			"renamed images/tagged → pictures/tagged", "renamed images/trusted → pictures/trusted"}},
		{"rename and another message", base, replaced(t, renamed, "name: with-tag, forEach", "has no tag", "lacks a tag"), []string{
			"renamed images/tagged → images/with-tag message: container ${c.name} has no tag → container ${c.name} lacks a tag",
			"renamed images/tagged → images/with-tag cost: …"}},
		{"rename and other kinds", base, replaced(t, renamed, "name: with-tag, forEach", "kinds: [Workload]", "kinds: [Pod]"), []string{
			"changed images/trusted scope: resources: …", "renamed images/tagged → images/with-tag scope: resources: …"}},
		{"another rule is no rename", base, replaced(t, renamed, "name: with-tag, forEach", "c.image.contains(':')", "c.image.contains('@')"), []string{
			"removed images/tagged", "added images/with-tag"}},
		{"only pods", strings.ReplaceAll(base, "containers.filter(c, ", "pod.spec.containers.filter(c, "),
			strings.ReplaceAll(replaced(t, "kinds: [Workload]", "kinds: [Pod]"), "containers.filter(c, ", "pod.spec.containers.filter(c, "), []string{
				"changed images/tagged scope: resources: …", "changed images/trusted scope: resources: …"}},
		{"settings", base, base + strings.ReplaceAll(project, "%s", "kubernetes: {minVersion: '1.36'}, layout: fused"), []string{
			"project kubernetes.minVersion: 1.34 → 1.36", "project layout: policy → fused"}},
		{"sizes", base, base + strings.ReplaceAll(project, "%s", "limits: {containers: 5}"), []string{
			"changed images/tagged cost: …", "changed images/trusted cost: …"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Compare(compile(t, c.old), compile(t, c.new))
			checkLines(t, brief(d), c.want)
			if d.Empty() != (len(c.want) == 0) {
				t.Errorf("Empty is %v", d.Empty())
			}
		})
	}
}

func checkLines(t *testing.T, text string, want []string) {
	t.Helper()
	var got []string
	if text != "" {
		got = strings.Split(text, "\n")
	}
	same := len(got) == len(want)
	for i := 0; same && i < len(want); i++ {
		start, open := strings.CutSuffix(want[i], "…")
		same = got[i] == want[i] || open && strings.HasPrefix(got[i], start)
	}
	if !same {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Policies that share an object have variables of other names in it.
func TestLayoutMakesNoDifference(t *testing.T) {
	two := base + "---\n" + strings.ReplaceAll(strings.ReplaceAll(base, "name: images", "name: other"), "contains(':')", "contains('@')")
	d := Compare(compile(t, two), compile(t, two+strings.ReplaceAll(project, "%s", "layout: fused")))
	checkLines(t, brief(d), []string{"project layout: policy → fused"})
}

// Only one backend exists yet; the data says which.
func TestBackend(t *testing.T) {
	old, now := compile(t, base), compile(t, base)
	for _, p := range now.Programs {
		p.Policies[0].Rules[0].Backend = ir.Backend("Webhook")
	}
	checkLines(t, brief(Compare(old, now)), []string{"changed images/trusted backend: ValidatingAdmissionPolicy → Webhook"})
}

func TestSummary(t *testing.T) {
	d := Compare(compile(t, base), compile(t, replaced(t, "has no tag", "lacks a tag", "name: trusted, require", "name: known, require")))
	d.Verdicts = &Verdicts{What: "object", Compared: 3, Changes: []VerdictChange{{Group: NewlyDenied}, {Group: Other}}, Failures: []Failure{{}}}
	want := "1 rule renamed, 1 changed (1 in message); of 3 objects, 1 newly denied, 1 with another verdict, 1 more could not be evaluated"
	if got := d.Summary(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (&Diff{}).Summary(); got != "no rule differs" {
		t.Errorf("got %s", got)
	}
}
