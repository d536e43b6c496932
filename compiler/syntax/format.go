package syntax

import (
	"bytes"
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// Format returns a file in canonical form: keys of policyc documents in the
// order of their documentation, two spaces of indentation, lists at the column
// of their key, single blank lines. Comments, quoting, line breaks in texts and
// documents of others stay as they are. Formatting twice changes nothing.
//
// It reports false, and returns the data as it was, when a document of ours is
// not YAML.
func Format(path string, data []byte, r *diag.Report) (formatted []byte, ok bool) {
	file := source.NewFile(path, data)
	defer func() {
		if cause := recover(); cause != nil {
			r.Errorf(diag.Internal, source.Span{File: file}, "formatting `%s` failed: %v", path, cause)
			formatted, ok = data, false
		}
	}()
	if at, what := notText(data); what != "" {
		r.Errorf(diag.NotText, source.Span{File: file, Start: at, End: at + 1}, "file is not UTF-8 text: %s", what)
		return data, false
	}
	var out bytes.Buffer
	if bytes.HasPrefix(data, byteOrderMark) {
		out.Write(byteOrderMark)
	}
	ok = true
	for _, c := range splitChunks(file) {
		text, fine := formatChunk(c, r)
		ok = ok && fine
		out.Write(text)
	}
	if !ok {
		return data, false
	}
	return out.Bytes(), true
}

// formatChunk formats one document, or returns it as it was.
func formatChunk(c *chunk, r *diag.Report) ([]byte, bool) {
	root, err := parseYAML(c.data())
	if err != nil {
		if bytes.Contains(c.data(), groupMark) {
			reportYAML(c, err, r)
			return nil, false
		}
		return c.data(), true
	}
	if root == nil || !isOurs(root) || root.Style&yaml.FlowStyle != 0 || tooDeep(root, 1) {
		return c.data(), true
	}
	p := &printer{chunk: c}
	for _, order := range []*layout{layoutOf(root), nil} {
		// Without reordering if an alias would come before its anchor.
		text, printed := p.print(root, order)
		if !printed {
			return c.data(), true
		}
		// Without a final break if it would become part of a text.
		for _, text := range [][]byte{text, bytes.TrimSuffix(text, []byte("\n"))} {
			if sameDocument(root, c.data(), text) {
				return text, true
			}
		}
	}
	r.Errorf(diag.Internal, c.span(c.start, c.start), "formatting would change this document; it is left as it is")
	return c.data(), true
}

func tooDeep(n *yaml.Node, depth int) bool {
	return depth > maxDepth || slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return tooDeep(child, depth+1) })
}

// sameDocument reports whether a document means the same after formatting and
// has the same characters, comments included.
func sameDocument(before *yaml.Node, beforeText, afterText []byte) bool {
	after, err := parseYAML(afterText)
	return err == nil && after != nil && sameNode(before, after) && characters(beforeText) == characters(afterText)
}

// characters counts the bytes of a text that formatting never changes.
func characters(text []byte) (count [256]int) {
	for _, b := range text {
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			count[b]++
		}
	}
	return count
}

// sameNode compares two values; the order of keys does not matter.
func sameNode(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || a.Anchor != b.Anchor ||
		len(a.Content) != len(b.Content) {
		return false
	}
	left, right := a.Content, b.Content
	if a.Kind == yaml.MappingNode {
		left, right = sortedPairs(left), sortedPairs(right)
	}
	return slices.EqualFunc(left, right, sameNode)
}

// sortedPairs orders the keys and values of a map by key.
func sortedPairs(content []*yaml.Node) []*yaml.Node {
	pairs := slices.Collect(slices.Chunk(content, 2))
	slices.SortStableFunc(pairs, func(a, b []*yaml.Node) int { return cmp.Compare(a[0].Value, b[0].Value) })
	return slices.Concat(pairs...)
}
