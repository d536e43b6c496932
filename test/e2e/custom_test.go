//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// values are what a field may hold where a schema does not say more.
var values = []string{
	`null`, `true`, `false`, `0`, `3`, `-1`, `7`, `11`, `2.5`, `9223372036854775807`, `""`, `"bad"`, `"7"`, `"2Ti"`, `"bad,x"`,
	`"1999-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `[]`, `["bad", null, 3]`, `[null]`, `[[1], {"name": "bad"}, "x"]`, `[{"name": null, "n": 9}, {"x": "bad"}]`,
	`[{"x": "bad"}]`, `{}`, `{"a": null}`, `{"a": {"b": {"c": 1}}}`, `{"a": {"b": 1}}`, `{"k": "bad"}`, `{"bad": null}`, `{"bad": 1, "name": {"name": "evil"}}`,
	`{"a": "x", "b": null}`, `{"name": "evil"}`, `[{"name": "evil"}, 1]`, `{"deep": {"list": [{"v": "bad"}, null, {"v": [3]}]}}`, `{"deep": {"list": {"v": 3}}}`,
	`{"leaf": {"value": null}}`, `{"leaf": {"value": "bad"}}`, `[{"id": null, "num": 10}, null, {"id": "bad"}]`, `["x!", null, "first"]`, `["first"]`,
	`{"containers": null}`, `{"spec": null, "metadata": null}`, `{"spec": {"containers": [{"image": "a:latest"}, null, 3, {"image": null}, {"name": {}}]}}`,
	`{"spec": {"containers": "none", "hostNetwork": "yes", "initContainers": {"a": 1}}}`, `{"spec": {"hostNetwork": true}}`,
	`{"spec": {"containers": [{"name": "c", "image": "a:1", "resources": {"limits": {"memory": "2Gi"}}}]}}`,
	`{"spec": {"containers": [{"name": 3, "image": "a:1", "resources": {"limits": {"memory": 2147483648}}}]}}`,
	`{"spec": {"containers": [{"resources": {"limits": {"memory": "a lot"}}}, {"resources": {"limits": []}}, {"securityContext": {"capabilities": {"add": ["NET_ADMIN", null, "SYS_ADMIN"]}}}]}}`,
	`{"spec": {"containers": [{"securityContext": {"capabilities": {"add": "SYS_ADMIN"}}}]}}`,
}

// Whatever a custom object holds that its CRD admits, an expression never fails: a denial names rules and nothing else.
func TestCustomResources(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		c.namespace(t, "custom")
		c.install(t, "testdata/custom/policies")
		k := call{namespace: "custom"}
		widget := func(spec string) object {
			return parse(t, `{"apiVersion":"e2e.policyc.dev/v1","kind":"Widget","metadata":{"name":"w"},"spec":`+spec+`}`)
		}
		rollout := func(template string) object {
			return parse(t, `{"apiVersion":"e2e.policyc.dev/v1","kind":"Rollout","metadata":{"name":"r"},"spec":{"template":`+template+`}}`)
		}

		for spec, want := range map[string]string{
			`{"size": 11}`:                        "[size] size 11",
			`{"size": 5}`:                         "[sum] sum 6",
			`{"title": "bad one"}`:                "[title] title bad one",
			`{"ratio": 0.75}`:                     "[ratio] ratio 0.75",
			`{"flag": true}`:                      "[flag] flag true",
			`{"tags": [null, "bad"]}`:             `[tags] tags [null, "bad"]`,
			`{"tags": ["a!", null, "b!"]}`:        "[tag] tag a!; [tag] tag b!",
			`{"tags": ["fa"]}`:                    "[first-tag] first tag FA",
			`{"tags": ["a", "second"]}`:           "[first-tag] first tag A",
			`{"map": {"z": "bad", "y": null}}`:    "[map] map <unset>",
			`{"map": {"a": "xyz"}}`:               "[map] map xyz",
			`{"nested":{"leaf":{"value":"bad"}}}`: "[leaf] leaf bad",
			`{"items": [null, {"id": null, "num": 10}, {"id": "bad"}, {"num": null}]}`: "[items] item <unset> 10; [items] item bad <unset>",
			`{"items": [{"id": "q1"}]}`:                "[first-item] first item q1",
			`{"items": [{"num": 99}]}`:                 "[first-item] first item <unset>",
			`{"port": 22}`:                             "[port] port 22",
			`{"port": "ssh"}`:                          "[port] port ssh",
			`{"when": "1999-01-01T00:00:00Z"}`:         "[when] when 1999-01-01T00:00:00Z",
			`{"any": "bad"}`:                           "[equal] any bad; [starts] starts bad; [matches] matches bad; [split] split bad",
			`{"any": true}`:                            "[condition] condition true",
			`{"any": {"a": {"b": {"c": 1}}}}`:          `[select] select {"c":1}`,
			`{"any": "7"}`:                             "[int] int 7",
			`{"any": "2Ti"}`:                           "[quantity] quantity 2Ti",
			`{"any": [{"x": "bad"}]}`:                  `[index] index {"x":"bad"}`,
			`{"any": {"k": "bad"}}`:                    "[key] key bad",
			`{"any": 11}`:                              "[less] any 11",
			`{"open": {"deep": {"list": [{"v": 3}]}}}`: `[open] open [{"v":3}]`,
		} {
			r := c.create(t, k, widget(spec))
			d, _ := denialOf(r)
			if strings.ReplaceAll(d.message, `": `, `":`) != want {
				t.Errorf("%s: denied with\n  %s\nnot with\n  %s\n%s", spec, d.message, want, brief(r.Body))
			}
		}
		for _, spec := range []string{`null`, `{}`, `{"size": null, "title": null, "flag": null, "tags": null, "map": null, "nested": null, "items": null, "port": null, "when": null, "any": null, "open": null}`} {
			expectAdmitted(t, spec, c.create(t, k, widget(spec)))
		}

		refused, denied, admitted, failed := 0, 0, 0, 0
		// An open pod template is read as the PodSpec it stands for. What is
		// none makes an evaluation error there, which must fail closed
		// (ARCHITECTURE.md, known limits); nowhere else may there be one.
		check := func(o object, what string, openTemplate bool) {
			r := c.create(t, k, o)
			d, byPolicy := denialOf(r)
			switch {
			case byPolicy && openTemplate && strings.Contains(d.message, "resulted in error"):
				failed++
			case byPolicy && !violationsForm.MatchString(d.message):
				t.Errorf("%s: %s", what, d.message)
			case byPolicy:
				denied++
			case r.Status == http.StatusCreated:
				admitted++
			case r.Status == http.StatusUnprocessableEntity || r.Status == http.StatusBadRequest:
				refused++ // by the schema of the CRD
			default:
				t.Errorf("%s: status %d: %s", what, r.Status, brief(r.Body))
			}
		}
		for _, field := range []string{"size", "title", "ratio", "flag", "tags", "map", "nested", "items", "port", "when", "open", "any", "template"} {
			for _, value := range values {
				spec := fmt.Sprintf(`{"%s": %s}`, field, value)
				check(widget(spec), spec, false)
			}
		}
		for _, value := range values {
			check(rollout(value), value, true)
		}
		t.Logf("%d objects were admitted, %d denied, %d failed closed, %d refused by their schema", admitted, denied, failed, refused)
		if admitted < 50 || denied < 30 {
			t.Error("the objects prove little")
		}

		for template, want := range map[string]string{
			`{"spec": {"containers": [{"name": "c", "image": "a:latest"}, null]}}`:                                    "[no-latest] container c: a:latest",
			`{"spec": {"hostNetwork": true}}`:                                                                         "[no-host-network] host network",
			`{"spec": {"initContainers": [{"name": "i", "image": "a", "resources": {"limits": {"memory": "2Gi"}}}]}}`: "[memory] container i: 2Gi",
		} {
			expectDenied(t, template, c.create(t, k, rollout(template)), want)
		}
		expectAdmitted(t, "no template", c.create(t, k, rollout(`null`)))
		expectDenied(t, "a Pod", c.create(t, k, podOf(object{"name": "c", "image": "a:latest"})), "[no-latest] container c: a:latest")

	})
}

// violationsForm is a message that a rule made; an error of an expression has no rule's name in front.
var violationsForm = regexp.MustCompile(`^\[[a-z-]+\] `)
