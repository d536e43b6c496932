package syntax

import (
	"strings"
	"testing"
)

// Each case replaces a line of the policy above and names the finding: where,
// which code, what, and what to write instead.
func TestShapeErrors(t *testing.T) {
	cases := []struct {
		name, old, new string
		want           []string
	}{
		{"unknown key", "  title:", "  titel:", []string{"7:3: error[PC1005]: unknown key `titel` in `spec` of a Policy | did you mean `title`?"}},
		{"key of another language", "  enforce:", "  validationActions:", []string{
			"44:3: error[PC1005]: unknown key `validationActions` in `spec` of a Policy | policyc calls it `enforce`"}},
		{"duplicate key", "  title:", "  severity:", []string{"9:3: error[PC1006]: duplicate key `severity`",
			"7:13: error[PC1013]: unknown severity `Images come from trusted registries` | write one of `info`, `low`, `medium`, `high`, `critical`"}},
		{"number for text", "category: Supply chain", "category: 1", []string{"10:13: error[PC1007]: `category` is a number, want a text | put it in quotes: '1'"}},
		{"nothing for text", "category: Supply chain", "category:", []string{"10:12: error[PC1007]: `category` has no value, want a text"}},
		{"text for list", "[CIS-5.5.1]", "CIS", []string{"11:13: error[PC1007]: `controls` is a text, want a list | write `[CIS]`"}},
		{"map for expression", "require: true", "require: {a: b}", []string{
			"37:14: error[PC1007]: `require` is a map, want an expression | put an expression that begins with `[` or `{` in quotes, or use a block: `|`"}},
		{"text for boolean", "ratchet: true", "ratchet: yes", []string{"38:14: error[PC1007]: `ratchet` is a text, want true or false"}},
		{"empty expression", "require: true", "require: ''", []string{"37:14: error[PC1020]: `require` is empty"}},
		{"no kinds", "    kinds: [Workload] ", "    names: [a] ", []string{"15:5: error[PC1008]: `match` has no `kinds` | write `kinds: [Pod]`"}},
		{"misspelt kinds", "    kinds: [Workload] ", "    kind: [Workload] ", []string{"15:5: error[PC1005]: unknown key `kind` in `match` | did you mean `kinds`?"}},
		{"empty list", "kinds: [Workload] ", "kinds: [] ", []string{"15:12: error[PC1019]: `kinds` is an empty list | name at least one entry, or leave `kinds` out"}},
		{"operation", "    kinds: [Workload] ", "    kinds: [Pod]\n    operations: [create] ", []string{
			"16:18: error[PC1013]: unknown operation `create` | did you mean `CREATE`?"}},
		{"selector without values", ", values: [prod, \"\"]", "", []string{
			"18:30: error[PC1017]: operator `In` needs `values` | write `values: [production]`"}},
		{"selector with values", "operator: In,", "operator: Exists,", []string{
			"18:46: error[PC1017]: operator `Exists` takes no `values` | leave `values` out, or use `In` or `NotIn`"}},
		{"label that is no text", "{env: staging}", "{env: 1}", []string{"50:28: error[PC1007]: `env` is a number, want a text | put it in quotes: '1'"}},
		{"document name", "name: allowed-registries", "name: Allowed_Registries", []string{"4:9: error[PC1012]: invalid name `Allowed_Registries` | write `allowed-registries`"}},
		{"rule name", "name: trusted-registry", "name: trustedRegistry", []string{"32:11: error[PC1012]: invalid name `trustedRegistry` | write `trusted-registry`"}},
		{"duplicate rule", "name: never", "name: trusted-registry", []string{"36:11: error[PC2004]: duplicate rule `trusted-registry`"}},
		{"parameter name", "    registries:\n", "    my-registries:\n", []string{"22:5: error[PC1012]: invalid name `my-registries` of the parameter | write `my_registries`"}},
		{"reserved word", "    env: object", "    namespace: object", []string{"28:5: error[PC1012]: `namespace` is a reserved word of CEL | choose another name for the variable"}},
		{"lookup that hides object", "    policies: {", "    object: {", []string{"30:5: error[PC1012]: `object` already has a meaning in expressions | choose another name for the lookup"}},
		{"two actions", "    require: true", "    require: true\n    deny: true", []string{"38:5: error[PC1014]: the rule has `deny` besides `require` | write a rule of its own for `deny`"}},
		{"no action", "    require: true\n", "", []string{"36:5: error[PC1014]: the rule does nothing | give it one of `deny`, `require`, `mutate`, `generate`, `verifyImages`"}},
		{"forEach", "container in containers", "containers", []string{"33:14: error[PC1015]: `forEach` must be `x in <list>` | write `forEach: item in containers`"}},
		{"mutate", "      default: {metadata.labels.team: none}", "      defaults: {}", []string{"42:7: error[PC1005]: unknown key `defaults` in `mutate` | did you mean `default`?"}},
		{"action", "action: deny", "action: block", []string{"47:13: error[PC1013]: unknown action `block` | write one of `deny`, `warn`, `audit`"}},
		{"deny with others", "[warn, audit]", "[warn, deny]", []string{"51:20: error[PC1013]: `deny` cannot be combined with another action | write `action: deny`, or a list of `warn` and `audit`"}},
		{"no action in an environment", "    action: deny\n", "", []string{"45:5: error[PC1008]: an environment of `enforce` has no `action` | write `action: deny`"}},
		{"type", "      type: list(string)\n", "", []string{"22:5: error[PC1008]: parameter `registries` has no `type` | write `type: string`"}},
		{"negative count", "minItems: 1", "minItems: -1", []string{"26:17: error[PC1016]: `minItems` is negative | write 0 or more"}},
		{"key outside of spec", "spec:\n  title: Images come", "title: Images come\nspec:\n  description: x #", []string{
			"6:1: error[PC1005]: unknown key `title` in the document | move `title` into `spec`",
			"9:3: error[PC1006]: duplicate key `description`"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			document := strings.Replace(registries, c.old, c.new, 1)
			if document == registries {
				t.Fatalf("%q is not in the policy", c.old)
			}
			_, found := load(t, document)
			got := strings.ReplaceAll(strings.Join(found, "\n"), "a.yaml:", "")
			for _, want := range c.want {
				if !strings.Contains(got+"\n", want+"\n") {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
			}
			if len(found) != len(c.want) {
				t.Errorf("%d findings, want %d:\n%s", len(found), len(c.want), got)
			}
		})
	}
}

func TestMissingParts(t *testing.T) {
	head := "apiVersion: policyc.dev/v1alpha1\nkind: "
	cases := []struct{ document, want string }{
		{head + "Policy\n", "a.yaml:1:1: error[PC1008]: the document has no `metadata` | write `metadata: {name: my-policy}`\n" +
			"a.yaml:1:1: error[PC1008]: the document has no `spec` | write `spec: {…}`"},
		{head + "Policy\nmetadata: {name: a}\nspec:\n  title: a\n", "a.yaml:5:3: error[PC1008]: the policy has no `enforce` | write `enforce: audit`\n" +
			"a.yaml:5:3: error[PC1008]: the policy has no `match` | write `match: {kinds: [Pod]}`\n" +
			"a.yaml:5:3: error[PC1009]: the policy has no `rules` | write `rules: [{name: …, require: …, message: …}]`"},
		{head + "Exception\nmetadata: {name: a}\nspec: {expires: 31.1.2027, policies: [a], match: {names: [a]}}\n",
			"a.yaml:4:17: error[PC1016]: `31.1.2027` is not a date | write the last day on which the exception holds as YYYY-MM-DD, such as 2027-01-31"},
		{head + "Project\nmetadata: {name: a}\nspec: {kubernetes: {minVersion: v1.34}, limits: {a: b}}\n",
			"a.yaml:4:33: error[PC1016]: `v1.34` is not a Kubernetes version | write major and minor, such as 1.34\n" +
				"a.yaml:4:53: error[PC1007]: limit `a` is a text, want a whole number"},
		{head + "Library\nmetadata: {name: a}\nspec: {functions: {f: {params: [a], returns: bool, body: a}}}\n",
			"a.yaml:4:33: error[PC1007]: an entry of `params` is a text, want `name: type` | write `params: [image: string]`"},
		{head + "PolicyTest\nmetadata: {name: a}\nspec: {cases: [{object: {}, expect: {}}]}\n",
			"a.yaml:4:17: error[PC1008]: a test case has no `name` | write `name: a pod without limits is denied`"},
	}
	for _, c := range cases {
		_, found := load(t, c.document)
		equalLines(t, found, strings.Split(c.want, "\n"))
	}
}

// The mistakes that YAML makes easy get an explanation.
func TestInvalidYAML(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"colon", `message: "container ${container.name}: image ${container.image} is not allowed"`, "message: container ${container.name}: image",
			`35:41: error[PC1001]: invalid YAML: a text with a colon and a space needs quotes | put the whole text in double quotes: message: "a: b"`},
		{"star", "kinds: [Workload] ", "kinds: [*] ", "15:13: error[PC1001]: invalid YAML: `*` begins an alias | put it in quotes: '*'"},
		{"glob", "[kube-system]", "[*-system]", "20:18: error[PC1001]: invalid YAML: `*` begins an alias | put a glob in quotes: '*-dev'"},
		{"tab", "  title:", "\ttitle:", "7:1: error[PC1001]: invalid YAML: a tab cannot indent | indent with two spaces"},
		{"braces in flow", `namespace: "${object.metadata.name}"`, "namespace: ${object.metadata.name}", "30:48: error[PC1001]: invalid YAML: `{` inside a flow list or map begins a map | put the text in quotes: \"${…}\""},
		{"quote", "require: true", "require: 'a' == object.b", "37:14: error[PC1001]: invalid YAML: text goes on after a closing quote | put the whole text in quotes of the other kind, or use a block: `require: |`"},
		{"brackets", "require: true", "require: [a].all(x, x)", "37:14: error[PC1001]: invalid YAML: a text that begins with `[` or `{` needs quotes | put the whole expression in quotes, or use a block: `require: |`"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			document := strings.Replace(registries, c.old, c.new, 1)
			if document == registries {
				t.Fatalf("%q is not in the policy", c.old)
			}
			_, found := load(t, document)
			equalLines(t, found, []string{"a.yaml:" + c.want})
		})
	}
}
