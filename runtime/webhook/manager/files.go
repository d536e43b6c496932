package manager

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/policyc/policyc/runtime/webhook/certs"
)

// fileLook is how often certificate files are read: they change by an exchange of links, which not every file system tells.
const fileLook = 10 * time.Second

// files serves the certificate of tls.crt and tls.key, which somebody else (cert-manager) makes, and has configurations
// trust ca.crt beside what they trusted before, until that expires: other replicas may serve another one still.
type files struct {
	folder         string
	configurations configurations
	served         *served
	settle         time.Duration
	now            func() time.Time
	// trusted is since when the configurations trust the authority of the files.
	authority []byte
	trusted   time.Time
}

// Reconcile reads the files. A new certificate is served when API servers trust its authority.
func (f *files) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	now := f.now()
	again := reconcile.Result{RequeueAfter: fileLook}
	pair, err := tls.LoadX509KeyPair(filepath.Join(f.folder, "tls.crt"), filepath.Join(f.folder, "tls.key"))
	if err != nil {
		return again, err
	}
	authority, err := os.ReadFile(filepath.Join(f.folder, "ca.crt"))
	if err != nil {
		return again, err
	}
	own, err := certs.ParseBundle(authority)
	if err != nil || len(own) == 0 {
		return again, fmt.Errorf("ca.crt has no certificate authority (%v)", err)
	}
	present := f.served.Leaf()
	// Without a certificate that is good for anything, there is nothing to wait for.
	if present == nil || now.After(present.NotAfter) || signed(present, own) {
		f.served.certificate.Store(&pair)
	}
	did, err := f.configurations.Trust(ctx, func(before []byte) []byte { return certs.Extend(before, own, now) })
	if err != nil {
		return again, err
	}
	if !did || !bytes.Equal(authority, f.authority) {
		f.authority, f.trusted = authority, now
	}
	if did && !now.Before(f.trusted.Add(f.settle)) {
		f.served.certificate.Store(&pair)
	}
	return again, nil
}

// signed reports whether one of the authorities signed the certificate: then so is its successor trusted.
func signed(c *x509.Certificate, authorities []*x509.Certificate) bool {
	for _, a := range authorities {
		if c.CheckSignatureFrom(a) == nil {
			return true
		}
	}
	return false
}
