// Package schema knows the kinds and types of every Kubernetes minor from 1.30
// on, and those of users' CRDs.
//
//	s, _ := schema.Load(34)
//	k, _ := s.Resolve("Deployment")        → apps/v1/Deployment, plural deployments, namespaced
//	t, _ := s.Root(k)                      → Object io.k8s.api.apps.v1.Deployment{apiVersion: String, spec: …}
//	_, err := s.Resolve("Deploymnet")      → unknown kind "Deploymnet": did you mean "Deployment"?
//
// The types say what an object in admission holds, which is more than the
// OpenAPI says: Field.Required is set only where the API server of that minor
// and of all later ones always writes a value, and Field.Nullable wherever
// it may write null. gen/ derives both from the Go types of Kubernetes; types
// of CRDs follow the structural schema.
package schema

import (
	"embed"
	"fmt"
	"sort"
	"sync"

	"github.com/policyc/policyc/compiler/types"
)

//go:generate go run ./gen

//go:embed data/*.txt.gz
var data embed.FS

const (
	oldestMinor = 30
	newestMinor = 37

	objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
	scaleType  = "io.k8s.api.autoscaling.v1.Scale"
)

// Set is the schemas of one Kubernetes minor, plus CRDs. It may be read by
// several goroutines once no more CRDs are added.
type Set struct {
	minor   int
	builtin *builtin
	// kinds are sorted: those of the minor, then those of the CRDs mixed in.
	kinds []*Kind
	// crdTypes are the root types of the kinds of CRDs.
	crdTypes map[*Kind]*types.Type
	// crdPlaces says where a CRD was declared, by its name.
	crdPlaces map[string]string
}

// Minors returns the minors of Kubernetes 1 whose schemas are embedded, in
// ascending order.
func Minors() []int {
	var minors []int
	for m := oldestMinor; m <= newestMinor; m++ {
		minors = append(minors, m)
	}
	return minors
}

// loaded decodes each minor once; the results are never changed.
var loaded = func() (once [newestMinor + 1]func() (*builtin, error)) {
	for m := oldestMinor; m <= newestMinor; m++ {
		once[m] = sync.OnceValues(func() (*builtin, error) { return decode(m) })
	}
	return once
}()

// Load returns the schemas of Kubernetes 1.minor. The embedded part is shared
// by all sets of that minor.
func Load(minor int) (*Set, error) {
	if minor < oldestMinor || minor > newestMinor {
		return nil, fmt.Errorf("no schemas of Kubernetes 1.%d: they are embedded for 1.%d to 1.%d", minor, oldestMinor, newestMinor)
	}
	b, err := loaded[minor]()
	if err != nil {
		return nil, fmt.Errorf("embedded schemas of Kubernetes 1.%d: %w", minor, err)
	}
	return &Set{minor: minor, builtin: b, kinds: b.kinds,
		crdTypes: map[*Kind]*types.Type{}, crdPlaces: map[string]string{}}, nil
}

// Minor returns the minor of Kubernetes 1 that the set is of.
func (s *Set) Minor() int { return s.minor }

// Kinds returns all kinds and subresources in every served version, sorted by
// group, version, resource and subresource. The slice must not be changed.
func (s *Set) Kinds() []*Kind { return s.kinds }

// Lookup returns the kind behind a group, version, resource and subresource,
// as resource rules name them.
func (s *Set) Lookup(group, version, resource, subresource string) (*Kind, bool) {
	want := &Kind{ResourceGroup: group, ResourceVersion: version, Resource: resource, Subresource: subresource}
	i := sort.Search(len(s.kinds), func(i int) bool { return !s.kinds[i].less(want) })
	if i == len(s.kinds) || want.less(s.kinds[i]) {
		return nil, false
	}
	return s.kinds[i], true
}

// Match returns all versions of a resource or subresource, the preferred one
// first.
func (s *Set) Match(group, resource, subresource string) []*Kind {
	var found []*Kind
	for _, k := range s.kinds {
		if k.ResourceGroup == group && k.Resource == resource && k.Subresource == subresource {
			found = append(found, k)
		}
	}
	sort.SliceStable(found, func(i, j int) bool {
		return compareVersions(found[i].ResourceVersion, found[j].ResourceVersion) > 0
	})
	return found
}

// ForObject returns the kind of an object by its apiVersion and kind; never a
// subresource.
func (s *Set) ForObject(apiVersion, kind string) (*Kind, bool) {
	group, version := splitGroupVersion(apiVersion)
	for _, k := range s.kinds {
		if k.Subresource == "" && k.Group == group && k.Version == version && k.Kind == kind {
			return k, true
		}
	}
	return nil, false
}

// Root returns the type of the object in admission: of a subresource, of what
// is sent to it.
func (s *Set) Root(k *Kind) (*types.Type, error) {
	if t, ok := s.crdTypes[k]; ok {
		return t, nil
	}
	t, ok := s.builtin.object(k.root)
	if !ok {
		return nil, fmt.Errorf("no type for %s in Kubernetes 1.%d", k, s.minor)
	}
	return rootOf(t), nil
}

// Type returns a type of Kubernetes by the name of its schema, such as
// io.k8s.api.core.v1.PodTemplateSpec.
func (s *Set) Type(name string) (*types.Type, bool) { return s.builtin.object(name) }

// ObjectMeta returns the type of the metadata of every object.
func (s *Set) ObjectMeta() *types.Type {
	t, _ := s.builtin.object(objectMeta)
	return t
}
