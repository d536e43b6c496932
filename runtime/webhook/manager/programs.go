package manager

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

// retirement is how long a program decides on for entries that its successor has no binding for: `kubectl apply` changes
// policies before webhook configurations, and an API server calls the old entry until it has seen the new one.
const retirement = 10 * time.Minute

// Programs are the compiled policies, and the engines of the entries that they make. They are a webhook.Source.
type Programs struct {
	compile  func(*api.CompiledPolicy) (*engine.Engine, error)
	mutex    sync.Mutex
	policies map[string]*policy
	entries  atomic.Pointer[map[string]*engine.Engine]
}

// policy is what is known of a CompiledPolicy.
type policy struct {
	// present is the generation that was compiled last; err says why it does not serve.
	present program
	err     error
	// good serves; its engine is nil when nothing has ever compiled. That is kept in memory only: after a restart, a policy
	// that does not compile has none, and its requests fail.
	good program
	// retired served before good, the latest first, and do until their time for what none after them binds.
	retired []retired
}

// retired is a program that has a successor.
type retired struct {
	program
	until time.Time
}

// program is a generation of a CompiledPolicy.
type program struct {
	generation int64
	uid        string
	spec       *api.CompiledPolicySpec
	engine     *engine.Engine
}

// Outcome is what became of a generation of a policy.
type Outcome struct {
	Generation, Served int64
	Err                error
	// Unreadable says why what it reads cannot be read, so that its requests fail.
	Unreadable error
	// Changed says that it was compiled now, and not before.
	Changed bool
	// Again is when Sweep has something to do; zero is never.
	Again time.Time
}

// NewPrograms returns no programs. Compile makes an engine of one policy.
func NewPrograms(compile func(*api.CompiledPolicy) (*engine.Engine, error)) *Programs {
	return &Programs{compile: compile, policies: map[string]*policy{}}
}

// Engine returns the policies of an entry. It is not known when one of its policies has never compiled: the others alone
// would let through what that one denies. The API server then does what the failurePolicy of the entry says.
func (p *Programs) Engine(entry string) (*engine.Engine, bool) {
	entries := p.entries.Load()
	if entries == nil {
		return nil, false
	}
	e, known := (*entries)[entry]
	return e, known
}

// Published reports whether Publish was ever called.
func (p *Programs) Published() bool { return p.entries.Load() != nil }

// Set compiles a policy, unless that generation of it is compiled. It decides from Publish on.
func (p *Programs) Set(object *api.CompiledPolicy, now time.Time) Outcome {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	known := p.policies[object.Name]
	if known != nil && known.present.generation == object.Generation && known.present.uid == string(object.UID) {
		return known.outcome(false)
	}
	if known == nil || known.present.uid != string(object.UID) {
		known = &policy{} // one of the same name that was deleted is no earlier generation
		p.policies[object.Name] = known
	}
	next := program{generation: object.Generation, uid: string(object.UID), spec: object.Spec.DeepCopy()}
	if known.good.engine != nil && reflect.DeepEqual(known.good.spec, next.spec) {
		next.engine, known.err = known.good.engine, nil
	} else {
		next.engine, known.err = p.compile(object)
	}
	known.present = next
	if known.err == nil {
		if known.good.engine != nil {
			known.retire(next.spec, now.Add(retirement))
		}
		known.good = next
	}
	return known.outcome(true)
}

// Delete forgets a policy.
func (p *Programs) Delete(name string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.policies, name)
}

// Sweep forgets the programs whose retirement is over.
func (p *Programs) Sweep(now time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, known := range p.policies {
		known.retired = slices.DeleteFunc(known.retired, func(r retired) bool { return !now.Before(r.until) })
	}
}

// Outcome returns what became of a policy, if it was ever set.
func (p *Programs) Outcome(name string) (Outcome, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	known := p.policies[name]
	if known == nil {
		return Outcome{}, false
	}
	return known.outcome(false), true
}

// Resources are what the lookups of all programs that may decide read from caches, and their parameter objects.
func (p *Programs) Resources() []api.LookupResource {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	found := map[api.LookupResource]bool{}
	for _, known := range p.policies {
		for _, one := range known.decide() {
			for _, r := range resourcesOf(one.spec) {
				found[r] = true
			}
		}
	}
	return slices.Collect(maps.Keys(found))
}

func resourcesOf(spec *api.CompiledPolicySpec) []api.LookupResource {
	var out []api.LookupResource
	if spec.ParamResource != nil {
		out = append(out, *spec.ParamResource)
	}
	for _, l := range spec.Lookups {
		if l.Consistency != api.Strong {
			out = append(out, l.Resource)
		}
	}
	return out
}

// Counts are the policies by state: serving, stale (an earlier generation serves) and failing (none does).
func (p *Programs) Counts() map[string]int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	counts := map[string]int{"serving": 0, "stale": 0, "failing": 0}
	for _, known := range p.policies {
		switch {
		case known.err == nil:
			counts["serving"]++
		case known.good.engine != nil:
			counts["stale"]++
		default:
			counts["failing"]++
		}
	}
	return counts
}

func (k *policy) outcome(changed bool) Outcome {
	out := Outcome{Generation: k.present.generation, Served: k.good.generation, Err: k.err, Changed: changed}
	if n := len(k.retired); n > 0 {
		out.Again = k.retired[n-1].until // the earliest is over first
	}
	return out
}

// decide are the programs that decide, the newest first.
func (k *policy) decide() []program {
	var out []program
	if k.good.engine != nil {
		out = append(out, k.good)
	}
	for _, r := range k.retired {
		out = append(out, r.program)
	}
	return out
}
