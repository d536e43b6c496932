package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// row is a value: `image.tag`, its default, and the comment above it.
type row struct{ path, value, text string }

// TestReadme asserts that the README's table is what values.yaml says.
//
//	image:
//	  # Tag of the image.   ─►   | `image.tag` | `""` | Tag of the image. |
//	  tag: ""
func TestReadme(t *testing.T) {
	const begin, end = "<!-- values -->\n", "<!-- end of values -->\n"
	var table strings.Builder
	table.WriteString("| value | default | |\n|---|---|---|\n")
	for _, r := range values(t) {
		if r.text == "" {
			t.Errorf("values.yaml: %s has no comment", r.path)
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", r.path, r.value, strings.ReplaceAll(r.text, "|", `\|`))
	}
	file := folder + "/README.md"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(readme), begin)
	have, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("README.md has no %q and %q", begin, end)
	}
	if have == table.String() {
		return
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the table in README.md is not what values.yaml says; UPDATE=1 writes it. It should be:\n%s", table.String())
}

// values reads values.yaml with its comments, in order.
func values(t *testing.T) []row {
	t.Helper()
	content, err := os.ReadFile(folder + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	return rows(t, "", document.Content[0])
}

func rows(t *testing.T, prefix string, mapping *yaml.Node) []row {
	var all []row
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		path := prefix + key.Value
		// A mapping without a comment only groups values.
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && key.HeadComment == "" {
			all = append(all, rows(t, path+".", value)...)
			continue
		}
		var plain any
		if err := value.Decode(&plain); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		// The comment of the file stands above the first key, with a line between.
		comments := strings.Split(key.HeadComment, "\n\n")
		comment := strings.ReplaceAll(comments[len(comments)-1], "\n# ", " ")
		all = append(all, row{path, string(text), strings.TrimPrefix(comment, "# ")})
	}
	return all
}

// TestSchema asserts that the schema knows exactly the keys of values.yaml, and lets no mapping of the chart's own have others.
func TestSchema(t *testing.T) {
	content, err := os.ReadFile(folder + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema["properties"].(map[string]any), "global") // helm's own
	for _, r := range values(t) {
		at := schema
		for _, key := range strings.Split(r.path, ".") {
			if at["additionalProperties"] != false {
				t.Errorf("the schema takes any key beside %s", r.path)
			}
			properties, _ := at["properties"].(map[string]any)
			next, ok := properties[key].(map[string]any)
			if !ok {
				t.Fatalf("the schema does not know %s", r.path)
			}
			at = next
		}
		at["used"] = true
	}
	for _, path := range unused("", schema) {
		t.Errorf("the schema has %s, which values.yaml has not", path)
	}
}

// unused lists the properties that no value reached.
func unused(path string, schema map[string]any) []string {
	if schema["used"] == true {
		return nil
	}
	properties, _ := schema["properties"].(map[string]any)
	if len(properties) == 0 {
		return []string{path}
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		all = append(all, unused(strings.TrimPrefix(path+"."+key, "."), properties[key].(map[string]any))...)
	}
	return all
}
