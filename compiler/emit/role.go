package emit

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/policyc/policyc/compiler/code"
	"github.com/policyc/policyc/compiler/ir"
)

// lookupsRole is the name of the role.
func (w Webhook) lookupsRole() string { return w.Configuration + "-lookups" }

const rbacGroup = "rbac.authorization.k8s.io"

// lookupsRole returns the ClusterRole with exactly what the programs read of
// the cluster; nil when they read nothing.
func lookupsRole(programs []*ir.Program, at Webhook) *yaml.Node {
	resources := map[string][]string{}
	read := func(group, plural string) {
		if !slices.Contains(resources[group], plural) {
			resources[group] = append(resources[group], plural)
		}
	}
	asks := false
	for _, p := range programs {
		for _, l := range p.Lookups {
			read(l.Resource.Group, l.Resource.Plural)
		}
		if p.Params != nil {
			read(p.Params.Group, p.Params.Plural)
		}
		asks = asks || asksAuthorizer(p)
	}
	var rules []*yaml.Node
	for _, group := range sortedKeys(resources) {
		slices.Sort(resources[group])
		rules = append(rules, role(group, resources[group], "get", "list", "watch"))
	}
	if asks {
		rules = append(rules, role("authorization.k8s.io", []string{"subjectaccessreviews"}, "create"))
	}
	if rules == nil {
		return nil
	}
	return mapping(
		field{"apiVersion", text(rbacGroup + "/v1")},
		field{"kind", text("ClusterRole")},
		field{"metadata", mapping(field{"name", text(at.lookupsRole())}, field{"labels", stringMap(managed)})},
		field{"rules", sequence(rules)},
	)
}

func role(group string, resources []string, verbs ...string) *yaml.Node {
	return mapping(field{"apiGroups", texts([]string{group})}, field{"resources", texts(resources)}, field{"verbs", texts(verbs)})
}

// asksAuthorizer reports whether a program asks what somebody may do.
func asksAuthorizer(p *ir.Program) bool {
	var all []*code.Expr
	for _, c := range p.Conditions {
		all = append(all, c.Code)
	}
	for _, v := range p.Variables {
		all = append(all, v.Code)
	}
	for _, m := range p.Mutations {
		all = append(all, m.Code)
	}
	return slices.ContainsFunc(all, func(x *code.Expr) bool {
		return x.Mentions("authorizer") || x.Mentions("authorizer.requestResource")
	})
}

// lookupsBinding gives the role to the service account of the webhook.
func lookupsBinding(at Webhook) *yaml.Node {
	return mapping(
		field{"apiVersion", text(rbacGroup + "/v1")},
		field{"kind", text("ClusterRoleBinding")},
		field{"metadata", mapping(field{"name", text(at.lookupsRole())}, field{"labels", stringMap(managed)})},
		field{"roleRef", mapping(field{"apiGroup", text(rbacGroup)}, field{"kind", text("ClusterRole")}, field{"name", text(at.lookupsRole())})},
		field{"subjects", sequence([]*yaml.Node{mapping(
			field{"kind", text("ServiceAccount")}, field{"name", text(at.Service)}, field{"namespace", text(at.Namespace)})})},
	)
}
