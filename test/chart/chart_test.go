// Package chart tests the Helm chart in runtime/chart.
//
//	testdata/values/cert-manager.yaml ─ helm template ─► testdata/rendered/cert-manager.yaml ─► the checks of objects
//
// What helm renders is checked in, so that the checks of objects run without helm. That it is what helm renders is a test of its
// own, with the tag e2e; `go test -tags e2e ./test/chart -update` writes it anew.
package chart

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	folder   = "../../runtime/chart"
	rendered = "testdata/rendered"
)

// cases are the value files.
func cases() []string {
	return []string{"default", "cert-manager", "autoscaling", "service-monitor", "minimal", "everything"}
}

// release is what a chart installs.
type release struct {
	deployment      *appsv1.Deployment
	service         *corev1.Service
	secret          *corev1.Secret
	lease           *coordinationv1.Lease
	budget          *policyv1.PodDisruptionBudget
	autoscaler      *autoscalingv2.HorizontalPodAutoscaler
	job             *batchv1.Job
	serviceAccounts []*corev1.ServiceAccount
	networkPolicies []*networkingv1.NetworkPolicy
	clusterRoles    []*rbacv1.ClusterRole
	roles           []*rbacv1.Role
	clusterBindings []*rbacv1.ClusterRoleBinding
	bindings        []*rbacv1.RoleBinding
	certificates    []*certificate
	issuers         []*issuer
	monitor         *serviceMonitor
	objects         []object // all of them
}

// object is any of them.
type object struct {
	metav1.Object
	kind string
}

// What the chart writes of kinds whose Go types are not at hand. Another field is an error, and then to be looked up.
type certificate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		IsCA        bool     `json:"isCA"`
		CommonName  string   `json:"commonName"`
		SecretName  string   `json:"secretName"`
		DNSNames    []string `json:"dnsNames"`
		Duration    string   `json:"duration"`
		RenewBefore string   `json:"renewBefore"`
		Usages      []string `json:"usages"`
		PrivateKey  struct {
			Algorithm      string `json:"algorithm"`
			Size           int    `json:"size"`
			RotationPolicy string `json:"rotationPolicy"`
		} `json:"privateKey"`
		IssuerRef struct {
			Name  string `json:"name"`
			Kind  string `json:"kind"`
			Group string `json:"group"`
		} `json:"issuerRef"`
	} `json:"spec"`
}

type issuer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		SelfSigned *struct{} `json:"selfSigned"`
		CA         *struct {
			SecretName string `json:"secretName"`
		} `json:"ca"`
	} `json:"spec"`
}

type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector          metav1.LabelSelector `json:"selector"`
		NamespaceSelector struct {
			MatchNames []string `json:"matchNames"`
		} `json:"namespaceSelector"`
		Endpoints []struct {
			Port     string `json:"port"`
			Path     string `json:"path"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// eachRelease runs a check on what every value file renders to.
func eachRelease(t *testing.T, check func(*testing.T, *release)) {
	for _, name := range cases() {
		t.Run(name, func(t *testing.T) {
			check(t, decode(t, read(t, filepath.Join(rendered, name+".yaml"))))
		})
	}
}

func decode(t *testing.T, content []byte) *release {
	t.Helper()
	r := &release{}
	for _, document := range documents(t, content) {
		var meta metav1.TypeMeta
		if err := sigsyaml.Unmarshal(document, &meta); err != nil {
			t.Fatal(err)
		}
		r.add(t, meta.APIVersion+" "+meta.Kind, document)
	}
	return r
}

// documents splits YAML, and leaves out what is only comments.
func documents(t *testing.T, content []byte) [][]byte {
	t.Helper()
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	var found [][]byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(document)) {
			if text := strings.TrimSpace(line); text != "" && text != "---" && !strings.HasPrefix(text, "#") {
				found = append(found, bytes.TrimSpace(document))
				break
			}
		}
	}
}

// add decodes an object strictly: a field that its type does not have is an error.
func (r *release) add(t *testing.T, kind string, document []byte) {
	t.Helper()
	switch kind {
	case "apps/v1 Deployment":
		r.deployment = into[appsv1.Deployment](t, r, kind, document)
	case "v1 Service":
		r.service = into[corev1.Service](t, r, kind, document)
	case "v1 Secret":
		r.secret = into[corev1.Secret](t, r, kind, document)
	case "coordination.k8s.io/v1 Lease":
		r.lease = into[coordinationv1.Lease](t, r, kind, document)
	case "policy/v1 PodDisruptionBudget":
		r.budget = into[policyv1.PodDisruptionBudget](t, r, kind, document)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		r.autoscaler = into[autoscalingv2.HorizontalPodAutoscaler](t, r, kind, document)
	case "batch/v1 Job":
		r.job = into[batchv1.Job](t, r, kind, document)
	case "v1 ServiceAccount":
		r.serviceAccounts = append(r.serviceAccounts, into[corev1.ServiceAccount](t, r, kind, document))
	case "networking.k8s.io/v1 NetworkPolicy":
		r.networkPolicies = append(r.networkPolicies, into[networkingv1.NetworkPolicy](t, r, kind, document))
	case "rbac.authorization.k8s.io/v1 ClusterRole":
		r.clusterRoles = append(r.clusterRoles, into[rbacv1.ClusterRole](t, r, kind, document))
	case "rbac.authorization.k8s.io/v1 Role":
		r.roles = append(r.roles, into[rbacv1.Role](t, r, kind, document))
	case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
		r.clusterBindings = append(r.clusterBindings, into[rbacv1.ClusterRoleBinding](t, r, kind, document))
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		r.bindings = append(r.bindings, into[rbacv1.RoleBinding](t, r, kind, document))
	case "cert-manager.io/v1 Certificate":
		r.certificates = append(r.certificates, into[certificate](t, r, kind, document))
	case "cert-manager.io/v1 Issuer":
		r.issuers = append(r.issuers, into[issuer](t, r, kind, document))
	case "monitoring.coreos.com/v1 ServiceMonitor":
		r.monitor = into[serviceMonitor](t, r, kind, document)
	default:
		t.Errorf("a %s that this test does not know:\n%s", kind, document)
	}
}

func into[T any](t *testing.T, r *release, kind string, document []byte) *T {
	t.Helper()
	decoded := new(T)
	if err := sigsyaml.UnmarshalStrict(document, decoded); err != nil {
		t.Errorf("%s: %v\n%s", kind, err, document)
	}
	if meta, ok := any(decoded).(metav1.Object); ok {
		r.objects = append(r.objects, object{meta, kind})
	} else {
		t.Errorf("%s has no metadata", kind)
	}
	return decoded
}
