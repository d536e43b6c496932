package remote

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const admissionPath = "/apis/admissionregistration.k8s.io/v1/"

// Collections of what a run installs.
const (
	policiesPath   = admissionPath + "validatingadmissionpolicies"
	bindingsPath   = admissionPath + "validatingadmissionpolicybindings"
	namespacesPath = "/api/v1/namespaces"
	definitions    = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
)

// install makes all that the cases need, and returns when the server enforces it.
func (r *run) install(ctx context.Context) error {
	for _, step := range []func(context.Context) error{r.installNamespaces, r.installRights, r.installParameters, r.installPolicies, r.await} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("prepare the cluster: %w", err)
		}
	}
	return nil
}

func (r *run) post(ctx context.Context, path string, object any) error {
	_, err := r.must(ctx, call{method: http.MethodPost, path: path, body: object})
	return err
}

func (r *run) installNamespaces(ctx context.Context) error {
	if len(r.plan.namespaces) == 0 { // the probe needs one
		r.plan.namespaces = []*scratch{{name: r.name + "-0", real: "default"}}
	}
	return r.each(ctx, len(r.plan.namespaces), func(i int) error { return r.installNamespace(ctx, r.plan.namespaces[i]) })
}

func (r *run) installNamespace(ctx context.Context, ns *scratch) error {
	meta := r.meta(ns.name, ns.annotations)
	maps.Copy(meta.Labels, ns.labels)
	meta.Labels[namespaceLabel] = ns.real
	if enforce := podSecurity + "enforce"; r.plan.podLabels && meta.Labels[enforce] == "" {
		meta.Labels[enforce] = "privileged"
	}
	object := &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: meta}
	if err := r.post(ctx, namespacesPath, object); err != nil {
		return err
	}
	for _, account := range append([]string{"default"}, ns.accounts...) {
		k := call{method: http.MethodPost, path: namespacesPath + "/" + ns.name + "/serviceaccounts",
			body: map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": account}}}
		// The controller that makes `default` may have been faster.
		if a, err := r.do(ctx, k); err != nil {
			return err
		} else if a.status != http.StatusConflict && !a.ok() {
			return a.err(k)
		}
	}
	return nil
}

// installPolicies installs the copies, then the canary: the server learns of each kind in order, and compiles all anew once
// a second, so that with the last one all are enforced.
func (r *run) installPolicies(ctx context.Context) error {
	policies := []*admissionv1.ValidatingAdmissionPolicy{r.guard()}
	var bindings []*admissionv1.ValidatingAdmissionPolicyBinding
	bindings = append(bindings, r.bind(guardName, admissionv1.Deny))
	for _, u := range r.plan.units {
		policies, bindings = append(policies, r.policyCopy(u)), append(bindings, r.bindingCopies(u)...)
	}
	for _, step := range []func() error{
		func() error {
			return r.each(ctx, len(policies), func(i int) error { return r.post(ctx, policiesPath, policies[i]) })
		},
		func() error { return r.post(ctx, policiesPath, r.canary()) },
		func() error {
			return r.each(ctx, len(bindings), func(i int) error { return r.post(ctx, bindingsPath, bindings[i]) })
		},
		func() error { return r.post(ctx, bindingsPath, r.bind(canaryName, admissionv1.Warn)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Names of the run's own policies, behind that of the run.
const (
	guardName  = "-guard"
	canaryName = "-canary"
)

func (r *run) bind(name string, action admissionv1.ValidationAction) *admissionv1.ValidatingAdmissionPolicyBinding {
	return &admissionv1.ValidatingAdmissionPolicyBinding{TypeMeta: typeMeta("ValidatingAdmissionPolicyBinding"), ObjectMeta: r.meta(r.name+name, nil),
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: r.name + name, ValidationActions: []admissionv1.ValidationAction{action}}}
}

// ours is a policy of the run about creating a resource in its namespaces.
func (r *run) ours(name, resource, expression, message string) *admissionv1.ValidatingAdmissionPolicy {
	rule := admissionv1.NamedRuleWithOperations{RuleWithOperations: admissionv1.RuleWithOperations{
		Operations: []admissionv1.OperationType{admissionv1.Create},
		Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{resource}}}}
	return &admissionv1.ValidatingAdmissionPolicy{TypeMeta: typeMeta("ValidatingAdmissionPolicy"), ObjectMeta: r.meta(r.name+name, nil),
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{rule},
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{runLabel: r.id}}},
			Validations: []admissionv1.Validation{{Expression: expression, Message: message}}}}
}

// gate keeps stored Pods from being scheduled.
const gate = "policyc.dev/test"

// guard lets no Pod come into being in a scratch namespace that could start, whoever makes it.
func (r *run) guard() *admissionv1.ValidatingAdmissionPolicy {
	return r.ours(guardName, "pods", "has(request.dryRun) && request.dryRun || has(object.spec.schedulingGates) && object.spec.schedulingGates.exists(g, g.name == '"+gate+"')",
		"no Pod runs in this namespace: it belongs to a run of policyc test --server")
}

func (r *run) canary() *admissionv1.ValidatingAdmissionPolicy {
	p := r.ours(canaryName, "configmaps", "false", "enforced")
	p.Spec.MatchConditions = []admissionv1.MatchCondition{{Name: "canary", Expression: "object.metadata.name == 'policyc-canary'"}}
	return p
}

// patience is how long the server may take until it enforces what was installed.
const patience = 90 * time.Second

// await asks for the canary until it warns. Connections are kept, so that behind a balancer it is the server that is asked
// later on, too.
func (r *run) await(ctx context.Context) error {
	limit := time.Now().Add(patience)
	ns := r.plan.namespaces[len(r.plan.namespaces)-1].name
	for {
		a, err := r.do(ctx, call{method: http.MethodPost, path: namespacesPath + "/" + ns + "/configmaps?dryRun=All", user: "policyc:test", groups: []string{r.group},
			body: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "policyc-canary"}}})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(a.warnings, func(w string) bool { return strings.Contains(w, "'"+r.name+canaryName+"'") }) {
			return r.awaitParameters(ctx, limit)
		}
		if time.Now().After(limit) {
			return fmt.Errorf("the server does not enforce the policies of this run after %v: %s", patience, a.message)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
