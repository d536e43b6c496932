package manager

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// newServer returns the server of AdmissionReviews. A client that is slow to say what it wants is dropped; how long a
// request may take is the handler's affair.
func newServer(handler http.Handler, served *served, minVersion uint16, log logr.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		TLSConfig:         &tls.Config{GetCertificate: served.Get, MinVersion: minVersion, NextProtos: []string{"h2", "http/1.1"}},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		// Longer than the API server keeps an idle connection (90 s), so that it is the one who closes it.
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       discardHandshakes(log),
	}
}

// serveUntil serves until stop ends, then goes on for the drain, and gives requests in flight until finish to end. While it
// drains, answers tell clients to let go of their connections: a request that is sent on one at the moment when Shutdown
// closes it is lost, and HTTP/1.1, which API servers speak to webhooks, has no way to say so.
func serveUntil(stop context.Context, server *http.Server, listener net.Listener, begin func(), drain, finish time.Duration) error {
	var draining atomic.Bool
	server.Handler = closing(server.Handler, &draining)
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	draining.Store(true)
	begin()
	wait := time.NewTimer(drain)
	defer wait.Stop()
	select {
	case err := <-failed:
		return err
	case <-wait.C:
	}
	ctx, cancel := context.WithTimeout(context.Background(), finish)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// closing has answers close their connections while a flag is set. For HTTP/2, net/http makes a GOAWAY of it.
func closing(next http.Handler, set *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if set.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// metricsHandler shows our metrics, and those of controller-runtime and Go.
func metricsHandler(ours prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(prometheus.Gatherers{ours, metrics.Registry}, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	return mux
}

func profileHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// probeHandler answers /livez, always, and /readyz.
func probeHandler(ready func(*http.Request) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok"))
	})
	return mux
}

// plain serves HTTP until the context ends; on no address, nothing.
func plain(ctx context.Context, address string, handler http.Handler) error {
	if address == "" {
		<-ctx.Done()
		return nil
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
