package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/suite"
)

// checkVersion refuses a server that is older than what the policies are compiled for.
func (r *run) checkVersion(ctx context.Context, s *suite.Suite) error {
	a, err := r.must(ctx, call{method: http.MethodGet, path: "/version"})
	if err != nil {
		return fmt.Errorf("ask the server for its version: %w", err)
	}
	var version struct{ Minor, GitVersion string }
	if err := json.Unmarshal(a.body, &version); err != nil {
		return fmt.Errorf("the server's version: %w", err)
	}
	minor, err := strconv.Atoi(strings.TrimRight(version.Minor, "+"))
	if err != nil {
		return fmt.Errorf("the server's version %q: %w", version.GitVersion, err)
	}
	if target := s.Variants[0].Result.Project.Target; minor < int(target) {
		return fmt.Errorf("the server runs Kubernetes %s, and the policies are compiled for %s and later: set kubernetes.minVersion of the project, or --kube-version, to 1.%d",
			version.GitVersion, target, minor)
	}
	return nil
}

const rbacPath = "/apis/rbac.authorization.k8s.io/v1/"

// grants are the rights that the users of cases need, and the resources that they are about.
func (r *run) grants() (namespaced, clusterWide []rbacv1.PolicyRule) {
	namespaced = []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}}} // the canary
	for _, j := range r.plan.jobs {
		if j.skip != "" {
			continue
		}
		resource := j.Resource.Resource
		if j.Subresource != "" {
			resource += "/" + j.Subresource
		}
		verbs := []string{map[string]string{"CREATE": "create", "UPDATE": "update", "DELETE": "delete", "CONNECT": "create"}[j.Operation]}
		if j.Resource.Group == rbacv1.GroupName { // rights to give rights away are asked for before admission
			verbs = append(verbs, "escalate", "bind")
		}
		rule := rbacv1.PolicyRule{APIGroups: []string{j.Resource.Group}, Resources: []string{resource}, Verbs: verbs}
		if j.Namespaced {
			namespaced = addRule(namespaced, rule)
		} else {
			clusterWide = addRule(clusterWide, rule)
		}
	}
	return namespaced, clusterWide
}

func addRule(rules []rbacv1.PolicyRule, rule rbacv1.PolicyRule) []rbacv1.PolicyRule {
	same := func(have rbacv1.PolicyRule) bool {
		return have.APIGroups[0] == rule.APIGroups[0] && have.Resources[0] == rule.Resources[0] && slices.Equal(have.Verbs, rule.Verbs)
	}
	if slices.ContainsFunc(rules, same) {
		return rules
	}
	return append(rules, rule)
}

// installRights lets the run's group do what cases do: in its namespaces, and everywhere only for kinds in no namespace.
func (r *run) installRights(ctx context.Context) error {
	namespaced, clusterWide := r.grants()
	for _, role := range []struct {
		name  string
		rules []rbacv1.PolicyRule
	}{{r.name, namespaced}, {r.name + "-cluster", clusterWide}} {
		if len(role.rules) == 0 {
			continue
		}
		object := &rbacv1.ClusterRole{TypeMeta: rbacType("ClusterRole"), ObjectMeta: r.meta(role.name, nil), Rules: role.rules}
		if err := r.post(ctx, rbacPath+"clusterroles", object); err != nil {
			return err
		}
	}
	err := r.each(ctx, len(r.plan.namespaces), func(i int) error {
		object := &rbacv1.RoleBinding{TypeMeta: rbacType("RoleBinding"), ObjectMeta: r.meta(r.name, nil), RoleRef: roleRef(r.name), Subjects: r.subjects()}
		return r.post(ctx, rbacPath+"namespaces/"+r.plan.namespaces[i].name+"/rolebindings", object)
	})
	if err != nil || len(clusterWide) == 0 {
		return err
	}
	return r.post(ctx, rbacPath+"clusterrolebindings", &rbacv1.ClusterRoleBinding{TypeMeta: rbacType("ClusterRoleBinding"),
		ObjectMeta: r.meta(r.name, nil), RoleRef: roleRef(r.name + "-cluster"), Subjects: r.subjects()})
}

func rbacType(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

func roleRef(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

func (r *run) subjects() []rbacv1.Subject {
	return []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: r.group}}
}

// right is something that the user of the kubeconfig must be allowed to do.
type right struct{ verb, group, resource string }

func (x right) String() string {
	if x.group == "" {
		return x.verb + " " + x.resource
	}
	return x.verb + " " + x.resource + "." + x.group
}

// rights are what a run needs.
func (r *run) rights() []right {
	var out []right
	add := func(group, resource string, verbs ...string) {
		for _, verb := range verbs {
			out = append(out, right{verb, group, resource})
		}
	}
	add("admissionregistration.k8s.io", "validatingadmissionpolicies", "create", "delete", "list")
	add("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "create", "delete", "list")
	add("", "namespaces", "create", "delete", "list")
	add("", "serviceaccounts", "create")
	add(rbacv1.GroupName, "clusterroles", "create", "delete", "list", "escalate", "bind")
	add(rbacv1.GroupName, "rolebindings", "create")
	add("", "users", "impersonate")
	add("", "groups", "impersonate")
	if _, clusterWide := r.grants(); len(clusterWide) > 0 {
		add(rbacv1.GroupName, "clusterrolebindings", "create", "delete", "list")
	}
	for _, j := range r.plan.jobs {
		if j.skip == "" && (j.Operation == "UPDATE" || j.Operation == "DELETE") {
			add(j.Resource.Group, j.Resource.Resource, "create", "get", "update", "delete")
		}
		if j.skip == "" && strings.HasPrefix(j.User, "system:serviceaccount:") {
			add("", "serviceaccounts", "impersonate")
		}
	}
	for _, u := range r.plan.units {
		if u.object.Spec.ParamKind != nil {
			add("apiextensions.k8s.io", "customresourcedefinitions", "create", "delete", "list")
			break
		}
	}
	slices.SortFunc(out, func(a, b right) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(out)
}

// checkRights asks the server whether the user has all rights, before anything is made.
func (r *run) checkRights(ctx context.Context) error {
	var missing []string
	for _, x := range r.rights() {
		a, err := r.must(ctx, call{method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body: map[string]any{
			"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"spec": map[string]any{"resourceAttributes": map[string]any{"verb": x.verb, "group": x.group, "resource": x.resource}}}})
		if err != nil {
			return err
		}
		var review struct{ Status struct{ Allowed bool } }
		if err := json.Unmarshal(a.body, &review); err != nil {
			return err
		}
		if !review.Status.Allowed {
			missing = append(missing, x.String())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the user of the kubeconfig may not: %s; running cases on a server needs these rights in the whole cluster", strings.Join(missing, ", "))
	}
	return nil
}
