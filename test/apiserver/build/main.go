// Command build compiles the Kubernetes binaries that the end-to-end tests start, and skips what is up to date.
//
//	$ go run ./test/apiserver/build        # or: … build 1.30
//	etcd 1.37: up to date
//	kubectl 1.37: up to date
//	kube-apiserver 1.37: building
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/policyc/policyc/test/apiserver"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	versions := os.Args[1:]
	if len(versions) == 0 {
		versions = apiserver.Versions()
	}
	for _, version := range versions {
		if err := apiserver.Build(ctx, version, func(line string) { fmt.Println(line) }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
