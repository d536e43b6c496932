package manager

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/policyc/policyc/runtime/webhook/certs"
)

// longestLook is after how long a keeper looks again although nothing is due and nothing was seen to change.
const longestLook = 10 * time.Minute

// mostSteps are more than there are from any state to rest, with some that others were faster in.
const mostSteps = 30

// served is the certificate that this replica serves.
type served struct {
	certificate atomic.Pointer[tls.Certificate]
}

// Get is a tls.Config's GetCertificate.
func (s *served) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := s.certificate.Load(); c != nil {
		return c, nil
	}
	return nil, errors.New("there is no certificate yet")
}

// Leaf is the certificate; nil when there is none.
func (s *served) Leaf() *x509.Certificate {
	if c := s.certificate.Load(); c != nil {
		return c.Leaf
	}
	return nil
}

// keeper keeps the certificates in a Secret. Every replica has one, and every one does every step: what two do at once,
// one of them does again on what the other one wrote.
type keeper struct {
	// client reads through to the API server: a step from an outdated state is a conflict, but an outdated bundle in a
	// configuration would be an outage.
	client         client.Client
	secret         client.ObjectKey
	plan           certs.Plan
	configurations configurations
	served         *served
	now            func() time.Time
	// last is the state that was read or written last. It mends a Secret that is lost or broken.
	last *certs.State
}

// Reconcile takes steps until nothing is to be done, and serves what is there.
func (k *keeper) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	for range mostSteps {
		done, err := k.step(ctx)
		// Somebody else was faster: theirs is the state to go on from.
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
			continue
		}
		if err != nil {
			return reconcile.Result{}, err
		}
		if done {
			now := k.now()
			return after(now, k.plan.Due(k.last), now.Add(longestLook)), nil
		}
	}
	return reconcile.Result{}, errors.New("the certificates do not come to rest: somebody else writes the Secret or caBundle")
}

// step reads the Secret, has configurations trust what it says, and writes the state that follows.
func (k *keeper) step(ctx context.Context) (done bool, err error) {
	secret := &corev1.Secret{}
	err = k.client.Get(ctx, k.secret, secret)
	if client.IgnoreNotFound(err) != nil {
		return false, err
	}
	present, parseErr := certs.Parse(secret.Data)
	if parseErr != nil && len(secret.Data) > 0 {
		log.FromContext(ctx).Error(parseErr, "the Secret is broken", "mended", k.last != nil)
	}
	state := present
	if parseErr != nil {
		present, state = nil, k.last
	}
	trusted := false
	if present != nil {
		k.serve(present)
		if trusted, err = k.configurations.Trust(ctx, func([]byte) []byte { return present.Bundle() }); err != nil {
			return false, err
		}
	}
	next, err := k.plan.Step(state, k.now(), trusted)
	if err != nil {
		return false, err
	}
	if next == present {
		// What was patched just now is looked at once more: it may be what the next step waits for.
		return trusted, nil
	}
	return false, k.write(ctx, secret, next)
}

func (k *keeper) write(ctx context.Context, secret *corev1.Secret, state *certs.State) error {
	data, err := state.Data()
	if err != nil {
		return err
	}
	secret.Data = data
	if secret.ResourceVersion == "" {
		secret.ObjectMeta = metav1.ObjectMeta{Namespace: k.secret.Namespace, Name: k.secret.Name,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "policyc"}}
		return k.client.Create(ctx, secret)
	}
	return k.client.Update(ctx, secret)
}

// serve takes a state for what is served.
func (k *keeper) serve(state *certs.State) {
	k.last = state
	if c := state.Certificate(); c != nil {
		k.served.certificate.Store(c)
	}
}
