package emit

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/compiler/ir"
)

// Scope says which requests a program is about, apart from those in the
// excluded namespaces.
func Scope(p *ir.Program, excluded []string) []string {
	var out []string
	for _, r := range p.Match.Rules {
		out = append(out, "on "+strings.Join(r.Operations, ", ")+" of "+codeList(resources(r)))
	}
	for _, r := range p.Match.ExcludeRules {
		out = append(out, "not on "+codeList(resources(r)))
	}
	for _, part := range selectorParts(p.Match.NamespaceSelector, excluded) {
		out = append(out, "in "+part)
	}
	if s := p.Match.ObjectSelector; s != nil {
		for _, key := range sortedKeys(s.MatchLabels) {
			out = append(out, fmt.Sprintf("only objects labelled `%s=%s`", key, s.MatchLabels[key]))
		}
		for _, e := range s.MatchExpressions {
			out = append(out, "only objects whose label "+requirement(e))
		}
	}
	for _, c := range p.Conditions {
		out = append(out, fmt.Sprintf("only where `%s`: `%s`", c.Name, c.Code))
	}
	return out
}

// selectorParts says which namespaces a selector selects, but for the excluded
// ones that it leaves out.
func selectorParts(s *metav1.LabelSelector, excluded []string) []string {
	if s == nil {
		return nil
	}
	var out []string
	for _, k := range sortedKeys(s.MatchLabels) {
		out = append(out, fmt.Sprintf("namespaces labelled `%s=%s`", k, s.MatchLabels[k]))
	}
	for _, e := range s.MatchExpressions {
		if e.Key != "kubernetes.io/metadata.name" {
			out = append(out, "namespaces whose label "+requirement(e))
			continue
		}
		values := slices.Clone(e.Values)
		if e.Operator == metav1.LabelSelectorOpNotIn {
			values = slices.DeleteFunc(values, func(v string) bool { return slices.Contains(excluded, v) })
			if len(values) > 0 {
				out = append(out, "namespaces other than "+codeList(values))
			}
			continue
		}
		out = append(out, "namespaces "+codeList(values))
	}
	return out
}

// requirement is one on a label: `env` is in `a`, `b`.
func requirement(e metav1.LabelSelectorRequirement) string {
	switch e.Operator {
	case metav1.LabelSelectorOpExists:
		return "`" + e.Key + "` is set"
	case metav1.LabelSelectorOpDoesNotExist:
		return "`" + e.Key + "` is not set"
	case metav1.LabelSelectorOpNotIn:
		return "`" + e.Key + "` is none of " + codeList(e.Values)
	}
	return "`" + e.Key + "` is one of " + codeList(e.Values)
}

func resources(r ir.ResourceRule) []string {
	out := slices.Clone(r.Resources)
	if r.Groups[0] != "" {
		for i := range out {
			name, sub, isSub := strings.Cut(out[i], "/")
			out[i] = name + "." + r.Groups[0]
			if isSub {
				out[i] += "/" + sub
			}
		}
	}
	return out
}
