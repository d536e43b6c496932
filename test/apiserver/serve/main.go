// Command serve starts a real API server for trying things by hand, prints
// how to reach it, and stops it at the end of its input or on an interrupt.
//
//	go run ./test/apiserver/serve 1.37
//	export KUBECONFIG=/tmp/…/kubeconfig
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/policyc/policyc/test/apiserver"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	version := apiserver.Versions()[0]
	if len(args) > 0 {
		version = args[0]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := apiserver.Build(ctx, version, func(line string) { fmt.Fprintln(os.Stderr, line) }); err != nil {
		return err
	}
	server, err := apiserver.Start(ctx, apiserver.Options{Version: version})
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Printf("export KUBECONFIG=%s\n", server.Kubeconfig)
	<-ctx.Done()
	return nil
}
