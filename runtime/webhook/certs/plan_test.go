package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

const day = 24 * time.Hour

var (
	plan  = Plan{Names: []string{"policyc-runtime.policyc-system.svc", "127.0.0.1"}, CALife: 360 * day, ServingLife: 90 * day, Settle: time.Minute}
	start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
)

// step takes one step that must succeed, through the form that a Secret has.
func step(t *testing.T, s *State, now time.Time, published bool) *State {
	t.Helper()
	out, err := plan.Step(s, now, published)
	if err != nil {
		t.Fatal(err)
	}
	data, err := out.Data()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if out == s {
		return s
	}
	return back
}

// handshake is what an API server makes of a certificate: nil when it trusts it.
func handshake(bundle []byte, c *tls.Certificate, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, DNSName: plan.Names[0], KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err
}

func TestRotation(t *testing.T) {
	s := step(t, nil, start, false)
	first := s.Certificate().Leaf.SerialNumber
	if next := step(t, s, start.Add(59*day), true); next != s {
		t.Error("something was to be done before two thirds of a life")
	}
	now := start.Add(61 * day)
	s = step(t, s, now, true)
	if s.Certificate().Leaf.SerialNumber.Cmp(first) == 0 {
		t.Error("the serving certificate was not renewed at two thirds of its life")
	}
	if due := plan.Due(s); !due.Equal(now.Add(60 * day)) {
		t.Errorf("due at %s", due)
	}

	now = start.Add(241 * day) // of the authority
	s = step(t, step(t, s, now, true), now, false)
	one := s.Certificate()
	if n, _ := ParseBundle(s.Bundle()); len(n) != 2 {
		t.Fatalf("%d authorities are published", len(n))
	}
	if still := step(t, s, now.Add(day), false); still != s {
		t.Error("the authority was switched before anyone trusts the next one")
	}
	s = step(t, s, now, true)
	if still := step(t, s, now.Add(30*time.Second), true); still != s {
		t.Error("the authority was switched before API servers have seen the bundle")
	}
	published := s.Bundle()
	s = step(t, s, now.Add(2*time.Minute), true)
	two := s.Certificate()
	if one.Leaf.CheckSignatureFrom(s.ca.certificate) == nil || two.Leaf.CheckSignatureFrom(s.ca.certificate) != nil {
		t.Fatal("the next authority does not sign")
	}
	for name, bundle := range map[string][]byte{"before": published, "after": s.Bundle()} {
		for _, c := range []*tls.Certificate{one, two} {
			if err := handshake(bundle, c, now.Add(2*time.Minute)); err != nil {
				t.Errorf("the bundle %s the switch: %v", name, err)
			}
		}
	}
	now = start.Add(362 * day)
	s = step(t, step(t, s, now, true), now, true) // the serving certificate, then the old authority
	if n, _ := ParseBundle(s.Bundle()); len(n) != 1 {
		t.Errorf("an authority that has expired is still in the bundle of %d", len(n))
	}
}

// TestExpired asserts that replicas which were away for years come back.
func TestExpired(t *testing.T) {
	now := start.Add(2000 * day)
	s := step(t, nil, start, false)
	for range 6 {
		s = step(t, s, now, true)
	}
	if err := handshake(s.Bundle(), s.Certificate(), now); err != nil {
		t.Error(err)
	}
	if still := step(t, s, now, true); still != s {
		t.Error("there is no end of steps")
	}
}

func TestNames(t *testing.T) {
	s := step(t, nil, start, false)
	other := plan
	other.Names = []string{"other.example.com", "::1"}
	s, err := other.Step(s, start, true)
	if err != nil {
		t.Fatal(err)
	}
	if step(t, s, start, true) != s {
		t.Error("two replicas that want different names take turns")
	}
	for _, name := range []string{"other.example.com", "::1", "127.0.0.1"} {
		if err := s.Certificate().Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

func TestCorrupted(t *testing.T) {
	s := step(t, nil, start, false)
	good, _ := s.Data()
	foreign, _ := step(t, nil, start, false).Data()
	for _, c := range []struct {
		name, key string
		value     []byte
		lost      bool // the authority is
	}{
		{"no authority", caCertificate, nil, true},
		{"no PEM", caCertificate, []byte("x"), true},
		{"key of another", caKey, foreign[caKey], true},
		{"no authority but a certificate", caCertificate, good[servingCert], true},
		{"serving certificate of another", servingCert, foreign[servingCert], false},
		{"serving key lost", servingKey, nil, false},
		{"half a next one", nextCertificate, foreign[caCertificate], false},
	} {
		data := map[string][]byte{}
		for k, v := range good {
			data[k] = v
		}
		data[c.key] = c.value
		got, err := Parse(data)
		if (err != nil) != c.lost {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		got = step(t, got, start, true)
		if err := handshake(s.Bundle(), got.Certificate(), start); err != nil {
			t.Errorf("%s: the bundle that is published does not do any more: %v", c.name, err)
		}
	}
	// Both parts of both of another State: whole, and signed by somebody else.
	mixed := map[string][]byte{caCertificate: good[caCertificate], caKey: good[caKey], servingCert: foreign[servingCert], servingKey: foreign[servingKey]}
	got, err := Parse(mixed)
	if err != nil || got.Certificate() != nil {
		t.Errorf("a serving certificate of another authority is served (%v)", err)
	}
}

// TestReplicas lets replicas with different clocks and delays go through years, and has every API server, each with the
// bundle that it saw last, shake hands with every replica at every turn.
func TestReplicas(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

type replica struct {
	skew   time.Duration
	serves *State
}

func simulate(t *testing.T, r *rand.Rand) {
	now := start
	secret := step(t, nil, now, false)
	configuration := secret.Bundle()
	servers := [][]byte{configuration, configuration}
	seen := []time.Time{now, now}
	replicas := []*replica{{0, secret}, {-50 * time.Minute, secret}, {40 * day, secret}}
	switches := 0
	for end := start.Add(1100 * day); now.Before(end); {
		pending := secret.next != nil
		if pending {
			now = now.Add(time.Duration(r.IntN(20)) * time.Second)
		} else {
			now = now.Add(time.Duration(r.IntN(60)) * time.Hour)
		}
		one := replicas[r.IntN(len(replicas))]
		// It writes its step, unless another one wrote before.
		if before := secret; r.IntN(10) > 0 {
			secret = step(t, before, now.Add(one.skew), bytes.Equal(configuration, before.Bundle()))
			if !secret.ca.certificate.Equal(before.ca.certificate) {
				switches++
			}
		}
		if r.IntN(2) == 0 {
			one.serves = secret
		}
		if r.IntN(2) == 0 {
			configuration = secret.Bundle()
		}
		for i := range servers {
			if r.IntN(3) == 0 || now.Sub(seen[i]) >= plan.Settle-20*time.Second {
				servers[i], seen[i] = configuration, now
			}
			for j, r := range replicas {
				if err := handshake(servers[i], r.serves.Certificate(), now); err != nil {
					t.Fatalf("%s: API server %d, replica %d: %v", now, i, j, err)
				}
			}
		}
	}
	if switches < 3 {
		t.Errorf("the authority changed %d times", switches)
	}
}

// TestHandshake is the same over TLS, with what a server is configured with.
func TestHandshake(t *testing.T) {
	s := step(t, nil, start, false)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.Bundle())
	server, client := net.Pipe()
	go func() {
		config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.Certificate(), nil }}
		_ = tls.Server(server, config).Handshake()
	}()
	config := &tls.Config{RootCAs: roots, ServerName: plan.Names[0], Time: func() time.Time { return start }}
	if err := tls.Client(client, config).Handshake(); err != nil {
		t.Error(err)
	}
}
