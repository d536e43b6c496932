package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/policyc/policyc/runtime/webhook/manager"
)

func newUninstall(errs io.Writer, env func(string) string) *cobra.Command {
	f, timeout := &clusterFlags{}, time.Duration(0)
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Delete the webhook configurations, and wait until they are gone",
		Long: "uninstall deletes the webhook configurations that call the runtime, before the runtime goes: the API server would refuse\n" +
			"whatever they match. It leaves alone what policyc did not write. When there is nothing to delete, it is done.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, config, err := f.begin(f.validate, errs, env)
			if err != nil {
				return err
			}
			live, err := client.New(config, client.Options{})
			if err != nil {
				return failure{err}
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			service := types.NamespacedName{Namespace: f.namespace, Name: f.service}
			if err := manager.Uninstall(ctx, live, f.configuration, service, 500*time.Millisecond, logger); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	f.add(c, env)
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	return c
}
