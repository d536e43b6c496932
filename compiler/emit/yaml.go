package emit

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// field is one key and value of a YAML map, in the order that is written.
type field struct {
	key   string
	value *yaml.Node
}

// mapping returns a map of the fields that have a value.
func mapping(fields ...field) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fields {
		if f.value != nil {
			n.Content = append(n.Content, text(f.key), f.value)
		}
	}
	return n
}

// text returns a string; several lines become a literal block.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	switch {
	case strings.Contains(s, "\n"):
		n.Style = yaml.LiteralStyle
	case yaml11.MatchString(s):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// yaml11 are the texts that YAML 1.1, which kubectl reads, takes for a boolean
// or a number in base 60, and this library, which knows 1.2, does not quote.
var yaml11 = regexp.MustCompile(`^(?i:y|yes|n|no|on|off)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// optional is text, or nothing when s is "".
func optional(s string) *yaml.Node {
	if s == "" {
		return nil
	}
	return text(s)
}

// texts returns a list of strings on one line.
func texts(items []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, s := range items {
		n.Content = append(n.Content, text(s))
	}
	return n
}

// sequence returns a list; nil when it is empty.
func sequence(items []*yaml.Node) *yaml.Node {
	if len(items) == 0 {
		return nil
	}
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items}
}

// data returns any JSON-shaped value; maps have their keys sorted.
func data(v any) *yaml.Node {
	switch v := v.(type) {
	case string:
		return text(v)
	case map[string]any:
		var fields []field
		for _, k := range sortedKeys(v) {
			fields = append(fields, field{k, data(v[k])})
		}
		if len(fields) == 0 {
			return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
		}
		return mapping(fields...)
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, item := range v {
			n.Content = append(n.Content, data(item))
		}
		return n
	}
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		panic("emit: " + err.Error())
	}
	return n
}

func stringMap(m map[string]string) *yaml.Node {
	if len(m) == 0 {
		return nil
	}
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return data(out)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// selector returns a label selector; nil for none.
func selector(s *metav1.LabelSelector) *yaml.Node {
	if s == nil {
		return nil
	}
	var expressions []*yaml.Node
	for _, e := range s.MatchExpressions {
		var values *yaml.Node
		if len(e.Values) > 0 {
			values = texts(e.Values)
		}
		expressions = append(expressions, mapping(field{"key", text(e.Key)}, field{"operator", text(string(e.Operator))}, field{"values", values}))
	}
	return mapping(field{"matchLabels", stringMap(s.MatchLabels)}, field{"matchExpressions", sequence(expressions)})
}

// file writes documents below a header that names their source.
func file(header string, documents ...*yaml.Node) []byte {
	var b bytes.Buffer
	b.WriteString(header)
	for _, d := range documents {
		b.WriteString("---\n")
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		e.CompactSeqIndent()
		if err := e.Encode(d); err != nil {
			panic("emit: " + err.Error())
		}
		if err := e.Close(); err != nil {
			panic("emit: " + err.Error())
		}
	}
	return b.Bytes()
}
