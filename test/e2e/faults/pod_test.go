//go:build e2e

package faults_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/policyc/policyc/test/cluster"
)

const serverName = release + "." + namespace + ".svc"

// bundle is the caBundle that the API server has now.
func (w *world) bundle(t *testing.T) *x509.CertPool {
	t.Helper()
	configuration := &admissionv1.ValidatingWebhookConfiguration{}
	w.read(t, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/policyc", configuration)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(configuration.Webhooks[0].ClientConfig.CABundle)
	return pool
}

func (w *world) tls(t *testing.T) *tls.Config {
	return &tls.Config{RootCAs: w.bundle(t), ServerName: serverName}
}

// podClient is a client that trusts what the API server trusts.
func (w *world) podClient(t *testing.T) *http.Client {
	transport := &http.Transport{TLSClientConfig: w.tls(t), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// memory is what a replica's process holds, in MiB, without the pages of its file, which a kernel that is short of memory drops.
func memory(t *testing.T, p *cluster.Pod) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if size, found := strings.CutPrefix(line, "RssAnon:"); found {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(size), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kib / 1024
		}
	}
	t.Fatal("no RssAnon")
	return 0
}

// metric is a line of a replica's metrics, without its value, or of the API server's.
func metric(text, line string) float64 {
	for found := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(found, line+" "); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return v
		}
	}
	return 0
}

// get reads a page that a replica serves in plain HTTP.
func get(t *testing.T, p *cluster.Pod, port int32, path string) (int, string) {
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://"+p.Address(port)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}
