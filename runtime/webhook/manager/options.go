package manager

import (
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/policyc/policyc/runtime/engine"
)

// Options say what to run and where.
type Options struct {
	// Namespace has the Service, the Secret and the Lease; Service names the first and the last.
	Namespace, Service string
	// Configuration names the Validating- and the MutatingWebhookConfiguration that get caBundles, and whose policies are
	// served.
	Configuration string
	// WebhookAddress serves AdmissionReviews over TLS; the others are plain HTTP, and off when empty.
	WebhookAddress, MetricsAddress, HealthAddress, ProfileAddress string
	Certificates                                                  Certificates
	// Drain is how long requests are taken after the end was asked for, while Services take note; Finish is how long those
	// in flight may then take.
	Drain, Finish time.Duration
	// LeaderElect is off for a single replica. Identity names this one.
	LeaderElect bool
	Identity    string
	// Handler makes what answers requests: webhook.NewHandler with its options.
	Handler func(Source, engine.Reader, authorizer.UnconditionalAuthorizer, prometheus.Registerer) http.Handler
	Log     logr.Logger
	Now     func() time.Time
}

// Source has the programs that serve now; it is that of package webhook.
type Source interface {
	Engine(entry string) (e *engine.Engine, known bool)
}

// Certificates say where certificates come from.
type Certificates struct {
	// Folder has tls.crt, tls.key and ca.crt, which somebody else makes. When it is empty, certificates are made and kept in
	// the Secret.
	Folder, Secret string
	// Names are what API servers call besides the Service.
	Names []string
	// Life is that of serving certificates; CALife that of authorities, which is at least three times as long.
	Life, CALife time.Duration
	// MinVersion is that of TLS.
	MinVersion uint16
}
