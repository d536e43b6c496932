package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"sort"
	"strings"
)

// text is the form that package schema reads, one kind or type a line, parts
// separated by tabs:
//
//	kind  apps v1 Deployment  deployments -  apps v1 Deployment  deployment  N  create,…  deploy  io.k8s.api.apps.v1.Deployment
//	type  io.k8s.api.core.v1.PodSpec  activeDeadlineSeconds i  containers! [@io.k8s.api.core.v1.Container  …
func (s *spec) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "policyc schemas 1 of Kubernetes 1.%d\n", s.minor)
	for _, k := range s.kinds {
		scope := "C"
		if k.namespaced {
			scope = "N"
		}
		parts := []string{"kind", k.group, k.version, k.kind, k.resource, k.subresource, k.resourceGroup, k.resourceVersion,
			k.parent, k.singular, scope, strings.Join(k.verbs, ","), strings.Join(k.short, ","), k.root}
		b.WriteString(strings.Join(parts, "\t") + "\n")
	}
	names := make([]string, 0, len(s.objects))
	for name := range s.objects {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		b.WriteString("type\t" + name)
		for _, f := range s.objects[name] {
			b.WriteString("\t" + f.name + f.flag() + " " + f.code)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// compressed is the text as embedded: no time, no name, so equal input gives
// equal bytes.
func (s *spec) compressed() ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(s.text()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
