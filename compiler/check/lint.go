package check

import (
	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/expr"
	"github.com/policyc/policyc/compiler/syntax"
)

// lint warns about what a rule says but rarely means.
func (c *checker) lint(d *syntax.Rule, rule *Rule) {
	j := rule.Now
	c.lintAbsence(d, j)
	c.lintEphemeral(d, j)
	c.lintConstant(j)
	c.lintRatchet(rule)
	for _, n := range []*expr.Node{j.When, j.Violated} {
		if n == nil {
			continue
		}
		if product := expr.MayOverflow(n); product != nil {
			c.report.Warnf(diag.MayOverflow, product.Span, "this product of numbers from the object may overflow").
				Notef("an overflow is an evaluation error; the request is then refused")
		}
	}
}

// lintAbsence names the fields whose absence decides the rule.
func (c *checker) lintAbsence(d *syntax.Rule, j *Judgement) {
	if d.Absent.Value == "ok" {
		return
	}
	for _, n := range expr.DecidingAbsence(j.Violated) {
		if j.Negate {
			c.report.Warnf(diag.AbsentPasses, n.Span, "the rule is satisfied when `%s` is absent", n.Path()).
				Helpf("if that is meant, write `absent: ok` in the rule; if not, add `has(%s)`", n.Path())
			continue
		}
		c.report.Warnf(diag.AbsentDenied, n.Span, "the rule denies when `%s` is absent", n.Path()).
			Helpf("if that is meant, write `absent: ok` in the rule; if not, add `has(%s)`", n.Path())
	}
}

// ephemeralForbidden are the fields that the API server refuses on ephemeral
// containers (k8s.io/kubernetes/pkg/apis/core/validation).
var ephemeralForbidden = map[string]bool{"ports": true, "resources": true, "livenessProbe": true,
	"readinessProbe": true, "startupProbe": true, "lifecycle": true, "resizePolicy": true, "restartPolicy": true}

// lintEphemeral warns about a requirement that no ephemeral container can
// meet: it would refuse every `kubectl debug`.
func (c *checker) lintEphemeral(d *syntax.Rule, j *Judgement) {
	if !j.Negate || d.ForEach == nil || c.out.Roots.pod == nil || j.List.Type.Elem != c.out.Roots.pod.container ||
		j.When != nil && mentionsEphemeral(j.When) || mentionsEphemeral(j.Violated) {
		return
	}
	reported := false
	j.Violated.Walk(func(n *expr.Node) {
		local := n.Op == expr.OpSelect && n.Args[0].Op == expr.OpLocal && n.Args[0].Locals[0] == j.Local
		if local && ephemeralForbidden[n.Name] && !reported && expr.RequiresPresence(j.Violated, n) {
			reported = true
			c.report.Warnf(diag.EphemeralField, n.Span, "ephemeral containers may not set `%s`, so this rule refuses every `kubectl debug`", n.Name).
				Helpf("use `forEach: %s in pod.spec.containers + pod.spec.initContainers`", j.Local.Name)
		}
	})
}

// mentionsEphemeral reports whether a condition tells ephemeral containers
// apart from others.
func mentionsEphemeral(n *expr.Node) bool {
	found := false
	n.Walk(func(m *expr.Node) {
		found = found || m.Op == expr.OpSelect && (m.Name == "targetContainerName" || m.Name == "ephemeralContainers")
	})
	return found
}

// lintRatchet warns about a rule that ratchets although it already is about
// what changes: on its own, the old object has none before it.
func (c *checker) lintRatchet(rule *Rule) {
	if rule.Before == nil {
		return
	}
	for _, n := range []*expr.Node{rule.Now.List, rule.Now.When, rule.Now.Violated} {
		old := readsOld(n)
		if old == nil {
			continue
		}
		help := "leave out `ratchet`"
		if c.policy.Ratchet.Value {
			help = "write `ratchet: false` in the rule"
		}
		c.report.Warnf(diag.RatchetReadsOld, old.Span, "`%s` is absent when `ratchet` judges the old object, which may always count as a violation", old.Var.Name).
			Helpf("%s: a rule that reads the old object already is about what changes", help)
		return
	}
}

// readsOld returns the first place where an expression reads the old object;
// nil when there is none.
func readsOld(n *expr.Node) *expr.Node {
	var found *expr.Node
	if n == nil {
		return nil
	}
	n.Walk(func(m *expr.Node) {
		if found == nil && m.Op == expr.OpVar && (m.Var.Name == "oldObject" || m.Var.Name == oldPodVariable || m.Var.Name == oldContainersVariable) {
			found = m
		}
	})
	return found
}

// lintConstant warns about a condition that is the same for every request.
func (c *checker) lintConstant(j *Judgement) {
	locals := []*expr.Local{}
	if j.Local != nil {
		locals = append(locals, j.Local)
	}
	x := expr.Condition(j.Violated, locals...)
	if x.Kind != code.KindLit || j.Violated.Op == expr.OpLit || readsConstant(j.Violated) {
		return
	}
	c.report.Warnf(diag.ConstantCondition, j.Violated.Span, "this condition is always %s", x)
}

// readsConstant reports whether a condition reads a parameter, by whose value
// an environment may switch a rule off.
func readsConstant(n *expr.Node) bool {
	found := false
	n.Walk(func(m *expr.Node) {
		// exists() over a parameter that is an empty list is written out as nothing.
		unrolled := (m.Op == expr.OpOr || m.Op == expr.OpAnd) && len(m.Args) == 0
		found = found || unrolled || m.Op == expr.OpVar && m.Var.HasConstant
	})
	return found
}
