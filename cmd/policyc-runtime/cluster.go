package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/policyc/policyc/runtime/api"
)

// clusterFlags are those of every command that talks to a cluster.
type clusterFlags struct {
	namespace, service, configuration string
	kubeconfig                        string
	logFormat, logLevel               string
}

func (f *clusterFlags) add(c *cobra.Command, env func(string) string) {
	namespace := env("POD_NAMESPACE")
	if namespace == "" {
		namespace = "policyc-system"
	}
	c.Flags().StringVar(&f.namespace, "namespace", namespace, "namespace of the Service, the Secret and the Lease; $POD_NAMESPACE when that is set")
	c.Flags().StringVar(&f.service, "service", "policyc-runtime", "name of the Service")
	c.Flags().StringVar(&f.configuration, "configuration", api.DefaultConfiguration, "name of the ValidatingWebhookConfiguration and the MutatingWebhookConfiguration")
	c.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file; without it $KUBECONFIG, or the ServiceAccount of the pod")
	c.Flags().StringVar(&f.logFormat, "log-format", "json", "json or text")
	c.Flags().StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
}

func (f *clusterFlags) validate() error {
	var errs []error
	for _, name := range []struct {
		flag, value string
		check       func(string) []string
	}{
		{"--namespace", f.namespace, validation.IsDNS1123Label},
		{"--service", f.service, validation.IsDNS1035Label},
		{"--configuration", f.configuration, validation.IsDNS1123Subdomain},
	} {
		for _, problem := range name.check(name.value) {
			errs = append(errs, fmt.Errorf("%s %q: %s", name.flag, name.value, problem))
		}
	}
	return errors.Join(errs...)
}

// begin checks the flags, of which validate checks those of the command, and says where to log and which cluster is meant.
func (f *clusterFlags) begin(validate func() error, errs io.Writer, env func(string) string) (logr.Logger, *rest.Config, error) {
	logger, err := f.logger(errs)
	if err := errors.Join(validate(), err); err != nil {
		return logger, nil, err
	}
	config, err := f.config(env)
	return logger, config, err
}

// logger returns the log, and has the libraries write there, too.
func (f *clusterFlags) logger(to io.Writer) (logr.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return logr.Logger{}, fmt.Errorf("--log-level %q is none of debug, info, warn, error", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch f.logFormat {
	case "json":
		handler = slog.NewJSONHandler(to, options)
	case "text":
		handler = slog.NewTextHandler(to, options)
	default:
		return logr.Logger{}, fmt.Errorf("--log-format %q is neither json nor text", f.logFormat)
	}
	logger := logr.FromSlogHandler(handler)
	log.SetLogger(logger)
	klog.SetLogger(logger)
	return logger, nil
}

// config says which cluster: the one of a kubeconfig when there is one, else that of the pod.
func (f *clusterFlags) config(env func(string) string) (*rest.Config, error) {
	file := f.kubeconfig
	if file == "" {
		file = env("KUBECONFIG")
	}
	if file == "" {
		return rest.InClusterConfig()
	}
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("--kubeconfig: %w", err)
	}
	return clientcmd.BuildConfigFromFlags("", file)
}
