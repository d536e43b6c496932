package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// authority is a CA certificate with its key.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority makes a CA. Certificates are valid from one life ago: the clock here may be ahead of those of API servers,
// and who holds a key of ours could not do more with it in the past.
func newAuthority(now time.Time, life time.Duration) (*authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "policyc-runtime CA"},
		NotBefore:             now.Add(-life),
		NotAfter:              now.Add(life),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	return sign(template, nil)
}

// issue makes a serving certificate that does not outlive its authority.
func (a *authority) issue(names []string, now time.Time, life time.Duration) (*authority, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "policyc-runtime"},
		NotBefore:   now.Add(-life),
		NotAfter:    earlier(now.Add(life), a.certificate.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return sign(template, a)
}

// sign makes a key and a certificate for it, signed by parent or by itself.
func sign(template *x509.Certificate, parent *authority) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	// 128 random bits: two replicas, or two lives of one, never use a number twice.
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128)); err != nil {
		return nil, err
	}
	if parent == nil {
		parent = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, key.Public(), parent.key)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{made, key}, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
