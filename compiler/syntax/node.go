package syntax

import (
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

const (
	// maxDepth is how deeply lists and maps may be nested.
	maxDepth = 100
	// maxAliased is how many values the aliases of a file may stand for.
	maxAliased = 100_000
)

// shape is what a node looks like, whatever it means.
type shape int

const (
	emptyShape shape = iota
	scalarShape
	listShape
	mapShape
)

// node is a YAML value with aliases resolved and positions exact.
type node struct {
	shape shape
	span  source.Span
	// text is the scalar as written and data its value: bool, int64, float64
	// or string.
	text  source.Text
	data  any
	items []*node
	pairs []pair
}

type pair struct {
	key   source.Text
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, p := range n.pairs {
		if p.key.Value == key {
			return p.value
		}
	}
	return nil
}

// value is the node for those who take any shape.
func (n *node) value() Value {
	v := Value{Span: n.span}
	switch n.shape {
	case scalarShape:
		v.Data = n.data
		if _, isString := n.data.(string); isString {
			v.Text = n.text
		}
	case listShape:
		list := make([]any, 0, len(n.items))
		for _, item := range n.items {
			v.Items = append(v.Items, item.value())
			list = append(list, v.Items[len(v.Items)-1].Data)
		}
		v.Data = list
	case mapShape:
		object := make(map[string]any, len(n.pairs))
		v.Entries = n.entries()
		for _, entry := range v.Entries {
			object[entry.Key.Value] = entry.Value.Data
		}
		v.Data = object
	}
	return v
}

func (n *node) entries() []Entry {
	entries := make([]Entry, 0, len(n.pairs))
	for _, p := range n.pairs {
		entries = append(entries, Entry{Key: p.key, Value: p.value.value()})
	}
	return entries
}

// converter turns the nodes of yaml.v3 into ours.
type converter struct {
	chunk  *chunk
	report *diag.Report
	// aliased counts the values that came out of aliases, for the whole file.
	aliased *int
	// open are the anchored nodes that are being converted.
	open []*yaml.Node
	// inAlias is the span of the outermost alias, zero outside of aliases.
	inAlias source.Span
	// stopped is set when a limit was reached, which is reported once.
	stopped bool
}

func (c *converter) convert(y *yaml.Node, depth int) *node {
	at := c.start(y)
	if c.stopped {
		return &node{span: at}
	}
	if depth > maxDepth {
		c.stopped = true
		c.report.Errorf(diag.TooDeep, at, "nested more than %d levels deep", maxDepth)
		return &node{span: at}
	}
	if !c.inAlias.IsZero() {
		*c.aliased++
		if *c.aliased > maxAliased {
			c.stopped = true
			c.report.Errorf(diag.TooManyAliases, c.inAlias, "the aliases of this file stand for more than %d values", maxAliased).
				Helpf("write the values out")
			return &node{span: at}
		}
	}
	switch y.Kind {
	case yaml.AliasNode:
		return c.alias(y, at, depth)
	case yaml.SequenceNode:
		return c.list(y, at, depth)
	case yaml.MappingNode:
		return c.mapping(y, at, depth)
	default:
		return c.scalar(y)
	}
}

// start is where a node begins; its end is not known yet.
func (c *converter) start(y *yaml.Node) source.Span {
	at := skipProperties(c.chunk, c.chunk.offset(y.Line, y.Column))
	return c.chunk.span(at, min(at+1, c.chunk.end))
}

func (c *converter) alias(y *yaml.Node, at source.Span, depth int) *node {
	at.End = max(at.End, min(c.chunk.end, at.Start+1+len(y.Value)))
	if slices.Contains(c.open, y.Alias) {
		c.report.Errorf(diag.TooManyAliases, at, "anchor `%s` contains itself", y.Value)
		return &node{span: at}
	}
	if c.inAlias.IsZero() {
		c.inAlias = at
		defer func() { c.inAlias = source.Span{} }()
	}
	return c.convert(y.Alias, depth)
}

func (c *converter) list(y *yaml.Node, at source.Span, depth int) *node {
	c.enter(y)
	defer c.leave(y)
	c.tag(y, at, "!!seq")
	n := &node{shape: listShape, span: at}
	var last *node
	for _, item := range y.Content {
		last = c.convert(item, depth+1)
		n.items = append(n.items, last)
	}
	n.span.End = c.end(y, at, last)
	return n
}

func (c *converter) mapping(y *yaml.Node, at source.Span, depth int) *node {
	c.enter(y)
	defer c.leave(y)
	c.tag(y, at, "!!map")
	n := &node{shape: mapShape, span: at}
	first := map[string]source.Span{}
	var last *node
	for i := 0; i+1 < len(y.Content) && !c.stopped; i += 2 {
		key, ok := c.key(y.Content[i])
		if !ok {
			continue
		}
		if before, twice := first[key.Value]; twice {
			line := before.File.Position(before.Start).Line
			c.report.Errorf(diag.DuplicateKey, key.Span, "duplicate key `%s`", key.Value).
				Labelf("first on line %d", line)
			continue
		}
		first[key.Value] = key.Span
		last = c.convert(y.Content[i+1], depth+1)
		n.pairs = append(n.pairs, pair{key, last})
	}
	n.span.End = c.end(y, at, last)
	return n
}

func (c *converter) enter(y *yaml.Node) {
	if y.Anchor != "" {
		c.open = append(c.open, y)
	}
}

func (c *converter) leave(y *yaml.Node) {
	if y.Anchor != "" {
		c.open = c.open[:len(c.open)-1]
	}
}

// key returns the text of a key; a number or boolean is taken as written.
func (c *converter) key(y *yaml.Node) (source.Text, bool) {
	if y.Kind == yaml.AliasNode && y.Alias.Kind == yaml.ScalarNode {
		y = y.Alias
	}
	switch {
	case y.Kind != yaml.ScalarNode:
		c.report.Errorf(diag.UnsupportedYAML, c.start(y), "a key must be a text, not a list or map")
		return source.Text{}, false
	case y.ShortTag() == "!!merge":
		c.report.Errorf(diag.UnsupportedYAML, c.start(y), "merge keys (`<<`) are not supported").
			Helpf("write the keys out; a whole value may be an alias")
		return source.Text{}, false
	case y.ShortTag() == "!!null" && y.Value == "":
		c.report.Errorf(diag.UnsupportedYAML, c.start(y), "a key is missing before `:`")
		return source.Text{}, false
	}
	return scalarText(c.chunk, y), true
}

func (c *converter) scalar(y *yaml.Node) *node {
	n := &node{shape: scalarShape, text: scalarText(c.chunk, y)}
	n.span = n.text.Span
	switch tag := y.ShortTag(); tag {
	case "!!null":
		n.shape = emptyShape
	case "!!str", "!!timestamp":
		n.data = y.Value
	case "!!merge": // a plain << that is a value
		n.data = y.Value
	case "!!bool", "!!int", "!!float":
		n.data = c.number(y, n.span)
	default:
		help := "leave the tag out; put a text in quotes"
		if y.Value == "" {
			// YAML takes `!a.b` for a tag of nothing.
			help = "put an expression that begins with `!` in quotes"
		}
		c.report.Errorf(diag.UnsupportedYAML, n.span, "the tag `%s` is not supported", tag).Helpf("%s", help)
		n.data = y.Value
	}
	return n
}

// number decodes a boolean or number to the types that JSON has.
func (c *converter) number(y *yaml.Node, at source.Span) any {
	var decoded any
	if err := y.Decode(&decoded); err != nil {
		c.report.Errorf(diag.UnsupportedYAML, at, "`%s` is no value of the tag `%s`", y.Value, y.ShortTag())
		return y.Value
	}
	switch v := decoded.(type) {
	case int:
		return int64(v)
	case uint64:
		return float64(v)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			c.report.Errorf(diag.UnsupportedYAML, at, "infinities and NaN are not supported")
			return float64(0)
		}
	}
	return decoded
}

// tag reports a tag other than the one that the shape implies.
func (c *converter) tag(y *yaml.Node, at source.Span, implied string) {
	if tag := y.ShortTag(); tag != implied {
		c.report.Errorf(diag.UnsupportedYAML, at, "the tag `%s` is not supported", tag).Helpf("leave the tag out")
	}
}

// end returns the offset after a list or map whose last part is given, with
// the closing bracket if it has one.
func (c *converter) end(y *yaml.Node, at source.Span, last *node) int {
	end := at.End
	if last != nil {
		end = max(end, last.span.End)
	}
	if n := len(y.Content); n > 0 && y.Content[n-1].Kind == yaml.AliasNode {
		alias := y.Content[n-1] // last stands at its anchor
		end = c.start(alias).Start + 1 + len(alias.Value)
	}
	if y.Style&yaml.FlowStyle == 0 {
		return end
	}
	data := c.chunk.file.Data[:c.chunk.end]
	if last != nil && end < len(data) && (data[end] == '\'' || data[end] == '"') {
		end++
	}
	closing := skipSpace(data, end)
	if closing < len(data) && data[closing] == ',' {
		closing = skipSpace(data, closing+1)
	}
	if closing < len(data) && (data[closing] == ']' || data[closing] == '}') {
		return closing + 1
	}
	return end
}
