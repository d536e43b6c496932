package chart

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// templates are the pods of a release.
func (r *release) templates() map[string]*corev1.PodTemplateSpec {
	found := map[string]*corev1.PodTemplateSpec{"runtime": &r.deployment.Spec.Template}
	if r.job != nil {
		found["uninstall"] = &r.job.Spec.Template
	}
	return found
}

// flags are the flags of a container, by name.
func flags(container *corev1.Container) map[string]string {
	found := map[string]string{}
	for _, arg := range container.Args[1:] {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		found[name] = value
	}
	return found
}

func (r *release) container() *corev1.Container {
	return &r.deployment.Spec.Template.Spec.Containers[0]
}

// TestSelectors asserts that everything that selects pods selects those it is about, and no others.
func TestSelectors(t *testing.T) {
	eachRelease(t, func(t *testing.T, r *release) {
		check := func(what string, selector labels.Selector, wanted string) {
			if selector.Empty() {
				t.Errorf("%s selects everything", what)
			}
			for name, template := range r.templates() {
				if got := selector.Matches(labels.Set(template.Labels)); got != (name == wanted) {
					t.Errorf("%s selects the pods of %s: %v", what, name, got)
				}
			}
		}
		of := func(s *metav1.LabelSelector) labels.Selector {
			selector, err := metav1.LabelSelectorAsSelector(s)
			if err != nil {
				t.Fatal(err)
			}
			return selector
		}
		check("the Service", labels.SelectorFromSet(r.service.Spec.Selector), "runtime")
		check("the Deployment", of(r.deployment.Spec.Selector), "runtime")
		for _, c := range r.deployment.Spec.Template.Spec.TopologySpreadConstraints {
			check("the spread over "+c.TopologyKey, of(c.LabelSelector), "runtime")
		}
		if r.budget != nil {
			check("the PodDisruptionBudget", of(r.budget.Spec.Selector), "runtime")
		}
		for _, p := range r.networkPolicies {
			wanted := "runtime"
			if strings.HasSuffix(p.Name, "-uninstall") {
				wanted = "uninstall"
			}
			check("the NetworkPolicy "+p.Name, of(&p.Spec.PodSelector), wanted)
		}
		if m := r.monitor; m != nil && (!of(&m.Spec.Selector).Matches(labels.Set(r.service.Labels)) ||
			!slices.Equal(m.Spec.NamespaceSelector.MatchNames, []string{r.service.Namespace})) {
			t.Error("the ServiceMonitor does not select the Service")
		}
		if a := r.autoscaler; a != nil {
			if a.Spec.ScaleTargetRef.Kind != "Deployment" || a.Spec.ScaleTargetRef.Name != r.deployment.Name {
				t.Error("the HorizontalPodAutoscaler is not about the Deployment")
			}
			if r.deployment.Spec.Replicas != nil {
				t.Error("an upgrade would undo what the HorizontalPodAutoscaler did")
			}
		}
	})
}

// TestPorts asserts that flags, ports, probes, the Service and those who reach it through the network agree.
func TestPorts(t *testing.T) {
	eachRelease(t, func(t *testing.T, r *release) {
		ports := map[string]int32{}
		for _, p := range r.container().Ports {
			ports[p.Name] = p.ContainerPort
		}
		given := flags(r.container())
		for flag, port := range map[string]string{"webhook-port": "webhook", "metrics-address": "metrics", "health-address": "health"} {
			want := ""
			if ports[port] != 0 {
				want = strconv.Itoa(int(ports[port]))
			}
			if got := strings.TrimPrefix(given[flag], ":"); got != want {
				t.Errorf("--%s=%s, but the port %s is %s", flag, given[flag], port, want)
			}
		}
		named := func(what string, port intstr.IntOrString) {
			if ports[port.StrVal] == 0 {
				t.Errorf("%s is about a port %s, which no container has", what, port.String())
			}
		}
		served := map[string]int32{}
		for _, p := range r.service.Spec.Ports {
			named("the Service", p.TargetPort)
			served[p.Name] = p.Port
		}
		if served["webhook"] != 443 {
			t.Errorf("the Service has the webhook on port %d", served["webhook"])
		}
		for path, probe := range map[string]*corev1.Probe{"/livez": r.container().LivenessProbe, "/readyz": r.container().ReadinessProbe} {
			if probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != "health" {
				t.Errorf("the probe for %s asks %v", path, probe.HTTPGet)
			}
			named("a probe", probe.HTTPGet.Port)
		}
		named("the startup probe", r.container().StartupProbe.HTTPGet.Port)
		for _, policy := range r.networkPolicies {
			for _, rule := range policy.Spec.Ingress {
				if len(rule.Ports) != 1 {
					t.Errorf("a rule of the NetworkPolicy %s is about %d ports", policy.Name, len(rule.Ports))
				}
				named("the NetworkPolicy", *rule.Ports[0].Port)
				if rule.Ports[0].Port.StrVal == "metrics" && len(rule.From) == 0 {
					t.Error("anybody may read metrics")
				}
			}
		}
		if r.monitor != nil && served[r.monitor.Spec.Endpoints[0].Port] == 0 {
			t.Error("the ServiceMonitor is about no port of the Service")
		}
	})
}

// TestStop asserts that a pod is not killed before it has drained, and that no update takes a replica away before its successor
// is ready.
func TestStop(t *testing.T) {
	eachRelease(t, func(t *testing.T, r *release) {
		given := flags(r.container())
		need := 5 * time.Second
		for _, flag := range []string{"drain", "max-deadline"} {
			d, err := time.ParseDuration(given[flag])
			if err != nil {
				t.Fatal(err)
			}
			need += d
		}
		if got := time.Duration(*r.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second; got < need {
			t.Errorf("the grace period is %v, and stopping takes up to %v", got, need)
		}
		if u := r.deployment.Spec.Strategy.RollingUpdate; u.MaxUnavailable.IntValue() != 0 || u.MaxSurge.IntValue() < 1 {
			t.Errorf("the update strategy is %v", u)
		}
	})
}

// TestCertificates asserts that the runtime reads the certificate that somebody makes, for the name that the API server calls.
func TestCertificates(t *testing.T) {
	eachRelease(t, func(t *testing.T, r *release) {
		given := flags(r.container())
		if given["cert-mode"] == "self" {
			if r.secret == nil || r.secret.Name != given["secret"] || len(r.secret.Data)+len(r.secret.StringData) > 0 {
				t.Errorf("--secret=%s, and the Secret is %v", given["secret"], r.secret)
			}
			if len(r.certificates)+len(r.issuers)+len(r.deployment.Spec.Template.Spec.Volumes) > 0 {
				t.Error("there are certificates of two kinds")
			}
			return
		}
		volume, mount := r.deployment.Spec.Template.Spec.Volumes[0], r.container().VolumeMounts[0]
		serving := r.certificates[len(r.certificates)-1]
		if r.secret != nil || volume.Secret.SecretName != serving.Spec.SecretName || volume.Name != mount.Name || mount.MountPath != given["cert-dir"] {
			t.Errorf("the volume is %v, mounted at %s; the Certificate's Secret is %s", volume, mount.MountPath, serving.Spec.SecretName)
		}
		if want := []string{fmt.Sprintf("%s.%s.svc", r.service.Name, r.service.Namespace)}; !slices.Equal(serving.Spec.DNSNames, want) {
			t.Errorf("the certificate is for %q, not %q", serving.Spec.DNSNames, want)
		}
		for _, c := range r.certificates {
			known := slices.ContainsFunc(r.issuers, func(i *issuer) bool { return i.Name == c.Spec.IssuerRef.Name })
			if c.Spec.IssuerRef.Kind == "Issuer" && !known {
				t.Errorf("the Certificate %s is of an unknown Issuer %s", c.Name, c.Spec.IssuerRef.Name)
			}
		}
	})
}

// TestHook asserts that what the uninstall Job needs is there before it, that helm removes it afterwards, and that nothing else is
// a hook: what is in no namespace could not be made when no replica runs and a policy matches everything.
func TestHook(t *testing.T) {
	eachRelease(t, func(t *testing.T, r *release) {
		weights := map[string]int{}
		for _, o := range r.objects {
			annotations := o.GetAnnotations()
			if o.GetLabels()["app.kubernetes.io/component"] != "uninstall" || o.GetNamespace() == "" || strings.HasSuffix(o.kind, " NetworkPolicy") {
				if annotations["helm.sh/hook"] != "" {
					t.Errorf("%s %s is a hook", o.kind, o.GetName())
				}
				continue
			}
			if annotations["helm.sh/hook"] != "pre-delete" || annotations["helm.sh/hook-delete-policy"] != "before-hook-creation,hook-succeeded" {
				t.Errorf("%s %s has the annotations %v", o.kind, o.GetName(), annotations)
			}
			weight, err := strconv.Atoi(annotations["helm.sh/hook-weight"])
			if err != nil {
				t.Error(err)
			}
			weights[o.kind[strings.IndexByte(o.kind, ' ')+1:]] = weight
		}
		if r.job == nil {
			return
		}
		if len(weights) != 2 || weights["ServiceAccount"] >= weights["Job"] {
			t.Errorf("the weights are %v", weights)
		}
	})
}
