package engine

import (
	"context"
	"strings"
	"testing"
)

// TestJoin asserts that engines that are joined decide like one that was compiled whole, and are not changed.
func TestJoin(t *testing.T) {
	tags := policyText("tags", "Pod", tagRule+"  enforce: deny\n")
	old := policyText("old", "Pod", strings.Replace(tagRule, ":latest", ":old", 1)+"  enforce: deny\n")
	label := func(name string) string {
		return since136 + policyText(name, "Pod", "\n  rules:\n  - name: label\n    mutate: {set: {object.metadata.labels."+name+": x}}\n  enforce: deny\n")
	}
	one, two := build(t, tags), build(t, old)
	joined := Join(two, one, build(t, label("a")), build(t, label("b")))
	r := podRequest("default", "a:latest", "b:old")
	expect(t, evaluate(t, joined, r), evaluate(t, build(t, tags+old), r)...)
	expect(t, evaluate(t, one, r), evaluate(t, build(t, tags), r)...)
	m, err := joined.Mutate(context.Background(), r)
	if err != nil || len(m.Failures) > 0 {
		t.Fatal(err, m.Failures)
	}
	if len(m.Applied) != 2 {
		t.Errorf("%d of two mutations were applied", len(m.Applied))
	}
}
