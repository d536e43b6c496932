// Command gen writes the embedded schemas, data/1.NN.txt.gz, from the modules
// of Kubernetes as the Go module proxy has them.
//
//	k8s.io/kubernetes  api/openapi-spec/v3   fields and their types
//	                   api/discovery         resources, verbs, short names
//	k8s.io/api, …      types.go              what Go writes when a field is empty
//
// The OpenAPI alone does not say what is in an object in admission: it calls
// fields required that Go omits when empty, and optional ones that Go writes
// as null. Hence the third source.
//
// To add a minor, add it to releases, run `go generate ./compiler/schema`, and
// read the diff that the tests of the package print.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// release is a minor and the patch release that its schemas are taken from.
type release struct {
	minor int
	patch string // of k8s.io/kubernetes: 1.<patch>; of k8s.io/api and the like: 0.<patch>
}

// releases are the minors that are embedded, oldest first.
var releases = []release{
	{30, "30.14"}, {31, "31.14"}, {32, "32.13"}, {33, "33.13"},
	{34, "34.4"}, {35, "35.4"}, {36, "36.3"}, {37, "37.2"},
}

func main() {
	out := flag.String("o", "data", "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	// From the newest to the oldest: what is always present in one minor is
	// so only when the later ones, on which a policy must run too, agree.
	var later []*spec
	for i := len(releases) - 1; i >= 0; i-- {
		s, err := load(releases[i], download)
		if err != nil {
			return fmt.Errorf("1.%d: %w", releases[i].minor, err)
		}
		s.settle(later)
		later = append(later, s)
		if err := s.checkFacts(); err != nil {
			return fmt.Errorf("1.%d: %w", s.minor, err)
		}
		data, err := s.compressed()
		if err != nil {
			return err
		}
		name := filepath.Join(out, fmt.Sprintf("1.%d.txt.gz", s.minor))
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d kinds, %d types, %d bytes\n", filepath.ToSlash(name), len(s.kinds), len(s.objects), len(data))
	}
	return nil
}

// load reads everything about one release; dir finds the folder of a module.
func load(r release, dir func(module, version string) (string, error)) (*spec, error) {
	kubernetes, err := dir("k8s.io/kubernetes", "v1."+r.patch)
	if err != nil {
		return nil, err
	}
	source := newGoSource()
	for _, module := range []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/apiextensions-apiserver"} {
		if source.modules[module], err = dir(module, "v0."+r.patch); err != nil {
			return nil, err
		}
	}
	// APIService has had the same fields since 1.10, and not every release
	// of this module is to be had from the proxy.
	if source.modules["k8s.io/kube-aggregator"], err = dir("k8s.io/kube-aggregator", "v0.37.2"); err != nil {
		return nil, err
	}
	documents, err := readOpenAPI(filepath.Join(kubernetes, "api", "openapi-spec", "v3"))
	if err != nil {
		return nil, err
	}
	s := &spec{minor: r.minor, objects: map[string][]*field{}}
	if s.kinds, err = readDiscovery(filepath.Join(kubernetes, "api", "discovery")); err != nil {
		return nil, err
	}
	return s, s.translate(documents, source)
}
