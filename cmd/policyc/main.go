// Command policyc compiles policies to Kubernetes admission objects.
package main

import "os"

func main() {
	os.Exit(Run(os.Args[1:], IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
