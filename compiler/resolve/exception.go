package resolve

import (
	"slices"
	"strings"
	"time"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

// Exception is an exception as it bears on one policy.
type Exception struct {
	*syntax.Exception
	Match *Match
	// Rules are the rules it lifts; empty means the whole policy.
	Rules []string
}

func (p *Project) resolveExceptions(docs *syntax.Documents, o Options, r *diag.Report) {
	for _, d := range docs.Exceptions {
		if d.Broken {
			continue
		}
		if expired(d, o.Now) {
			if !o.AllowExpired {
				r.Errorf(diag.ExpiredException, d.Expires.Span, "the exception `%s` expired on %s", d.Name.Value, d.Expires.Value).
					Helpf("remove it, or renew it; `--allow-expired` builds without it")
			} else {
				r.Warnf(diag.ExpiredException, d.Expires.Span, "the exception `%s` expired on %s and is left out", d.Name.Value, d.Expires.Value)
			}
			continue
		}
		p.resolveException(docs, d, r)
	}
}

// expired reports whether the last day of an exception has passed, in UTC.
func expired(d *syntax.Exception, now time.Time) bool {
	if d.Expires.IsZero() {
		return false
	}
	last, err := time.Parse(time.DateOnly, d.Expires.Value)
	return err == nil && !now.UTC().Before(last.AddDate(0, 0, 1))
}

func (p *Project) resolveException(docs *syntax.Documents, d *syntax.Exception, r *diag.Report) {
	var m *Match
	if d.Match != nil {
		if m = p.resolveMatch(d.Match, matchOptions{exclude: true}, r); m == nil {
			return
		}
	}
	byPolicy := map[string]*Exception{}
	whole := map[string]bool{}
	for _, ref := range d.Policies {
		name, rule, hasRule := strings.Cut(ref.Value, "/")
		i := slices.IndexFunc(docs.Policies, func(c *syntax.Policy) bool { return c.Name.Value == name })
		if i < 0 {
			var names []string
			for _, c := range docs.Policies {
				names = append(names, c.Name.Value)
			}
			diagnostic := r.Errorf(diag.UnknownReference, ref.Span, "no policy `%s`", name)
			if s, ok := diag.Suggest(name, names); ok {
				diagnostic.Helpf("did you mean `%s`?", s)
			}
			continue
		}
		if hasRule && !slices.ContainsFunc(docs.Policies[i].Rules, func(c *syntax.Rule) bool { return c.Name.Value == rule }) {
			var names []string
			for _, c := range docs.Policies[i].Rules {
				names = append(names, c.Name.Value)
			}
			diagnostic := r.Errorf(diag.UnknownReference, ref.Span, "policy `%s` has no rule `%s`", name, rule)
			if s, ok := diag.Suggest(rule, names); ok {
				diagnostic.Helpf("did you mean `%s/%s`?", name, s)
			}
			continue
		}
		e, ok := byPolicy[name]
		if !ok {
			e = &Exception{Exception: d, Match: m}
			byPolicy[name] = e
			if j := slices.IndexFunc(p.Policies, func(c *Policy) bool { return c.Name.Value == name }); j >= 0 {
				p.checkExceptionKinds(e, p.Policies[j], r)
				p.Policies[j].Exceptions = append(p.Policies[j].Exceptions, e)
			}
		}
		// The whole policy is more than some of its rules, whatever comes first.
		whole[name] = whole[name] || !hasRule
		if e.Rules = append(e.Rules, rule); whole[name] {
			e.Rules = nil
		}
	}
}

// checkExceptionKinds reports an exception for kinds that its policy does not
// match: it would never do anything.
func (p *Project) checkExceptionKinds(e *Exception, policy *Policy, r *diag.Report) {
	if e.Match == nil {
		return
	}
	p.checkLabels(policy.Match, e.Match, r)
	if len(e.Match.Kinds) == 0 || policy.Match.Any {
		return
	}
	for _, k := range e.Match.Kinds {
		for _, matched := range policy.Match.Kinds {
			if k.ResourceGroup == matched.ResourceGroup && k.Resource == matched.Resource {
				return
			}
		}
	}
	r.Errorf(diag.InvalidMatch, e.Match.Span, "policy `%s` matches none of the kinds of this exception", policy.Name.Value)
}
