package manager

import (
	"maps"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

// Publish has what Set, Delete and Sweep did decide requests. It joins the engines of each entry, of what is compiled
// already. Policies are in order of name, on every replica.
func (p *Programs) Publish() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	members := map[string][]*engine.Engine{}
	broken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(p.policies)) {
		known := p.policies[name]
		for entry := range known.entries() {
			switch one := known.decides(entry); {
			case one != nil:
				members[entry] = append(members[entry], one.ForWebhook(entry))
			case !ignoresFailure(known.present.spec):
				broken[entry] = true // the good ones alone would admit what it denies
			}
		}
	}
	entries := map[string]*engine.Engine{}
	for entry, engines := range members {
		if !broken[entry] {
			entries[entry] = engine.Join(engines...)
		}
	}
	p.entries.Store(&entries)
}

// entries are those that any generation of the policy binds.
func (k *policy) entries() map[string]bool {
	all := entriesOf(k.present.spec)
	for _, one := range k.decide() {
		maps.Copy(all, entriesOf(one.spec))
	}
	return all
}

// decides returns the engine of the newest good generation that binds an entry; nil when there is none, which the present
// generation is to blame for.
func (k *policy) decides(entry string) *engine.Engine {
	for _, one := range k.decide() {
		if entriesOf(one.spec)[entry] {
			return one.engine
		}
	}
	return nil
}

func entriesOf(spec *api.CompiledPolicySpec) map[string]bool {
	out := map[string]bool{}
	for _, b := range spec.Bindings {
		out[b.Webhook] = true
	}
	return out
}

// retire puts the program that decides among the retired ones, of which those stay that bind an entry which none after
// them binds.
func (k *policy) retire(next *api.CompiledPolicySpec, until time.Time) {
	bound := entriesOf(next)
	var stay []retired
	for _, r := range append([]retired{{k.good, until}}, k.retired...) {
		if own := entriesOf(r.spec); !subset(own, bound) {
			stay = append(stay, r)
			maps.Copy(bound, own)
		}
	}
	k.retired = stay
}

func subset(a, b map[string]bool) bool {
	for entry := range a {
		if !b[entry] {
			return false
		}
	}
	return true
}

// ignoresFailure reports whether a policy that cannot be evaluated lets requests through.
func ignoresFailure(spec *api.CompiledPolicySpec) bool {
	var policy *admissionv1.FailurePolicyType
	switch {
	case spec.Validating != nil:
		policy = spec.Validating.FailurePolicy
	case spec.Mutating != nil:
		policy = spec.Mutating.FailurePolicy
	}
	return policy != nil && *policy == admissionv1.Ignore
}
