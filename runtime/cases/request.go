package cases

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/policyc/policyc/runtime/engine"
)

// Nobody is the user of cases that do not say who asks.
const Nobody = "policyc:test"

// newRequest puts the request of a case together.
func newRequest(c *Case, object, old runtime.Object, others []runtime.Object) *engine.Request {
	if c.NamespaceLabels != nil {
		others = append(others, namespaceOf(c, others))
	}
	// What is changed or deleted is in the cluster until then, where lookups
	// find it. What the case says of it counts for more. A Scale is a view.
	if old != nil && c.Kind.Kind != "Scale" {
		others = append([]runtime.Object{old}, others...)
	}
	// The API server has generated a name before admission (seen on 1.37).
	if m, err := meta.Accessor(object); c.ObjectName == "" && object != nil && err == nil {
		c.ObjectName = m.GetName()
	}
	return &engine.Request{
		Operation: admission.Operation(c.Operation), Resource: c.Resource, Subresource: c.Subresource, Kind: c.Kind,
		Namespace: c.Namespace, Name: c.ObjectName, Object: object, OldObject: old, DryRun: c.DryRun,
		User: UserInfo(c.User, c.Groups), Cluster: engine.NewCluster(others...),
	}
}

// namespaceOf is the namespace of a case: the one in its cluster, with the labels that the request adds.
func namespaceOf(c *Case, others []runtime.Object) *corev1.Namespace {
	out := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.Namespace}}
	for _, o := range others {
		if ns, ok := o.(*corev1.Namespace); ok && ns.Name == c.Namespace {
			out = ns.DeepCopy()
		}
	}
	out.Labels = c.NamespaceLabels
	return out
}

// UserInfo is a user as the API server authenticates one: in the group of all
// who are, and a service account in those of its kind.
func UserInfo(name string, groups []string) user.Info {
	switch name {
	case "":
		name = Nobody
	case user.Anonymous:
		return &user.DefaultInfo{Name: name, Groups: append(append([]string{}, groups...), user.AllUnauthenticated)}
	}
	all := append([]string{}, groups...)
	if namespace, _, err := serviceaccount.SplitUsername(name); err == nil && strings.HasPrefix(name, serviceaccount.ServiceAccountUsernamePrefix) {
		all = append(all, serviceaccount.MakeGroupNames(namespace)...)
	}
	return &user.DefaultInfo{Name: name, Groups: append(all, user.AllAuthenticated)}
}
