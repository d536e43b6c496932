package oracle

import (
	"fmt"
	"math/rand"
	"slices"

	"github.com/policyc/policyc/compiler/target"
)

// CheckLookups compares what a seed stands for among policies with lookups,
// which are compiled a second time in such a way that the API server makes none
// of them itself.
func (o *Oracle) CheckLookups(seed int64) (Counts, []*Finding) {
	random := rand.New(rand.NewSource(^seed))
	counts := Counts{Seeds: 1}
	lowest := o.Targets[random.Intn(len(o.Targets))]
	p, err := o.lookupPolicy(random, lowest)
	if err != nil {
		return counts, []*Finding{{Seed: seed, Target: lowest, Got: err.Error(), failed: true}}
	}
	counts.Expressions = len(p.rules)
	var findings []*Finding
	for _, each := range []*policy{p, p.asked()} {
		c, found := o.checkBundle(seed, each, lowest)
		counts.Add(c)
		findings = append(findings, found...)
		if c.Pushed == 0 {
			break // the second one would be the same
		}
	}
	return counts, findings
}

// asked is the policy with lookups that the API server does not make itself.
func (p *policy) asked() *policy {
	out := *p
	out.lookups = nil
	for _, l := range p.lookups {
		strong := *l
		strong.Strong = true
		out.lookups = append(out.lookups, &strong)
	}
	return &out
}

// checkBundle compares on one target.
func (o *Oracle) checkBundle(seed int64, p *policy, v target.Version) (Counts, []*Finding) {
	b, rejected, err := buildBundle(p, v)
	counts := o.rejected(rejected)
	if err != nil {
		counts.Errors++
		return counts, []*Finding{o.isolate(&Finding{Seed: seed, Target: v, Got: err.Error(), failed: true, policy: p})}
	}
	counts.Compilations = len(b.policy.rules)
	for _, r := range b.policy.rules {
		if b.pushed(r.Name) {
			counts.Pushed++
		}
		if b.programs[r.Name].Webhook {
			counts.Webhook++
		}
	}
	findings := o.onObjects(seed, v, p, func(objects *objects) (*input, error) { return objects.request(p, o.schemas[v]) },
		func(in *input) []*Finding { return b.compare(in, &counts) })
	return counts, findings
}

// compare judges an input twice.
func (b *bundle) compare(in *input, counts *Counts) []*Finding {
	p := b.policy
	if len(p.rules) == 0 {
		return nil
	}
	want, err := p.judge(in, styles[0])
	if err != nil {
		counts.Exempt += len(p.rules)
		return nil
	}
	quoted, _ := p.judge(in, styles[1])
	got, err := b.run(in)
	if err == nil && got.err != nil && exempt(got.err) {
		counts.Exempt += len(p.rules)
		return nil
	}
	if err == nil {
		err = got.err
	}
	if denied := p.enforce == "deny" && len(want) > 0; err == nil && denied != got.denied && (len(want) > 0) == (len(got.messages) > 0) {
		err = fmt.Errorf("denied: %t", got.denied)
	}
	if err != nil {
		counts.Errors++
		return []*Finding{{Source: "all rules", Input: in, Got: err.Error(), failed: true, policy: p}}
	}
	var findings []*Finding
	for _, r := range p.rules {
		counts.Evaluations++
		if len(want[r.Name]) > 0 {
			counts.Violations++
		}
		if have := got.messages[r.Name]; b.agree(r, want[r.Name], have) || slices.EqualFunc(quoted[r.Name], have, sameText) {
			continue
		}
		counts.Mismatches++
		findings = append(findings, &Finding{Source: r.source(), Code: b.code(r.Name), Input: in, Want: fmt.Sprintf("%q", want[r.Name]),
			Got: fmt.Sprintf("%q", got.messages[r.Name]), policy: p.without(func(o *rule) bool { return o != r })})
	}
	return findings
}

// agree compares messages. Where an object must exist and there is none, the
// API server says so in its own words.
func (b *bundle) agree(r *rule, want, got []string) bool {
	if slices.Equal(want, got) {
		return true
	}
	p := b.programs[r.Name]
	return p.Pushed != nil && p.Pushed.Required && len(want) == 1 && len(got) == 1 && got[0] == missing
}

// judge returns the messages of the rules in a request, by name.
func (p *policy) judge(in *input, t style) (map[string][]string, error) {
	s, err := p.scope(in)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	applies, err := p.applies(in, s)
	for _, r := range p.rules {
		messages, err := p.expected(r, in, s, t)
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			out[r.Name] = append(out[r.Name], m[len("["+r.Name+"] "):])
		}
	}
	if !applies {
		return map[string][]string{}, err
	}
	return out, err
}

// missing is what an API server says where the parameter of a policy is not there.
const missing = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
