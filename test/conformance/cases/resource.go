package cases

import (
	"fmt"
	"strings"
)

// connectKinds are the options that requests to a subresource of CONNECT
// carry as their object.
var connectKinds = map[string]string{
	"PodExecOptions":        "pods/exec",
	"PodAttachOptions":      "pods/attach",
	"PodPortForwardOptions": "pods/portforward",
	"PodProxyOptions":       "pods/proxy",
	"ServiceProxyOptions":   "services/proxy",
	"NodeProxyOptions":      "nodes/proxy",
}

// scalable are the groups of the resources with a `scale` subresource, whose
// object is a Scale of the group autoscaling.
var scalable = map[string]string{
	"deployments": "apps", "replicasets": "apps", "statefulsets": "apps", "replicationcontrollers": "",
}

// clusterScoped are the resources, as group/name, that are in no namespace.
var clusterScoped = map[string]bool{
	"/namespaces": true, "/nodes": true, "/persistentvolumes": true,
	"rbac.authorization.k8s.io/clusterroles": true, "rbac.authorization.k8s.io/clusterrolebindings": true,
	"storage.k8s.io/storageclasses": true, "scheduling.k8s.io/priorityclasses": true,
	"admissionregistration.k8s.io/validatingwebhookconfigurations":   true,
	"admissionregistration.k8s.io/mutatingwebhookconfigurations":     true,
	"admissionregistration.k8s.io/validatingadmissionpolicies":       true,
	"admissionregistration.k8s.io/validatingadmissionpolicybindings": true,
	"apiextensions.k8s.io/customresourcedefinitions":                 true,
}

// resource fills in what the request is about. The subresource may be
// written with its resource where the object does not tell: deployments/scale.
func (c *Case) resource(subresource string) error {
	subject := c.subject()
	apiVersion, _ := subject["apiVersion"].(string)
	kind, _ := subject["kind"].(string)
	if apiVersion == "" || kind == "" {
		return fmt.Errorf("the object has no `apiVersion` or no `kind`")
	}
	group, version := splitAPIVersion(apiVersion)
	c.Kind = GroupVersionKind{Group: group, Version: version, Kind: kind}
	c.Resource = Resource{Group: group, Version: version, Name: Plural(kind)}

	if path, ok := connectKinds[kind]; ok {
		c.Resource.Name, c.Subresource, _ = strings.Cut(path, "/")
		return nil
	}
	parent, sub, written := strings.Cut(subresource, "/")
	if !written {
		c.Subresource = subresource
		if subresource == "scale" {
			return fmt.Errorf("write the resource before the subresource, as in deployments/scale")
		}
		return nil
	}
	c.Resource.Name, c.Subresource = parent, sub
	if sub == "scale" {
		group, ok := scalable[parent]
		if !ok {
			return fmt.Errorf("%q cannot be scaled", parent)
		}
		c.Resource.Group, c.Resource.Version = group, "v1"
	}
	return nil
}

// Plural returns the name of a kind's resource, as the API server forms it
// (k8s.io/apimachinery/pkg/api/meta, UnsafeGuessKindToResource).
func Plural(kind string) string {
	s := strings.ToLower(kind)
	switch {
	case s == "endpoints":
		return s
	case strings.HasSuffix(s, "s"):
		return s + "es"
	case strings.HasSuffix(s, "y"):
		return strings.TrimSuffix(s, "y") + "ies"
	}
	return s + "s"
}
