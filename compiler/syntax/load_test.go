package syntax

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// load reads one named file and returns what it holds and the first lines of
// the diagnostics.
func load(t *testing.T, document string) (*Documents, []string) {
	t.Helper()
	r := diag.NewReport()
	documents := Load([]Input{{Path: "a.yaml", Data: []byte(document)}}, r)
	return documents, lines(t, r)
}

func lines(t *testing.T, r *diag.Report) []string {
	t.Helper()
	var first []string
	for _, d := range r.Sorted() {
		var out bytes.Buffer
		if err := diag.WriteText(&out, []*diag.Diagnostic{d}, false); err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(out.String(), "\n")
		for _, help := range d.Helps {
			line += " | " + help
		}
		first = append(first, line)
	}
	return first
}

const registries = `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata:
  name: allowed-registries
  labels: {team: security}
spec:
  title: Images come from trusted registries
  description: Pulling from an unknown registry runs code nobody reviewed.
  severity: high                      # info | low | medium | high | critical
  category: Supply chain
  controls: [CIS-5.5.1]
  reason: Forbidden
  failurePolicy: Ignore
  match:
    kinds: [Workload]                 # Pod and every kind that carries a pod template
    namespaceLabels:
      matchExpressions:
      - {key: env, operator: In, values: [prod, ""]}
  exclude:
    namespaces: [kube-system]
  parameters:
    registries:
      type: list(string)
      description: Prefixes an image may start with.
      default: [a, 1, {b: true}]
      minItems: 1
  variables:
    env: object.metadata.labels.env
  lookups:
    policies: {kind: NetworkPolicy, namespace: "${object.metadata.name}"}
  rules:
  - name: trusted-registry
    forEach: container in containers
    require: params.registries.exists(prefix, container.image.startsWith(prefix))
    message: "container ${container.name}: image ${container.image} is not allowed"
  - name: never
    require: true
    ratchet: true
    absent: ok
  - name: labels
    mutate:
      default: {metadata.labels.team: none}
      remove: [metadata.labels.old]
  enforce:
  - name: production
    namespaces: [production]
    action: deny
    parameters: {registries: ["registry.company.com/"]}
  - name: staging
    namespaceLabels: {env: staging}
    action: [warn, audit]
`

func TestLoadPolicy(t *testing.T) {
	documents, found := load(t, registries)
	if len(found) > 0 || len(documents.Policies) != 1 {
		t.Fatalf("%d policies, diagnostics:\n%s", len(documents.Policies), strings.Join(found, "\n"))
	}
	p := documents.Policies[0]
	rule := p.Rules[0]
	for _, c := range []struct{ name, got, want string }{
		{"name", p.Name.Value, "allowed-registries"},
		{"label", p.Labels[0].Value.Text.Value, "security"},
		{"severity", p.Severity.Value, "high"},
		{"reason", p.Reason.Value, "Forbidden"},
		{"kinds", fmt.Sprint(p.Match.Kinds), "[Workload]"},
		{"selector", fmt.Sprint(p.Match.NamespaceLabels.Expressions[0].Values), "[prod ]"},
		{"exclude", fmt.Sprint(p.Exclude[0].Namespaces), "[kube-system]"},
		{"default", fmt.Sprint(p.Parameters[0].Default.Data), "[a 1 map[b:true]]"},
		{"variable", p.Variables[0].Expression.Value, "object.metadata.labels.env"},
		{"lookup", p.Lookups[0].Namespace.Value, "${object.metadata.name}"},
		{"forEach variable", rule.ForEach.Variable.Span.String(), "a.yaml:33:14"},
		{"forEach list", rule.ForEach.List.Value + " " + rule.ForEach.List.Span.String(), "containers a.yaml:33:27"},
		{"require", p.Rules[1].Require.Value, "true"},
		{"absent", p.Rules[1].Absent.Value, "ok"},
		{"mutate", fmt.Sprint(p.Rules[2].Mutate.Data), "map[default:map[metadata.labels.team:none] remove:[metadata.labels.old]]"},
		{"action", fmt.Sprint(p.Enforce.Environments[0].Actions), "[deny]"},
		{"actions", fmt.Sprint(p.Enforce.Environments[1].Actions), "[warn audit]"},
		{"environment", fmt.Sprint(p.Enforce.Environments[1].NamespaceLabels.Labels[0].Value.Data), "staging"},
		{"argument", p.Enforce.Environments[0].Parameters[0].Value.Items[0].Span.String(), "a.yaml:48:32"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestLoadOtherKinds(t *testing.T) {
	documents, found := load(t, `---
apiVersion: policyc.dev/v1alpha1
kind: Exception
metadata: {name: legacy}
spec:
  policies: [allowed-registries, limits/cpu]
  match: {namespaces: [legacy], names: ['old-*']}
  reason: Migrated in spring
  owner: team-a
  expires: 2027-01-31
---
apiVersion: policyc.dev/v1alpha1
kind: Library
metadata: {name: images}
spec:
  functions:
    isLatest: {params: [image: string, n: int], returns: bool, body: "image.endsWith(':latest')"}
---
apiVersion: policyc.dev/v1alpha1
kind: PolicyTest
metadata: {name: allowed-registries}
spec:
  policies: [allowed-registries]
  cases:
  - name: one
    object: {kind: Pod}
    expect: {deny: [trusted-registry]}
---
apiVersion: policyc.dev/v1alpha1
kind: Project
metadata: {name: project}
spec:
  kubernetes: {minVersion: 1.30}
  crds: [crds]
  exclude: {namespaces: [kube-system]}
  workloads: [{kind: Rollout.argoproj.io, path: spec.template}]
  limits: {containers: 20}
  layout: fused
  webhook: {namespace: policyc-system, service: webhook}
  output: generated
`)
	if len(found) > 0 {
		t.Fatalf("diagnostics:\n%s", strings.Join(found, "\n"))
	}
	exception, function := documents.Exceptions[0], documents.Libraries[0].Functions[0]
	project, test := documents.Projects[0], documents.Tests[0]
	for _, c := range []struct{ name, got, want string }{
		{"policies", fmt.Sprint(exception.Policies), "[allowed-registries limits/cpu]"},
		{"expires", exception.Expires.Value, "2027-01-31"},
		{"names", fmt.Sprint(exception.Match.Names), "[old-*]"},
		{"params", function.Params[1].Name.Value + " " + function.Params[1].Type.Value, "n int"},
		{"body", function.Body.Value, "image.endsWith(':latest')"},
		{"minVersion", project.MinVersion.Value, "1.30"},
		{"limit", fmt.Sprint(project.Limits[0].Key, project.Limits[0].Value.Data), "containers 20"},
		{"workload", project.Workloads[0].Path.Value, "spec.template"},
		{"webhook", project.Webhook.Service.Value, "webhook"},
		{"test", fmt.Sprint(test.Policies, test.Cases[0].Name, test.Cases[0].Object.Data, test.Cases[0].Expect.Deny),
			"[allowed-registries] one map[kind:Pod] [trusted-registry]"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

// One bad document must not hide what is wrong with the next.
func TestErrorsOfEveryDocumentAreReported(t *testing.T) {
	documents, found := load(t, strings.Replace(registries, "high ", "hihg ", 1)+
		"---\napiVersion: policyc.dev/v1alpha1\nkind: Policy\nspec: [a\n"+
		"---\napiVersion: policyc.dev/v1alpha1\nkind: Polcy\n"+
		"---\n"+registries)
	want := []string{
		"a.yaml:9:13: error[PC1013]: unknown severity `hihg` | did you mean `high`?",
		"a.yaml:55:1: error[PC1001]: invalid YAML: did not find expected ',' or ']'",
		"a.yaml:58:7: error[PC1010]: unknown kind `Polcy` of policyc.dev/v1alpha1 | did you mean `Policy`?",
		"a.yaml:63:9: error[PC2004]: duplicate policy `allowed-registries`",
	}
	equalLines(t, found, want)
	if len(documents.Policies) != 2 || !documents.Policies[0].Broken || documents.Policies[1].Broken {
		t.Errorf("%d policies", len(documents.Policies))
	}
}

func equalLines(t *testing.T, got, want []string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

func TestForeignDocuments(t *testing.T) {
	pod := "apiVersion: v1\nkind: Pod\n"
	template := "{{ if .Values.x }}\na: {{ .b }}\n"
	cases := []struct {
		name   string
		inputs []Input
		want   []string
	}{
		{"nothing at all", nil, []string{
			"policyc: error[PC0004]: no policyc document found in 0 files | a policy begins with `apiVersion: policyc.dev/v1alpha1`"}},
		{"only foreign", []Input{{Path: "a.yaml", Data: []byte(pod), Walked: true}}, []string{
			"policyc: error[PC0004]: no policyc document found in 1 file | a policy begins with `apiVersion: policyc.dev/v1alpha1`"}},
		{"foreign beside ours", []Input{
			{Path: "a.yaml", Data: []byte(pod + "---\n" + template), Walked: true},
			{Path: "b.yaml", Data: []byte(pod + "---\n" + registries), Walked: true},
			{Path: "c.yaml", Walked: true},
			{Path: "d.yaml", Data: []byte("\xff\xfe\x00"), Walked: true},
			{Path: "e.yaml", Data: bytes.Repeat([]byte("# x\n"), maxFile/4+1), Walked: true},
		}, nil},
		{"foreign by name", []Input{
			{Path: "a.yaml", Data: []byte(pod)}, {Path: "b.yaml", Data: []byte(registries)},
		}, []string{"a.yaml:1:1: warning[PC0005]: no policyc document in this file; it is passed over"}},
		{"template by name", []Input{{Path: "a.yaml", Data: []byte(template)}}, []string{
			"a.yaml:2:1: error[PC1001]: invalid YAML: did not find expected <document start>"}},
		{"compiled policy", []Input{
			{Path: "a.yaml", Data: []byte("apiVersion: policyc.dev/v1alpha1\nkind: CompiledPolicy\n"), Walked: true},
			{Path: "b.yaml", Data: []byte(registries)},
		}, nil},
		{"misspelt group", []Input{{Path: "a.yaml", Data: []byte("apiVersion: polcyc.dev/v1alpha1\nkind: Policy\n"), Walked: true}},
			[]string{"a.yaml:1:13: error[PC1011]: unsupported apiVersion `polcyc.dev/v1alpha1` | write `apiVersion: policyc.dev/v1alpha1`"}},
		{"no apiVersion", []Input{{Path: "a.yaml", Data: []byte("kind: PolicyTest\n"), Walked: true}},
			[]string{"a.yaml:1:1: error[PC1011]: the document has no `apiVersion` | write `apiVersion: policyc.dev/v1alpha1`"}},
		{"another version", []Input{{Path: "a.yaml", Data: []byte("apiVersion: policyc.dev/v1\nkind: Policy\n"), Walked: true}},
			[]string{"a.yaml:1:13: error[PC1011]: unsupported apiVersion `policyc.dev/v1` | write `apiVersion: policyc.dev/v1alpha1`"}},
		{"not UTF-8", []Input{{Path: "a.yaml", Data: []byte("# é\na: \xff")}},
			[]string{"a.yaml:2:4: error[PC0003]: file is not UTF-8 text: this byte is not UTF-8"}},
		{"NUL", []Input{{Path: "a.yaml", Data: []byte("a: \x00")}},
			[]string{"a.yaml:1:4: error[PC0003]: file is not UTF-8 text: a control character"}},
		{"too large", []Input{{Path: "a.yaml", Data: bytes.Repeat([]byte("# x\n"), maxFile/4+1)}},
			[]string{"a.yaml:1:1: error[PC0002]: file is larger than 4 MiB"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := diag.NewReport()
			Load(c.inputs, r)
			equalLines(t, lines(t, r), c.want)
		})
	}
}

func TestLimits(t *testing.T) {
	begin := "apiVersion: policyc.dev/v1alpha1\nkind: PolicyTest\nmetadata: {name: a}\nspec:\n  cases:\n  - name: a\n    expect: {}\n    object:\n"
	bomb := begin + "      a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("      %c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 10))
	}
	cases := []struct{ name, document, want string }{
		{"deep", begin + "      a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n", "PC1002]: nested more than 100 levels deep"},
		{"bomb", bomb, "PC1003]: the aliases of this file stand for more than 100000 values | write the values out"},
		{"itself", begin + "      a: &a [*a]\n", "PC1003]: anchor `a` contains itself"},
		{"merge key", begin + "      a: &a {b: c}\n      d:\n        <<: *a\n", "PC1004]: merge keys (`<<`) are not supported | write the keys out; a whole value may be an alias"},
		{"tag", begin + "      a: !binary eA==\n", "PC1004]: the tag `!binary` is not supported | leave the tag out; put a text in quotes"},
		{"infinity", begin + "      a: .inf\n", "PC1004]: infinities and NaN are not supported"},
		{"key", begin + "      [a]: b\n", "PC1004]: a key must be a text, not a list or map"},
		{"small aliases", begin + "      a: &a [x]\n      b: *a\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, found := load(t, c.document)
			if c.want == "" && len(found) == 0 {
				return
			}
			if len(found) != 1 || !strings.HasSuffix(found[0], c.want) {
				t.Errorf("got:\n%s\nwant: %s", strings.Join(found, "\n"), c.want)
			}
		})
	}
}

func TestDuplicateNamesAcrossFiles(t *testing.T) {
	r := diag.NewReport()
	Load([]Input{{Path: "b.yaml", Data: []byte(registries)}, {Path: "a.yaml", Data: []byte(registries)}}, r)
	d := r.Sorted()[0]
	if r.Len() != 1 || d.Code != diag.DuplicateName || d.At.String() != "b.yaml:4:9" || d.Notes[0] != "first at a.yaml:4:9" {
		t.Errorf("got %d: %s at %s, %v", r.Len(), d.Message, d.At, d.Notes)
	}
}

func TestSecondProject(t *testing.T) {
	project := "apiVersion: policyc.dev/v1alpha1\nkind: Project\nmetadata: {name: a}\nspec: {}\n"
	documents, found := load(t, project+"---\n"+project)
	equalLines(t, found, []string{"a.yaml:6:1: error[PC1018]: a second Project | keep one, in `policyc.yaml` beside the policies"})
	if len(documents.Projects) != 1 {
		t.Errorf("%d projects", len(documents.Projects))
	}
}

func TestValuePositions(t *testing.T) {
	documents, _ := load(t, strings.Replace(registries, "registry.company.com/", "é", 1))
	argument := documents.Policies[0].Enforce.Environments[0].Parameters[0]
	span := argument.Value.Span
	if got := string(span.File.Data[span.Start:span.End]); got != `["é"]` {
		t.Errorf("the list spans %q", got)
	}
	rule := documents.Policies[0].Rules[1].Span
	if got := string(rule.File.Data[rule.Start:rule.End]); !strings.HasPrefix(got, "name: never") || !strings.HasSuffix(got, "absent: ok") {
		t.Errorf("the rule spans %q", got)
	}
	if (source.Span{}) == documents.Policies[0].Match.Span {
		t.Error("the match has no span")
	}
}

// FuzzLoad: no input may panic, hang, or give a position outside its file.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(registries))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("apiVersion: policyc.dev/v1alpha1\nkind: Policy\nspec: {rules: [*]}\n"))
	f.Add([]byte("apiVersion: policyc.dev/v1alpha1\r\nkind: Policy\r\nmetadata:\r\n\tname: a\r\n"))
	f.Add([]byte("\ufeff--- # c\n%YAML 1.2\n---\n...\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := diag.NewReport()
		Load([]Input{{Path: "a.yaml", Data: data}}, r)
		for _, d := range r.Sorted() {
			if d.At.Start < 0 || d.At.Start > d.At.End || d.At.Start > len(data) {
				t.Errorf("%s: %s at [%d, %d)", d.Code.ID, d.Message, d.At.Start, d.At.End)
			}
		}
		var out bytes.Buffer
		if err := diag.WriteText(&out, r.Sorted(), false); err != nil {
			t.Fatal(err)
		}
	})
}
