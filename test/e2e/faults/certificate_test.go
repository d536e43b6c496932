//go:build e2e

package faults_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestCertificates rotates certificates every few seconds, under load, and the API server restarts meanwhile.
func TestCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{version: "1.37", values: []string{"--set=runtime.extraArgs={--cert-lifetime=9s,--ca-lifetime=36s}"}})
	t.Run("rotated", w.rotated)
	t.Run("API server restarted", w.apiServerRestarted)
}

// rotated: no request fails, nor a handshake with what the API server trusts.
func (w *world) rotated(t *testing.T) {
	first, _ := w.certificates(t)
	l := w.load(t, good, bad, banned)
	// The API server keeps its connections, so that new ones are made here.
	handshakes := startLoad(1, func(a ask) answer {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: w.tls(t), DisableKeepAlives: true}, Timeout: 30 * time.Second}
		return w.send(t.Context(), client, w.pods()[0].Address(9443), w.entries[a.policy()], a)
	}, good, bad)
	serving := map[string]bool{}
	begin := time.Now()
	eventually(t, "no other authority signs", func() bool {
		now, certificate := w.certificates(t)
		serving[string(certificate)] = true
		return string(now) != string(first)
	})
	took(t, "another authority signs", begin)
	// Each replica serves what the new one signed.
	for _, p := range w.pods() {
		eventually(t, p.Name+" serves a certificate of the old authority", func() bool {
			now, certificate := w.certificates(t)
			serving[string(certificate)] = true
			return signedBy(t, p.Address(9443), now)
		})
	}
	l.await(t, 100)
	t.Logf("%d serving certificates were seen", len(serving))
	if len(serving) < 3 {
		t.Error("the serving certificate was not rotated beside the authority")
	}
	l.end().expectRight(t, "rotated")
	handshakes.end().expectRight(t, "handshakes")
}

// certificates are the authority that signs and the certificate that is served, in DER, as the Secret has them.
func (w *world) certificates(t *testing.T) (authority, serving []byte) {
	t.Helper()
	secret := &corev1.Secret{}
	w.read(t, "/api/v1/namespaces/"+namespace+"/secrets/"+release+"-tls", secret)
	der := func(text []byte) []byte {
		block, _ := pem.Decode(text)
		if block == nil {
			t.Fatalf("no certificate in %q", text)
		}
		return block.Bytes
	}
	return der(secret.Data["ca.crt"]), der(secret.Data["tls.crt"])
}

// signedBy reports whether a replica serves what an authority signed.
func signedBy(t *testing.T, address string, authority []byte) bool {
	t.Helper()
	parent, err := x509.ParseCertificate(authority)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0].CheckSignatureFrom(parent) == nil
}

// apiServerRestarted: replicas serve on from their caches, and see afterwards what is applied.
func (w *world) apiServerRestarted(t *testing.T) {
	pods := w.pods()
	restarts := pods[0].Restarts() + pods[1].Restarts()
	client := w.podClient(t)
	var next atomic.Int64
	l := startLoad(2, func(a ask) answer {
		return w.send(t.Context(), client, pods[next.Add(1)%2].Address(9443), w.entries[a.policy()], a)
	}, good, bad, banned)
	l.await(t, 100)
	begin := time.Now()
	if err := w.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	took(t, "the API server is back", begin)
	l.await(t, 100)
	l.end().expectRight(t, "API server restarted, replicas asked")

	later := ask{resource: "configmaps", owner: "present", ban: "later"}
	w.kubectl(t, "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: later, namespace: faults}, spec: {podSelector: {}}}", "apply", "-f", "-")
	w.kubectl(t, "", "patch", "compiledpolicy", "strong", "--type=json", "-p",
		`[{"op":"replace","path":"/spec/validating/variables/0/expression","value":"['[owner] frozen']"}]`)
	for _, p := range pods {
		eventually(t, p.Name+" does not see a new object", func() bool { return w.askPod(t, p, later).class == denied })
		eventually(t, p.Name+" does not see a changed policy", func() bool { return strings.Contains(w.askPod(t, p, goodStrong).text, "frozen") })
	}
	took(t, "objects and policies are followed", begin)
	w.apply(t, "policies")
	if n := pods[0].Restarts() + pods[1].Restarts(); n != restarts {
		t.Errorf("replicas restarted %d times", n-restarts)
	}
	w.expectAsBefore(t)
}
