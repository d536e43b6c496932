//go:build e2e

package cluster_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// program is a stand-in for policyc-runtime: it takes the flags that the chart sets and uses the rights that the chart grants,
// and as a webhook denies what is called `denied`. This test's own binary is the image.
type program struct {
	namespace, service, configuration, secret string
	webhookPort                               int
	health, metrics                           string
	drain                                     time.Duration
}

func (p *program) main(args []string) error {
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&p.service, "service", "", "")
	flags.StringVar(&p.configuration, "configuration", "", "")
	flags.StringVar(&p.secret, "secret", "", "")
	flags.IntVar(&p.webhookPort, "webhook-port", 0, "")
	flags.StringVar(&p.health, "health-address", "", "")
	flags.StringVar(&p.metrics, "metrics-address", "", "")
	flags.DurationVar(&p.drain, "drain", 0, "")
	for _, ignored := range []string{"cert-mode", "tls-min-version", "concurrency", "max-request-bytes", "max-deadline", "log-format", "log-level"} {
		flags.String(ignored, "", "")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	p.namespace = os.Getenv("POD_NAMESPACE")
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if args[0] == "uninstall" {
		webhooks := client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
		return webhooks.Delete(context.Background(), p.configuration, metav1.DeleteOptions{})
	}
	return p.serve(client)
}

func (p *program) serve(client kubernetes.Interface) error {
	certificate, err := p.certificate(client)
	if err != nil {
		return err
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	go p.inject(client, ca)
	var draining atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if draining.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	go http.ListenAndServe(p.health, mux)
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	server := &http.Server{Addr: fmt.Sprintf(":%d", p.webhookPort), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			// kube-apiserver 1.30 speaks HTTP/1.1: it would send the next request on a connection that is about to be closed.
			w.Header().Set("Connection", "close")
		}
		review(w, r)
	}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	go func() {
		<-stopped
		fmt.Println("draining")
		draining.Store(true)
		time.Sleep(p.drain)
		server.Shutdown(context.Background())
	}()
	err = server.ListenAndServeTLS("", "")
	if err == http.ErrServerClosed {
		return nil
	}
	return err
}

// certificate is the one in the Secret, which the first replica fills.
func (p *program) certificate(client kubernetes.Interface) (tls.Certificate, error) {
	secrets := client.CoreV1().Secrets(p.namespace)
	for {
		secret, err := secrets.Get(context.Background(), p.secret, metav1.GetOptions{})
		if err != nil {
			return tls.Certificate{}, err
		}
		if len(secret.Data) > 0 {
			return tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
		}
		secret.Data = selfSigned(p.service + "." + p.namespace + ".svc")
		if _, err := secrets.Update(context.Background(), secret, metav1.UpdateOptions{}); err != nil {
			fmt.Println(err) // another replica was first
		}
	}
}

func selfSigned(host string) map[string][]byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return map[string][]byte{
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
}

// inject writes the caBundle wherever it is missing.
func (p *program) inject(client kubernetes.Interface, ca []byte) {
	webhooks := client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	for ; ; time.Sleep(100 * time.Millisecond) {
		found, err := webhooks.Get(context.Background(), p.configuration, metav1.GetOptions{})
		if err != nil || bytes.Equal(found.Webhooks[0].ClientConfig.CABundle, ca) {
			continue
		}
		patch, _ := json.Marshal([]map[string]any{{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": ca}})
		if _, err := webhooks.Patch(context.Background(), p.configuration, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
			fmt.Println(err)
		}
	}
}

// review denies objects called `denied`.
func review(w http.ResponseWriter, r *http.Request) {
	var in admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in.Response = &admissionv1.AdmissionResponse{UID: in.Request.UID, Allowed: in.Request.Name != "denied"}
	if !in.Response.Allowed {
		in.Response.Result = &metav1.Status{Message: "not this name", Code: http.StatusForbidden}
	}
	_ = json.NewEncoder(w).Encode(in)
}
