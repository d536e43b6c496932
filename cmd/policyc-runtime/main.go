// Command policyc-runtime is the companion webhook: it decides what the API server cannot evaluate itself, with the programs
// that `policyc build` wrote as CompiledPolicies.
//
//	policyc-runtime serve --namespace policyc-system      the Deployment
//	policyc-runtime uninstall --namespace policyc-system  before the Deployment goes
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := Run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(status)
}
