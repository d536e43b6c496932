package podsecurity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/ir"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
)

// The policies that are compared.
const (
	baseline   = "pod-security-baseline"
	restricted = "pod-security-restricted"
)

// oracle has both sides.
type oracle struct {
	upstream *upstream
	engine   *engine.Engine
	programs []*ir.Program
	// checks are the checks by our rules.
	checks map[string]policy.CheckID
}

// newOracle compiles the policies, which are in a folder.
func newOracle(dir string) (*oracle, error) {
	o := &oracle{checks: map[string]policy.CheckID{}}
	for check, names := range rules {
		for _, name := range names {
			o.checks[name] = check
		}
	}
	r := diag.NewReport()
	inputs := syntax.ReadPaths([]string{filepath.Join(dir, "baseline.yaml"), filepath.Join(dir, "restricted.yaml")}, nil, r)
	result := compiler.Compile(inputs, compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}, r)
	if findings := r.Sorted(); len(findings) > 0 {
		var text strings.Builder
		_ = diag.WriteText(&text, findings, false)
		return nil, fmt.Errorf("%s", text.String())
	}
	o.programs = result.Programs
	bundle, err := engine.ReadBundle(result.Files, result.Programs)
	if err != nil {
		return nil, err
	}
	if o.engine, err = engine.New(bundle); err != nil {
		return nil, err
	}
	o.upstream, err = newUpstream()
	return o, err
}

// trial is a pod on its way through a kind of object: created, or changed
// from what it was.
type trial struct {
	pod, old    *corev1.Pod
	workload    *workload
	subresource string
}

// ours is what our policies make of a trial, and the message of a denial. An
// error is an evaluation that failed: no pod may do that.
func (o *oracle) ours(t trial) (verdict, string, error) {
	v := verdict{violated: map[policy.CheckID]bool{}, baseline: true, restricted: true}
	decisions, err := o.engine.Evaluate(context.Background(), t.workload.request(t.pod, t.old, t.subresource))
	if err != nil {
		return v, "", err
	}
	if len(decisions) != 2 {
		return v, "", fmt.Errorf("%d policies matched", len(decisions))
	}
	var messages []string
	for _, d := range decisions {
		if d.Err != nil {
			return v, "", fmt.Errorf("%s: %w", d.Policy, d.Err)
		}
		if d.Denies() {
			v.restricted = false
			v.baseline = v.baseline && d.Policy != baseline
			messages = append(messages, d.Message)
		}
		for _, rule := range d.Rules() {
			v.violated[o.checks[rule]] = true
			v.rules = append(v.rules, rule)
		}
	}
	return v, strings.Join(messages, "\n"), nil
}

// compare returns how our verdict differs from upstream's, or "", and the
// rules that were violated.
func (o *oracle) compare(t trial) (difference string, rules []string) {
	want, err := o.want(t)
	if err != nil {
		return err.Error(), nil
	}
	have, message, err := o.ours(t)
	if err != nil {
		return err.Error(), nil
	}
	var out []string
	add := func(what string, want, have bool) {
		if want != have {
			out = append(out, fmt.Sprintf("%s: upstream %s, ours %s", what, word(want), word(have)))
		}
	}
	add("level baseline", want.baseline, have.baseline)
	add("level restricted", want.restricted, have.restricted)
	for _, c := range o.upstream.checks {
		add("check "+string(c.ID), !want.violated[c.ID], !have.violated[c.ID])
	}
	if out != nil && message != "" {
		out = append(out, "our message: "+message)
	}
	return strings.Join(out, "\n"), have.rules
}

func word(allowed bool) string {
	if allowed {
		return "allows"
	}
	return "denies"
}

// want is upstream's verdict, with the two differences that we mean.
func (o *oracle) want(t trial) (verdict, error) {
	v := o.upstream.evaluate(t.pod)
	if refused(t.pod) != "" {
		v.restricted = v.restricted && v.baseline
	}
	spec, annotations, err := t.unchanged()
	if err != nil || !spec {
		return v, err
	}
	for _, c := range o.upstream.checks {
		if c.Level == api.LevelRestricted || annotations {
			delete(v.violated, c.ID)
		}
	}
	v.baseline = v.baseline || annotations
	v.restricted = v.baseline
	return v, nil
}

// unchanged reports whether an update leaves alone what our policies then do
// not look at again (their `exclude`). Specs are compared as they look in
// JSON, in which an empty list is often none.
func (t trial) unchanged() (spec, annotations bool, err error) {
	if t.old == nil {
		return false, false, nil
	}
	now, err := json.Marshal(t.pod.Spec)
	if err != nil {
		return false, false, err
	}
	was, err := json.Marshal(t.old.Spec)
	if err != nil {
		return false, false, err
	}
	annotations = true
	for key, value := range t.pod.Annotations {
		old, ok := t.old.Annotations[key]
		if strings.HasPrefix(key, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix) && (!ok || old != value) {
			annotations = false
		}
	}
	return bytes.Equal(now, was), annotations, nil
}

// explain shrinks a trial that has a difference, and shows all there is to
// know about it.
func (o *oracle) explain(t trial) string {
	t.pod = shrink(t.pod, func(smaller *corev1.Pod) bool {
		trial := t
		trial.pod = smaller
		difference, _ := o.compare(trial)
		return difference != ""
	})
	text, _ := yaml.Marshal(t.pod)
	difference, _ := o.compare(t)
	out := fmt.Sprintf("%s, subresource %q, refused by the API server: %q\n%s\n%s", t.workload.kind.Kind, t.subresource, refused(t.pod),
		difference, text)
	if t.old != nil {
		text, _ = yaml.Marshal(t.old)
		out += "before:\n" + string(text)
	}
	return out
}

// policyOf is the policy that has a check's rules.
func (o *oracle) policyOf(rule string) string {
	for _, program := range o.programs {
		for _, p := range program.Policies {
			if slices.ContainsFunc(p.Rules, func(r *ir.Rule) bool { return r.Name == rule }) {
				return p.Name
			}
		}
	}
	return ""
}
