package chart

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
	"github.com/policyc/policyc/runtime/engine"
)

// TestPodSecurity asserts that a namespace of the level restricted takes the pods, by the evaluator of Kubernetes.
func TestPodSecurity(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	eachRelease(t, func(t *testing.T, r *release) {
		for name, template := range r.templates() {
			for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
				at := api.LevelVersion{Level: level, Version: api.LatestVersion()}
				if result := policy.AggregateCheckResults(evaluator.EvaluatePod(at, &template.ObjectMeta, &template.Spec)); !result.Allowed {
					t.Errorf("%s: %s: %s", name, level, result.ForbiddenDetail())
				}
			}
			for _, c := range template.Spec.Containers {
				if s := c.SecurityContext; s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
					t.Errorf("%s: the container %s can write to its file system", name, c.Name)
				}
			}
		}
		for _, a := range r.serviceAccounts {
			if a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken {
				t.Errorf("every pod of the ServiceAccount %s gets a token", a.Name)
			}
		}
	})
}

// TestOwnPolicies asserts the same by our own policies.
func TestOwnPolicies(t *testing.T) {
	e := compile(t, "../../policies/pod-security/baseline.yaml", "../../policies/pod-security/restricted.yaml")
	eachRelease(t, func(t *testing.T, r *release) {
		deny(t, e, appsv1.SchemeGroupVersion.WithKind("Deployment"), "deployments", r.deployment)
		if r.job != nil {
			deny(t, e, batchv1.SchemeGroupVersion.WithKind("Job"), "jobs", r.job)
		}
	})
}

func compile(t *testing.T, files ...string) *engine.Engine {
	t.Helper()
	report := diag.NewReport()
	result := compiler.Compile(syntax.ReadPaths(files, nil, report), compiler.Options{Now: time.Now(), ReadFile: os.ReadFile}, report)
	if findings := report.Sorted(); len(findings) > 0 {
		t.Fatal(findings)
	}
	bundle, err := engine.ReadBundle(result.Files, result.Programs)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(bundle)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// deny fails the test when a policy denies to create the object.
func deny(t *testing.T, e *engine.Engine, kind schema.GroupVersionKind, resource string, object runtime.Object) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "security", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	decisions, err := e.Evaluate(context.Background(), &engine.Request{Operation: admission.Create, Kind: kind,
		Resource: kind.GroupVersion().WithResource(resource), Namespace: namespace.Name, Name: "x", Object: object,
		User: &user.DefaultInfo{Name: "helm"}, Cluster: engine.NewCluster(namespace)})
	if err != nil {
		t.Fatal(err)
	}
	if len(decisions) != 2 {
		t.Errorf("%d policies are about %s", len(decisions), resource)
	}
	for _, d := range decisions {
		if d.Err != nil || d.Denies() {
			t.Errorf("%s: %s %v", d.Policy, d.Message, d.Err)
		}
	}
}

// granted is all that a release grants, for names and a namespace: a right more is a decision, and belongs here first.
func granted(r *release) []string {
	name, configuration := r.service.Name, flags(r.container())["configuration"]
	all := []string{
		"cluster " + name + ": policyc.dev/compiledpolicies get,list,watch",
		"cluster " + name + ": policyc.dev/compiledpolicies/status patch",
		"cluster " + name + ": /namespaces get,list,watch",
		"cluster " + name + ": admissionregistration.k8s.io/validatingwebhookconfigurations[" + configuration + "] get,list,watch,patch",
		"cluster " + name + ": admissionregistration.k8s.io/mutatingwebhookconfigurations[" + configuration + "] get,list,watch,patch",
		"default " + name + ": events.k8s.io/events create,patch",
		"policyc-system " + name + ": coordination.k8s.io/leases[" + name + "] get,update",
	}
	if r.secret != nil {
		all = append(all, "policyc-system "+name+": /secrets["+r.secret.Name+"] get,list,watch,update")
	}
	if r.job != nil {
		all = append(all, "cluster "+name+"-uninstall: admissionregistration.k8s.io/validatingwebhookconfigurations["+configuration+"] get,delete",
			"cluster "+name+"-uninstall: admissionregistration.k8s.io/mutatingwebhookconfigurations["+configuration+"] get,delete")
	}
	return all
}

// TestRights asserts that the release grants exactly what it may.
func TestRights(t *testing.T) {
	eachRelease(t, func(t *testing.T, r *release) {
		have := r.rights(t)
		want := granted(r)
		for _, right := range have {
			if !slices.Contains(want, right) {
				t.Errorf("too much: %s", right)
			}
			if strings.Contains(right, "*") {
				t.Errorf("a wildcard: %s", right)
			}
		}
		for _, right := range want {
			if !slices.Contains(have, right) {
				t.Errorf("missing: %s", right)
			}
		}
	})
}

// rights lists what each subject may, following the bindings.
func (r *release) rights(t *testing.T) []string {
	rules := map[string][]rbacv1.PolicyRule{}
	for _, role := range r.clusterRoles {
		rules["ClusterRole/"+role.Name] = role.Rules
		if role.AggregationRule != nil {
			t.Errorf("the ClusterRole %s is aggregated from others", role.Name)
		}
	}
	for _, role := range r.roles {
		rules["Role/"+role.Namespace+"/"+role.Name] = role.Rules
	}
	var all []string
	add := func(scope, key string, subjects []rbacv1.Subject) {
		if rules[key] == nil {
			t.Errorf("a binding to %s, which the chart does not have", key)
		}
		for _, s := range subjects {
			known := slices.ContainsFunc(r.serviceAccounts, func(a *corev1.ServiceAccount) bool { return a.Name == s.Name && a.Namespace == s.Namespace })
			if s.Kind != "ServiceAccount" || !known {
				t.Errorf("a binding of %v, which the chart does not have", s)
			}
			for _, rule := range rules[key] {
				all = append(all, lines(scope+" "+s.Name, rule)...)
			}
		}
	}
	for _, b := range r.clusterBindings {
		add("cluster", b.RoleRef.Kind+"/"+b.RoleRef.Name, b.Subjects)
	}
	for _, b := range r.bindings {
		add(b.Namespace, b.RoleRef.Kind+"/"+b.Namespace+"/"+b.RoleRef.Name, b.Subjects)
	}
	return all
}

// lines writes a rule as one line for each resource.
func lines(who string, rule rbacv1.PolicyRule) []string {
	names := ""
	if len(rule.ResourceNames) > 0 {
		names = "[" + strings.Join(rule.ResourceNames, ",") + "]"
	}
	var all []string
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			all = append(all, fmt.Sprintf("%s: %s/%s%s %s", who, group, resource, names, strings.Join(rule.Verbs, ",")))
		}
	}
	for _, url := range rule.NonResourceURLs {
		all = append(all, fmt.Sprintf("%s: %s %s", who, url, strings.Join(rule.Verbs, ",")))
	}
	return all
}
