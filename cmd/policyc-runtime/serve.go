package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/policyc/policyc/runtime/engine"
	"github.com/policyc/policyc/runtime/webhook"
	"github.com/policyc/policyc/runtime/webhook/manager"
)

// serveFlags are those of serve. Memory has none: Go reads GOMEMLIMIT itself, and a second name for it could only disagree.
type serveFlags struct {
	clusterFlags
	port                           int
	metrics, health, profile       string
	certMode, certDir, secret      string
	minTLS                         string
	names                          []string
	certificateLife, authorityLife time.Duration
	concurrency                    int
	maxBytes                       int64
	maxDeadline, drain             time.Duration
	leaderElect                    bool
}

func newServe(errs io.Writer, env func(string) string) *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the CompiledPolicies of a cluster",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, config, err := f.begin(f.validate, errs, env)
			if err != nil {
				return err
			}
			if err := manager.Run(c.Context(), config, f.options(logger, env)); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	f.add(c, env)
	return c
}

func (f *serveFlags) add(c *cobra.Command, env func(string) string) {
	f.clusterFlags.add(c, env)
	flags := c.Flags()
	flags.IntVar(&f.port, "webhook-port", 9443, "port of the webhook")
	flags.StringVar(&f.metrics, "metrics-address", ":8080", "address of /metrics, in plain HTTP; empty is off")
	flags.StringVar(&f.health, "health-address", ":8081", "address of /livez and /readyz, in plain HTTP")
	flags.StringVar(&f.profile, "pprof-address", "", "address of /debug/pprof/, in plain HTTP; empty is off")
	flags.StringVar(&f.certMode, "cert-mode", "self", "self: certificates are made and kept in --secret; files: they are read from --cert-dir")
	flags.StringVar(&f.certDir, "cert-dir", "/var/run/policyc/tls", "folder of tls.crt, tls.key and ca.crt")
	flags.StringVar(&f.secret, "secret", "policyc-runtime-tls", "Secret of the certificates")
	flags.StringVar(&f.minTLS, "tls-min-version", "1.2", "1.2 or 1.3")
	flags.StringSliceVar(&f.names, "extra-san", nil, "further DNS names and IP addresses that API servers call")
	flags.DurationVar(&f.certificateLife, "cert-lifetime", 90*24*time.Hour, "life of serving certificates, which are renewed at two thirds of it")
	flags.DurationVar(&f.authorityLife, "ca-lifetime", 365*24*time.Hour, "life of certificate authorities, at least three times --cert-lifetime")
	flags.IntVar(&f.concurrency, "concurrency", 0, "requests evaluated at a time; 0 is eight for each processor")
	flags.Int64Var(&f.maxBytes, "max-request-bytes", 8<<20, "size of an AdmissionReview")
	flags.DurationVar(&f.maxDeadline, "max-deadline", 9*time.Second, "longest time that a request may take")
	flags.DurationVar(&f.drain, "drain", 10*time.Second, "how long requests are taken after SIGTERM, with /readyz failing")
	flags.BoolVar(&f.leaderElect, "leader-elect", true, "elect the replica that writes status and events; off for a single replica")
}

func (f *serveFlags) validate() error {
	errs := []error{f.clusterFlags.validate()}
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(f.port < 1 || f.port > 65535, "--webhook-port %d is no port", f.port)
	for _, x := range []struct{ flag, address string }{{"--metrics-address", f.metrics}, {"--health-address", f.health}, {"--pprof-address", f.profile}} {
		if _, _, err := net.SplitHostPort(x.address); x.address != "" {
			wrong(err != nil, "%s %q is not [host]:port", x.flag, x.address)
		}
	}
	wrong(f.certMode != "self" && f.certMode != "files", "--cert-mode %q is neither self nor files", f.certMode)
	wrong(f.certMode == "files" && f.certDir == "", "--cert-mode files needs --cert-dir")
	wrong(len(validation.IsDNS1123Subdomain(f.secret)) > 0, "--secret %q is no name of a Secret", f.secret)
	wrong(f.minTLS != "1.2" && f.minTLS != "1.3", "--tls-min-version %q is neither 1.2 nor 1.3", f.minTLS)
	for _, name := range f.names {
		wrong(net.ParseIP(name) == nil && len(validation.IsDNS1123Subdomain(name)) > 0, "--extra-san %q is neither a DNS name nor an IP address", name)
	}
	wrong(f.certificateLife < time.Second, "--cert-lifetime %s is too short", f.certificateLife)
	wrong(f.authorityLife < 3*f.certificateLife, "--ca-lifetime %s is less than three times --cert-lifetime %s", f.authorityLife, f.certificateLife)
	wrong(f.concurrency < 0, "--concurrency %d is negative", f.concurrency)
	wrong(f.maxBytes < 1, "--max-request-bytes %d is not positive", f.maxBytes)
	wrong(f.maxDeadline <= 0 || f.maxDeadline > 30*time.Second, "--max-deadline %s is not between 0 and the 30s of the API server", f.maxDeadline)
	wrong(f.drain < 0, "--drain %s is negative", f.drain)
	return errors.Join(errs...)
}

func (f *serveFlags) options(logger logr.Logger, env func(string) string) manager.Options {
	minVersion := uint16(tls.VersionTLS12)
	if f.minTLS == "1.3" {
		minVersion = tls.VersionTLS13
	}
	o := manager.Options{
		Namespace: f.namespace, Service: f.service, Configuration: f.configuration,
		WebhookAddress: net.JoinHostPort("", strconv.Itoa(f.port)), MetricsAddress: f.metrics, HealthAddress: f.health, ProfileAddress: f.profile,
		Certificates: manager.Certificates{Secret: f.secret, Names: f.names, Life: f.certificateLife, CALife: f.authorityLife, MinVersion: minVersion},
		Drain:        f.drain, Finish: f.maxDeadline + time.Second,
		LeaderElect: f.leaderElect, Identity: identity(env),
		Handler: func(s manager.Source, r engine.Reader, a authorizer.UnconditionalAuthorizer, p prometheus.Registerer) http.Handler {
			return webhook.NewHandler(s, r, a, webhook.Options{MaxBody: f.maxBytes, MaxConcurrent: f.concurrency, MaxDuration: f.maxDeadline, Log: logger}, p)
		},
		Log: logger, Now: time.Now,
	}
	if f.certMode == "files" {
		o.Certificates.Folder = f.certDir
	}
	return o
}

// identity tells replicas apart: by the pod, or by host and process.
func identity(env func(string) string) string {
	if pod := env("POD_NAME"); pod != "" {
		return pod
	}
	host, _ := os.Hostname()
	return fmt.Sprintf("%s_%d", host, os.Getpid())
}
