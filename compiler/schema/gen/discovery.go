package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// kind is one resource or subresource as discovery lists it.
type kind struct {
	group, version, kind           string // of the object in admission
	resource, subresource          string
	resourceGroup, resourceVersion string
	parent, singular               string
	namespaced                     bool
	verbs, short                   []string
	root                           string // name of the type of the object
}

// readDiscovery reads the resource lists of every group and version.
func readDiscovery(dir string) ([]*kind, error) {
	files, err := filepath.Glob(filepath.Join(dir, "api*__v*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no discovery documents in %s: %v", dir, err)
	}
	var kinds []*kind
	for _, file := range files {
		list, err := readResources(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		kinds = append(kinds, list...)
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].key() < kinds[j].key() })
	return kinds, nil
}

func readResources(file string) ([]*kind, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list struct {
		GroupVersion string
		Resources    []struct {
			Name, SingularName, Kind, Group, Version string
			Namespaced                               bool
			Verbs, ShortNames                        []string
		}
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	group, version := splitGroupVersion(list.GroupVersion)
	parents := map[string]string{}
	for _, r := range list.Resources {
		if !strings.Contains(r.Name, "/") {
			parents[r.Name] = r.Kind
		}
	}
	var kinds []*kind
	for _, r := range list.Resources {
		k := &kind{group: group, version: version, kind: r.Kind, resourceGroup: group, resourceVersion: version,
			singular: r.SingularName, namespaced: r.Namespaced, verbs: r.Verbs, short: r.ShortNames}
		k.resource, k.subresource, _ = strings.Cut(r.Name, "/")
		k.parent = parents[k.resource]
		if r.Version != "" { // what is sent is of another group: Scale, Eviction, TokenRequest
			k.group, k.version = r.Group, r.Version
		}
		if k.parent == "" {
			return nil, fmt.Errorf("%s has no main resource", r.Name)
		}
		sort.Strings(k.verbs)
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func splitGroupVersion(gv string) (group, version string) {
	if group, version, ok := strings.Cut(gv, "/"); ok {
		return group, version
	}
	return "", gv
}

func (k *kind) key() string {
	return strings.Join([]string{k.resourceGroup, k.resourceVersion, k.resource, k.subresource}, "\x00")
}
