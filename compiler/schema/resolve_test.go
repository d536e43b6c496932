package schema

import (
	"errors"
	"slices"
	"testing"
)

func TestResolve(t *testing.T) {
	s := load(t, 34)
	for ref, want := range map[string]string{
		"Pod":                                    "v1/Pod",
		"pod":                                    "v1/Pod",
		"pods":                                   "v1/Pod",
		"po":                                     "v1/Pod",
		"v1/Pod":                                 "v1/Pod",
		"v1/pods/exec":                           "v1/Pod/exec",
		"Deployment.apps":                        "apps/v1/Deployment",
		"apps/v1/Deployment":                     "apps/v1/Deployment",
		"apps/v1/Deployment/scale":               "apps/v1/Deployment/scale",
		"Deployment.apps/scale":                  "apps/v1/Deployment/scale",
		"deploy":                                 "apps/v1/Deployment",
		"deploy/scale":                           "apps/v1/Deployment/scale",
		"Ingress":                                "networking.k8s.io/v1/Ingress",
		"hpa":                                    "autoscaling/v2/HorizontalPodAutoscaler",
		"autoscaling/v1/HorizontalPodAutoscaler": "autoscaling/v1/HorizontalPodAutoscaler",
		"ValidatingAdmissionPolicy":              "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy",
		"Event.events.k8s.io":                    "events.k8s.io/v1/Event",
		"v1/Event":                               "v1/Event",
		"ep":                                     "v1/Endpoints",
	} {
		k, err := s.Resolve(ref)
		if err != nil || k.String() != want {
			t.Errorf("Resolve(%q) = %v, %v, want %s", ref, k, err, want)
		}
	}
}

func TestResolveUnknown(t *testing.T) {
	s := load(t, 34)
	for _, c := range []struct {
		ref, message string
	}{
		{"Deploymnet", `unknown kind "Deploymnet": did you mean "Deployment"?`},
		{"POD", `unknown kind "POD": did you mean "Pod"?`},
		{"Deploymnet.apps", `unknown kind "Deploymnet.apps": did you mean "Deployment.apps"?`},
		{"apps/v1/Deploymnet/scale", `unknown kind "apps/v1/Deploymnet/scale": did you mean "apps/v1/Deployment/scale"?`},
		{"Deployment.extensions", `unknown group in "Deployment.extensions": did you mean "apps/v1/Deployment"?`},
		{"apps/v1beta1/Deployment", `unknown version in "apps/v1beta1/Deployment": did you mean "apps/v1/Deployment"?`},
		{"v1/Deployment", `unknown group in "v1/Deployment": did you mean "apps/v1/Deployment"?`},
		{"Pod/exce", `unknown subresource in "Pod/exce": did you mean "Pod/exec"?`},
		{"Eviction", `unknown kind "Eviction": did you mean "v1/Pod/eviction"?`},
		{"PodSecurityPolicy", `unknown kind "PodSecurityPolicy"`},
		{"", `unknown kind ""`},
		{"a/b/c/d/e", `unknown kind "a/b/c/d/e"`},
		{"Pod/", `unknown kind "Pod/"`},
	} {
		_, err := s.Resolve(c.ref)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || err.Error() != c.message {
			t.Errorf("Resolve(%q): %v, want %s", c.ref, err, c.message)
		}
	}
}

func TestResolveAmbiguous(t *testing.T) {
	_, err := load(t, 34).Resolve("Event")
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, []string{"v1/Event", "events.k8s.io/v1/Event"}) {
		t.Errorf("Event: %v", err)
	}
}

// TestBareKinds names the kinds that need a group: one more is worth a look.
func TestBareKinds(t *testing.T) {
	for _, minor := range Minors() {
		s := load(t, minor)
		for _, k := range s.Kinds() {
			if k.Subresource != "" || k.Kind == "Event" {
				continue
			}
			for _, name := range append([]string{k.Kind, k.Resource, k.Singular}, k.ShortNames...) {
				if got, err := s.Resolve(name); err != nil || got.Resource != k.Resource {
					t.Errorf("1.%d: %s of %s: %v, %v", minor, name, k, got, err)
				}
			}
		}
	}
}

func TestCompareVersions(t *testing.T) {
	order := []string{"v10", "v2", "v1", "v3beta1", "v2beta2", "v1beta12", "v1beta1", "v2alpha1", "v1alpha1", "foo1", "foo2"}
	for i := range order {
		for j := range order {
			got, want := compareVersions(order[i], order[j]), min(max(j-i, -1), 1)
			if got != want {
				t.Errorf("compareVersions(%s, %s) = %d, want %d", order[i], order[j], got, want)
			}
		}
	}
}
