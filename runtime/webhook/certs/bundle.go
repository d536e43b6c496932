package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// Extend adds authorities to a bundle, and drops of the others what has expired. A bundle that needs neither comes back as
// it is.
func Extend(bundle []byte, authorities []*x509.Certificate, now time.Time) []byte {
	present, err := ParseBundle(bundle)
	if err != nil {
		return encode(authorities...)
	}
	kept := slices.DeleteFunc(slices.Clone(present), func(c *x509.Certificate) bool {
		return now.After(c.NotAfter.Add(grace)) && !slices.ContainsFunc(authorities, c.Equal)
	})
	whole := kept
	for _, a := range authorities {
		if !slices.ContainsFunc(present, a.Equal) {
			whole = append(whole, a)
		}
	}
	if len(whole) == len(present) && len(kept) == len(present) && len(present) > 0 {
		return bundle
	}
	return encode(whole...)
}

func encode(certificates ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certificates {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a Buffer does not fail
	}
	return out.Bytes()
}

// ParseBundle reads certificates in PEM.
func ParseBundle(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return out, nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out, data = append(out, c), rest
	}
}
