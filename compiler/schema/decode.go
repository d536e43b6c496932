package schema

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/policyc/policyc/compiler/types"
)

// builtin is the decoded schemas of one minor, as gen/write.go writes them.
// Lines of types are kept as text and read when a type is asked for: a policy
// touches a few of some 700.
type builtin struct {
	kinds []*Kind
	lines map[string]string // name of the type → its fields, tab-separated

	minor   int
	mu      sync.Mutex
	objects map[string]*types.Type
}

func decode(minor int) (*builtin, error) {
	file, err := data.Open(fmt.Sprintf("data/1.%d.txt.gz", minor))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	text.Grow(1 << 18)
	if _, err := io.Copy(&text, unzip); err != nil {
		return nil, err
	}
	b, err := parse(text.String())
	if err != nil {
		return nil, err
	}
	b.minor = minor
	return b, nil
}

func parse(text string) (*builtin, error) {
	b := &builtin{lines: make(map[string]string, 1024), objects: map[string]*types.Type{}}
	header, rest, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(header, "policyc schemas 1 ") {
		return nil, fmt.Errorf("unknown format %q", header)
	}
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		word, line, _ := strings.Cut(line, "\t")
		switch word {
		case "kind":
			k, err := parseKind(line)
			if err != nil {
				return nil, err
			}
			b.kinds = append(b.kinds, k)
		case "type":
			name, fields, _ := strings.Cut(line, "\t")
			b.lines[name] = fields
		default:
			return nil, fmt.Errorf("unknown line %q", word)
		}
	}
	markPreferred(b.kinds)
	return b, nil
}

// connectResources are the subresources whose requests are CONNECT. Discovery
// does not tell them from others.
var connectResources = map[string]bool{"exec": true, "attach": true, "portforward": true, "proxy": true}

func parseKind(line string) (*Kind, error) {
	p := strings.Split(line, "\t")
	if len(p) != 13 {
		return nil, errors.New("malformed kind: " + line)
	}
	k := &Kind{
		Group: p[0], Version: p[1], Kind: p[2], Resource: p[3], Subresource: p[4],
		ResourceGroup: p[5], ResourceVersion: p[6], ParentKind: p[7], Singular: p[8],
		Namespaced: p[9] == "N", Verbs: splitList(p[10]), ShortNames: splitList(p[11]), root: p[12],
	}
	k.Connect = k.ResourceGroup == "" && connectResources[k.Subresource]
	return k, nil
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// object returns the object type of that name.
func (b *builtin) object(name string) (*types.Type, bool) {
	line, ok := b.lines[name]
	if !ok {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.objects[name]
	if t == nil {
		t = &types.Type{Kind: types.Object, Name: name, Fields: &lineFields{builtin: b, name: name, line: line}}
		b.objects[name] = t
	}
	return t, true
}
