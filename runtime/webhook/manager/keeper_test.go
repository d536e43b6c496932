package manager

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/policyc/policyc/runtime/webhook/certs"
)

const day = 24 * time.Hour

// clock is a time that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

var service = types.NamespacedName{Namespace: "policyc-system", Name: "policyc-runtime"}

// validating is a configuration with an entry of ours, one by URL, and one of somebody else's Service.
func validating() *admissionv1.ValidatingWebhookConfiguration {
	url := "https://127.0.0.1:9443/validate/f"
	entry := func(name string, to admissionv1.WebhookClientConfig) admissionv1.ValidatingWebhook {
		return admissionv1.ValidatingWebhook{Name: name, ClientConfig: to}
	}
	return &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "policyc", Labels: map[string]string{managedBy: "policyc"}},
		Webhooks: []admissionv1.ValidatingWebhook{
			entry("e", admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: service.Namespace, Name: service.Name}}),
			entry("f", admissionv1.WebhookClientConfig{URL: &url}),
			entry("g", admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: service.Namespace, Name: "other"}, CABundle: []byte("theirs")})}}
}

func mutating() *admissionv1.MutatingWebhookConfiguration {
	return &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "policyc"}, Webhooks: []admissionv1.MutatingWebhook{
		{Name: "e", ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: service.Namespace, Name: service.Name}}}}}
}

func newKeeper(c client.Client, clock *clock) *keeper {
	return &keeper{client: c, secret: client.ObjectKey{Namespace: service.Namespace, Name: "tls"}, served: &served{}, now: clock.now,
		configurations: configurations{client: c, name: "policyc", service: service},
		plan:           certs.Plan{Names: []string{"policyc-runtime.policyc-system.svc"}, CALife: 360 * day, ServingLife: 90 * day, Settle: time.Minute}}
}

func reconciled(t *testing.T, r reconcile.Reconciler) reconcile.Result {
	t.Helper()
	result, err := r.Reconcile(context.Background(), reconcile.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// bundles are the caBundles of both configurations.
func bundles(t *testing.T, c client.Client) [][]byte {
	t.Helper()
	var out [][]byte
	for _, o := range []client.Object{&admissionv1.ValidatingWebhookConfiguration{}, &admissionv1.MutatingWebhookConfiguration{}} {
		if err := c.Get(context.Background(), client.ObjectKey{Name: "policyc"}, o); err != nil {
			t.Fatal(err)
		}
		for _, to := range clientConfigs(o) {
			out = append(out, to.CABundle)
		}
	}
	return out
}

// shake fails unless the bundle trusts what is served.
func shake(t *testing.T, bundle []byte, s *served, now time.Time) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	if _, err := s.Leaf().Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, DNSName: "policyc-runtime.policyc-system.svc"}); err != nil {
		t.Errorf("%s: %v", now, err)
	}
}

func TestInject(t *testing.T) {
	other := validating()
	other.Name = "another"
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(validating(), mutating(), other).Build()
	now := &clock{start}
	k := newKeeper(c, now)
	reconciled(t, k)
	got := bundles(t, c)
	for i, ours := range []bool{true, true, false, true} {
		switch {
		case ours:
			shake(t, got[i], k.served, start)
		case string(got[i]) != "theirs":
			t.Errorf("entry %d of somebody else was changed to %q", i, got[i])
		}
	}
	if err := c.Get(context.Background(), client.ObjectKeyFromObject(other), other); err != nil || other.Webhooks[0].ClientConfig.CABundle != nil {
		t.Errorf("a configuration that is not ours was changed (%v)", err)
	}

	// Somebody applies the generated files again.
	fresh := validating()
	v := &admissionv1.ValidatingWebhookConfiguration{}
	if err := c.Get(context.Background(), client.ObjectKeyFromObject(fresh), v); err != nil {
		t.Fatal(err)
	}
	fresh.ResourceVersion = v.ResourceVersion
	if err := c.Update(context.Background(), fresh); err != nil {
		t.Fatal(err)
	}
	reconciled(t, k)
	if again := bundles(t, c); !bytes.Equal(again[0], got[0]) {
		t.Error("caBundle was not set again")
	}
}

// TestReplicasOfKeeper lets three replicas, one with a clock that is late, one that looks seldom, rotate for three years.
func TestReplicasOfKeeper(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(validating(), mutating()).Build()
	clocks := []*clock{{start}, {start.Add(-10 * time.Minute)}, {start}}
	var keepers []*keeper
	for _, one := range clocks {
		keepers = append(keepers, newKeeper(c, one))
		reconciled(t, keepers[len(keepers)-1])
	}
	authorities := map[string]bool{}
	shaken := map[string]bool{} // a pair that trusts does until the certificate ends
	for turn := range 3 * 365 {
		for i, k := range keepers {
			clocks[i].Time = clocks[i].Add(day)
			if i < 2 || turn%5 == 0 {
				reconciled(t, k)
			}
			for _, k := range keepers {
				for j, bundle := range bundles(t, c) {
					leaf := k.served.Leaf()
					pair := string(bundle) + leaf.SerialNumber.String()
					if j != 2 && (!shaken[pair] || clocks[0].After(leaf.NotAfter)) {
						shake(t, bundle, k.served, clocks[0].Time)
						shaken[pair] = true
					}
				}
			}
			authorities[string(k.served.Leaf().AuthorityKeyId)] = true
		}
		if t.Failed() {
			return
		}
	}
	if len(authorities) < 4 {
		t.Errorf("%d authorities in three years", len(authorities))
	}
}

// TestSecretLost asserts that a Secret which is deleted or broken is mended by a replica that knows what was in it.
func TestSecretLost(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(validating(), mutating()).Build()
	k := newKeeper(c, &clock{start})
	reconciled(t, k)
	before := bundles(t, c)[0]
	for name, harm := range map[string]func(*corev1.Secret) error{
		"deleted": func(s *corev1.Secret) error { return c.Delete(context.Background(), s) },
		"emptied": func(s *corev1.Secret) error { s.Data = nil; return c.Update(context.Background(), s) },
		"broken": func(s *corev1.Secret) error {
			s.Data["ca.key"] = []byte("x")
			return c.Update(context.Background(), s)
		},
	} {
		s := &corev1.Secret{}
		if err := c.Get(context.Background(), k.secret, s); err != nil {
			t.Fatal(err)
		}
		if err := harm(s); err != nil {
			t.Fatal(err)
		}
		reconciled(t, k)
		other := newKeeper(c, &clock{start}) // it has nothing but the Secret
		reconciled(t, other)
		if !bytes.Equal(bundles(t, c)[0], before) {
			t.Errorf("%s: another authority is trusted", name)
		}
		shake(t, before, other.served, start)
	}
}

// TestStartTogether lets replicas create the Secret at the same time.
func TestStartTogether(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(validating(), mutating()).Build()
	ends := make(chan *keeper)
	for range 4 {
		go func() {
			k := newKeeper(c, &clock{start})
			for {
				if _, err := k.Reconcile(context.Background(), reconcile.Request{}); err == nil {
					break
				}
			}
			ends <- k
		}()
	}
	var all []*keeper
	for range 4 {
		all = append(all, <-ends)
	}
	for _, k := range all {
		reconciled(t, k)
		shake(t, bundles(t, c)[0], k.served, start)
	}
}

func TestNoCertificate(t *testing.T) {
	if _, err := (&served{}).Get(&tls.ClientHelloInfo{}); err == nil {
		t.Error("a handshake without a certificate")
	}
}
