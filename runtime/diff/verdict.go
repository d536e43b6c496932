package diff

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/policyc/policyc/runtime/engine"
)

// Item is one request of a corpus.
type Item struct {
	// Name tells people which it is: `pods.yaml#Pod/default/a`, `test/case`.
	Name    string
	Request *engine.Request
	// Policies are those that the item is about; none means all.
	Policies []string
}

// Judge gives the verdict of one side on an item. It is called for several
// items at a time.
type Judge func(context.Context, Item) (Verdict, error)

// Action is what a finding does to a request.
type Action string

// The actions, worst first.
const (
	Deny  Action = "deny"
	Warn  Action = "warn"
	Audit Action = "audit"
)

var actionOrder = []Action{Deny, Warn, Audit}

// Finding is what one policy has to say about a request.
type Finding struct {
	Action Action `json:"action"`
	Policy string `json:"policy"`
	// Rules are the violated ones; empty when the policy failed.
	Rules   []string `json:"rules"`
	Message string   `json:"message,omitempty"`
}

// Verdict is all that a side has to say about a request. One without findings
// is admission.
type Verdict struct {
	Findings []Finding `json:"findings"`
}

// Outcome is the verdict in one word: denied, warned, audited or admitted.
func (v Verdict) Outcome() string {
	words := map[Action]string{Deny: "denied", Warn: "warned", Audit: "audited"}
	for _, a := range actionOrder {
		if slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Action == a }) {
			return words[a]
		}
	}
	return "admitted"
}

// Group says which way a verdict changed.
type Group string

// The groups, in the order in which they are told.
const (
	NewlyDenied    Group = "newly denied"
	NoLongerDenied Group = "no longer denied"
	Other          Group = "other"
)

// Groups are all groups in their order.
var Groups = []Group{NewlyDenied, NoLongerDenied, Other}

// VerdictChange is an object about which the sides do not agree.
type VerdictChange struct {
	Group Group   `json:"group"`
	Item  string  `json:"item"`
	Old   Verdict `json:"old"`
	New   Verdict `json:"new"`
}

// Verdicts is what became of the verdicts on a corpus.
type Verdicts struct {
	// What the items are: object, or test case.
	What string `json:"what"`
	// Compared is how many items have a verdict of both sides.
	Compared int `json:"compared"`
	// Changes are sorted by group and item.
	Changes []VerdictChange `json:"changes"`
	// Failures are items without a verdict, with the reason: nothing is
	// known about them.
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is an item that a side could not judge.
type Failure struct {
	Item  string `json:"item"`
	Error string `json:"error"`
}

// Count returns how many changes there are of a group.
func (v *Verdicts) Count(g Group) int {
	n := 0
	for _, c := range v.Changes {
		if c.Group == g {
			n++
		}
	}
	return n
}

// CompareVerdicts has both sides judge every item. A rule that was only
// renamed changes no verdict, nor does another message.
func CompareVerdicts(ctx context.Context, items []Item, old, now Judge, rules []RuleChange) *Verdicts {
	outcomes := make([]outcome, len(items))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range items {
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wait.Done() }()
			outcomes[i] = judge(ctx, withFormerPolicies(items[i], rules), old, now)
		}()
	}
	wait.Wait()
	v := &Verdicts{Changes: []VerdictChange{}}
	former := formerNames(rules)
	for i, o := range outcomes {
		if o.err != nil {
			v.Fail(items[i].Name, o.err.Error())
			continue
		}
		v.Compared++
		if o.old.key(former) != o.now.key(nil) {
			v.Changes = append(v.Changes, VerdictChange{group(o.old, o.now), items[i].Name, o.old, o.now})
		}
	}
	slices.SortStableFunc(v.Changes, func(a, b VerdictChange) int {
		return cmp.Or(slices.Index(Groups, a.Group)-slices.Index(Groups, b.Group), cmp.Compare(a.Item, b.Item))
	})
	return v
}

// Fail adds an item that has no verdict.
func (v *Verdicts) Fail(item, why string) {
	f := Failure{item, why}
	i, found := slices.BinarySearchFunc(v.Failures, f, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Error, b.Error))
	})
	if !found {
		v.Failures = slices.Insert(v.Failures, i, f)
	}
}

type outcome struct {
	old, now Verdict
	err      error
}

func judge(ctx context.Context, item Item, old, now Judge) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o.err = fmt.Errorf("evaluating it failed: %v", p)
		}
	}()
	if o.old, o.err = old(ctx, item); o.err != nil {
		return o
	}
	o.now, o.err = now(ctx, item)
	o.old.sort()
	o.now.sort()
	return o
}

func (v *Verdict) sort() {
	if v.Findings == nil {
		v.Findings = []Finding{} // [] in JSON
	}
	slices.SortStableFunc(v.Findings, func(a, b Finding) int {
		return cmp.Or(slices.Index(actionOrder, a.Action)-slices.Index(actionOrder, b.Action), cmp.Compare(a.Policy, b.Policy),
			slices.Compare(a.Rules, b.Rules), cmp.Compare(a.Message, b.Message))
	})
}

// key is equal for verdicts that do the same to a request, for the same rules.
// The names of rules are replaced first.
func (v Verdict) key(names map[string]string) string {
	var all []string
	for _, f := range v.Findings {
		if len(f.Rules) == 0 {
			all = append(all, string(f.Action)+" "+f.Policy)
		}
		for _, r := range f.Rules {
			name := f.Policy + "/" + r
			all = append(all, string(f.Action)+" "+cmp.Or(names[name], name))
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

// withFormerPolicies adds what the policies of an item are called on the
// other side.
func withFormerPolicies(item Item, rules []RuleChange) Item {
	all := slices.Clone(item.Policies)
	for _, c := range rules {
		switch {
		case c.Kind != Renamed:
		case slices.Contains(item.Policies, c.Policy):
			all = append(all, c.OldPolicy)
		case slices.Contains(item.Policies, c.OldPolicy):
			all = append(all, c.Policy)
		}
	}
	item.Policies = all
	return item
}

// formerNames maps the old name of each renamed rule to the new one.
func formerNames(rules []RuleChange) map[string]string {
	names := map[string]string{}
	for _, c := range rules {
		if c.Kind == Renamed {
			names[c.OldPolicy+"/"+c.OldRule] = c.Policy + "/" + c.Rule
		}
	}
	return names
}

func group(old, now Verdict) Group {
	was, is := old.Outcome() == "denied", now.Outcome() == "denied"
	switch {
	case is && !was:
		return NewlyDenied
	case was && !is:
		return NoLongerDenied
	}
	return Other
}
