package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// The keys of the Secret that holds a State.
const (
	caCertificate   = "ca.crt" // the authority that signs, then those that did
	caKey           = "ca.key"
	nextCertificate = "next.crt"
	nextKey         = "next.key"
	publishedAt     = "published"
	servingCert     = "tls.crt"
	servingKey      = "tls.key"
)

// State is what the replicas share: the authorities, and the certificate that is served. It does not change.
type State struct {
	ca *authority
	// next will sign when every configuration has been seen to trust it, which was at published.
	next      *authority
	published time.Time
	// old do not sign any more. They are trusted until they expire: a replica may be late.
	old     []*x509.Certificate
	serving *authority
}

// Parse reads the data of a Secret. A State without a usable serving certificate is none without a usable authority,
// which is an error: the former is made anew without a client noticing.
func Parse(data map[string][]byte) (*State, error) {
	ca, old, err := parseAuthority(data[caCertificate], data[caKey])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", caCertificate, err)
	}
	if !ca.certificate.IsCA {
		return nil, fmt.Errorf("%s: is no certificate authority", caCertificate)
	}
	s := &State{ca: ca, old: old}
	if next, _, err := parseAuthority(data[nextCertificate], data[nextKey]); err == nil && next.certificate.IsCA {
		s.next = next
		// A time that does not parse is none: the wait begins again.
		s.published, _ = time.Parse(time.RFC3339, string(data[publishedAt]))
	}
	if serving, _, err := parseAuthority(data[servingCert], data[servingKey]); err == nil && serving.certificate.CheckSignatureFrom(ca.certificate) == nil {
		s.serving = serving
	}
	return s, nil
}

// Data is the State as a Secret has it.
func (s *State) Data() (map[string][]byte, error) {
	data := map[string][]byte{caCertificate: encode(append([]*x509.Certificate{s.ca.certificate}, s.old...)...)}
	for name, a := range map[string]*authority{caKey: s.ca, nextKey: s.next, servingKey: s.serving} {
		if a == nil {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(a.key)
		if err != nil {
			return nil, err
		}
		data[name] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	if s.next != nil {
		data[nextCertificate] = encode(s.next.certificate)
		if !s.published.IsZero() {
			data[publishedAt] = []byte(s.published.UTC().Format(time.RFC3339))
		}
	}
	if s.serving != nil {
		data[servingCert] = encode(s.serving.certificate)
	}
	return data, nil
}

// Bundle is what API servers are to trust.
func (s *State) Bundle() []byte {
	trusted := []*x509.Certificate{s.ca.certificate}
	if s.next != nil {
		trusted = append(trusted, s.next.certificate)
	}
	return encode(append(trusted, s.old...)...)
}

// Certificate is what is served; nil when there is none yet.
func (s *State) Certificate() *tls.Certificate {
	if s.serving == nil {
		return nil
	}
	leaf := s.serving.certificate
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: s.serving.key, Leaf: leaf}
}

// parseAuthority reads a certificate with its key, and the certificates after it.
func parseAuthority(certificates, key []byte) (*authority, []*x509.Certificate, error) {
	all, err := ParseBundle(certificates)
	if err != nil {
		return nil, nil, err
	}
	if len(all) == 0 {
		return nil, nil, errors.New("there is no certificate")
	}
	block, _ := pem.Decode(key)
	if block == nil {
		return nil, nil, errors.New("there is no key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(all[0].PublicKey) {
		return nil, nil, errors.New("the key is not that of the certificate")
	}
	return &authority{all[0], private}, all[1:], nil
}
