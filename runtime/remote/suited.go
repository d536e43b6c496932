package remote

import (
	"fmt"
	"slices"

	"github.com/policyc/policyc/runtime/cases"
)

// inert are the kinds whose objects may be stored in a cluster in use: nothing acts on them but to make Pods, which a policy
// of the run refuses.
var inert = []string{"pods", "replicationcontrollers", "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps",
	"jobs.batch", "cronjobs.batch", "configmaps", "secrets", "serviceaccounts", "networkpolicies.networking.k8s.io", "limitranges",
	"resourcequotas", "poddisruptionbudgets.policy", "roles.rbac.authorization.k8s.io", "podtemplates"}

// governing are the kinds whose objects change what becomes of others in their namespace.
var governing = []string{"limitranges", "resourcequotas"}

// unsuited says why a case cannot be sent to a server. "" when it can.
func (r *run) unsuited(c *cases.Case) string {
	for _, o := range c.Cluster {
		if o["kind"] != "Namespace" {
			return fmt.Sprintf("it needs a %v in the cluster, which policies besides those of the run would see, too", o["kind"])
		}
	}
	resource := c.Resource.GroupResource().String()
	switch {
	case c.Operation == "CONNECT" && !c.Namespaced:
		return "CONNECT has no dry run, and a " + c.Kind.Kind + " would reach the real " + resource
	case c.Operation == "CREATE" && c.Subresource != "":
		return "creating a " + resource + "/" + c.Subresource + " acts on an object that is there"
	case c.Operation == "CREATE", c.Operation == "CONNECT", r.options.Disposable:
		return ""
	case !c.Namespaced:
		return c.Operation + " needs an object that is there, and " + resource + " are in no namespace: the whole cluster would see it"
	case !slices.Contains(inert, resource):
		return c.Operation + " needs an object that is there, and controllers may act on " + resource
	}
	return ""
}
