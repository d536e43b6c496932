package oracle

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand"
	"regexp"
	"slices"

	"github.com/policyc/policyc/compiler/schema"
	"github.com/policyc/policyc/compiler/target"
	"github.com/policyc/policyc/compiler/types"
)

//go:embed testdata/crds.yaml
var crds []byte

// Counts says how much was compared.
type Counts struct {
	Seeds, Expressions, Rejected, Compilations, Evaluations, Exempt, Mismatches, Errors int
	// Webhook and Pushed are the compiled rules with lookups, by what makes them:
	// the webhook, or the API server. Violations are the evaluations of policies
	// with lookups in which a rule was violated.
	Webhook, Pushed, Violations int
}

// Add adds other counts.
func (c *Counts) Add(o Counts) {
	c.Seeds += o.Seeds
	c.Expressions += o.Expressions
	c.Rejected += o.Rejected
	c.Compilations += o.Compilations
	c.Evaluations += o.Evaluations
	c.Exempt += o.Exempt
	c.Mismatches += o.Mismatches
	c.Errors += o.Errors
	c.Webhook += o.Webhook
	c.Pushed += o.Pushed
	c.Violations += o.Violations
}

// String is the summary that `make fuzz` ends with.
func (c Counts) String() string {
	return fmt.Sprintf("seeds %d, expressions %d (not well-typed: %d), compilations %d (with lookups of the webhook: %d, of the API server: %d), "+
		"evaluations %d (overflow or cost: %d), mismatches %d, errors %d",
		c.Seeds, c.Expressions, c.Rejected, c.Compilations, c.Webhook, c.Pushed, c.Evaluations, c.Exempt, c.Mismatches, c.Errors)
}

// Size is how much a seed stands for: rules of a policy, targets that it is
// compiled for, objects that each judges, and how deep expressions are.
type Size struct{ Rules, Targets, Objects, Depth int }

// Oracle compares compiled policies with the interpreter.
type Oracle struct {
	Size Size
	// Targets are the versions to compile for.
	Targets []target.Version
	// Rejected is told what the checker does not take, when it is set.
	Rejected func(rejection)
	schemas  map[target.Version]*schema.Set
	since    features
}

// New prepares the schemas of the targets.
func New(size Size, targets ...target.Version) (*Oracle, error) {
	o := &Oracle{Size: size, Targets: targets, schemas: map[target.Version]*schema.Set{}, since: newFeatures()}
	for _, v := range targets {
		s, err := schema.Load(int(v))
		if err != nil {
			return nil, err
		}
		if err := s.AddCRDs("crds.yaml", crds); err != nil {
			return nil, err
		}
		o.schemas[v] = s
	}
	return o, nil
}

// Finding is one disagreement.
type Finding struct {
	Seed   int64
	Target target.Version
	// Source is the rule as policy CEL, Code what it was compiled to.
	Source, Code string
	Input        *input
	Want, Got    string
	// error says that the compiled rule could not be judged at all.
	failed bool
	policy *policy
}

// String shows a finding as a person reads it.
func (f *Finding) String() string {
	in, _ := json.Marshal(f.Input)
	return fmt.Sprintf("seed %d, Kubernetes %s\n  policy:   %s\n  compiled: %s\n  request:  %s\n  expected: %s\n  got:      %s\n",
		f.Seed, f.Target, f.Source, f.Code, in, f.Want, f.Got)
}

// Check compares what a seed stands for. It returns one finding a rule at most.
func (o *Oracle) Check(seed int64) (Counts, []*Finding) {
	random := rand.New(rand.NewSource(seed))
	counts := Counts{Seeds: 1}
	lowest := o.Targets[random.Intn(len(o.Targets))]
	if random.Intn(2) == 0 {
		lowest = o.Targets[0]
	}
	p, err := o.policy(random, lowest)
	if err != nil {
		return counts, []*Finding{{Seed: seed, Target: lowest, Got: err.Error(), failed: true}}
	}
	counts.Expressions = len(p.rules)
	var findings []*Finding
	for _, v := range o.choose(random, lowest) {
		c, found := o.checkTarget(seed, p, v)
		counts.Add(c)
		for _, f := range found {
			if !slices.ContainsFunc(findings, func(g *Finding) bool { return g.Source == f.Source }) {
				findings = append(findings, f)
			}
		}
	}
	return counts, findings
}

// choose takes the targets of a seed: the lowest, and some of those after it.
func (o *Oracle) choose(random *rand.Rand, lowest target.Version) []target.Version {
	later := slices.DeleteFunc(slices.Clone(o.Targets), func(v target.Version) bool { return v <= lowest })
	random.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
	return append([]target.Version{lowest}, later[:min(len(later), o.Size.Targets-1)]...)
}

// checkTarget compares on one target.
func (o *Oracle) checkTarget(seed int64, p *policy, v target.Version) (Counts, []*Finding) {
	prog, rejected, err := build(p, v)
	counts := o.rejected(rejected)
	if err != nil {
		counts.Errors++
		return counts, []*Finding{o.isolate(&Finding{Seed: seed, Target: v, Got: err.Error(), failed: true, policy: p})}
	}
	counts.Compilations = len(prog.rules)
	root, err := p.world.root(o.schemas[v])
	if err != nil {
		return counts, []*Finding{{Seed: seed, Target: v, Got: err.Error(), failed: true}}
	}
	findings := o.onObjects(seed, v, p, func(objects *objects) (*input, error) {
		in := objects.input(root)
		return in, in.settle()
	}, func(in *input) []*Finding { return prog.compare(in, &counts) })
	return counts, findings
}

// rejected counts what the compiler rejected.
func (o *Oracle) rejected(rejected []rejection) Counts {
	for _, r := range rejected {
		if o.Rejected != nil {
			o.Rejected(r)
		}
	}
	return Counts{Rejected: len(rejected)}
}

// onObjects compares on random inputs, and returns the first finding of each rule.
func (o *Oracle) onObjects(seed int64, v target.Version, p *policy, next func(*objects) (*input, error), compare func(*input) []*Finding) []*Finding {
	objects := &objects{Rand: rand.New(rand.NewSource(seed ^ int64(v)<<32)), world: p.world}
	var findings []*Finding
	found := map[*rule]bool{}
	for range o.Size.Objects {
		in, err := next(objects)
		if err != nil {
			return append(findings, &Finding{Seed: seed, Target: v, Input: in, Got: err.Error(), failed: true})
		}
		for _, f := range compare(in) {
			if f.Seed, f.Target = seed, v; !found[f.policy.rules[0]] {
				found[f.policy.rules[0]] = true
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// compare judges an input twice.
func (prog *program) compare(in *input, counts *Counts) []*Finding {
	p := prog.policy
	if len(prog.rules) == 0 {
		return nil
	}
	s, err := p.scope(in)
	if err != nil {
		counts.Exempt += len(prog.rules)
		return nil
	}
	outcomes, err := prog.run(in)
	if err != nil {
		counts.Errors++
		return []*Finding{{Input: in, Got: err.Error(), failed: true, policy: p}}
	}
	var findings []*Finding
	var all []string
	sure := true
	for i, r := range prog.rules {
		counts.Evaluations++
		got := outcomes[i]
		want, err := p.expected(r, in, s, styles[0])
		if quoted, _ := p.expected(r, in, s, styles[1]); slices.EqualFunc(quoted, got.messages, sameText) {
			want = got.messages
		}
		all = append(all, want...)
		switch {
		case err != nil, got.err != nil && exempt(got.err):
			counts.Exempt++
			sure = false
			continue
		case got.err == nil && slices.Equal(want, got.messages):
			continue
		case got.err != nil:
			counts.Errors++
		default:
			counts.Mismatches++
		}
		f := &Finding{Source: r.source(), Code: prog.code[i], Input: in, Want: fmt.Sprintf("%q", want), Got: fmt.Sprintf("%q", got.messages),
			failed: got.err != nil, policy: p.without(func(o *rule) bool { return o != r })}
		if got.err != nil {
			f.Got = got.err.Error()
		}
		findings = append(findings, f)
	}
	if sure && len(findings) == 0 {
		findings = compareWhole(p, in, s, all, outcomes[len(prog.rules)], counts)
	}
	return findings
}

// compareWhole judges what the API server would tell of all rules together.
func compareWhole(p *policy, in *input, s *scope, all []string, got outcome, counts *Counts) []*Finding {
	applies, err := p.applies(in, s)
	switch counts.Evaluations++; {
	case err != nil, got.err != nil && exempt(got.err):
		counts.Exempt++
		return nil
	case !applies:
		all = nil
	}
	if got.err == nil && slices.Equal(all, got.messages) {
		return nil
	}
	f := &Finding{Source: "all rules", Code: "variables.violations", Input: in, Want: fmt.Sprintf("%q", all), Got: fmt.Sprintf("%q", got.messages),
		failed: got.err != nil, policy: p}
	if counts.Mismatches++; got.err != nil {
		f.Got = got.err.Error()
	}
	return []*Finding{f}
}

// zeros are those that older servers write behind the point of a double.
var zeros = regexp.MustCompile(`\.(\d*?)0+(\D|$)`)

// sameText compares messages of older servers: a number that a CRD calls a double
// is written without a point where JSON had none.
func sameText(a, b string) bool {
	return zeros.ReplaceAllString(a, "$1$2") == zeros.ReplaceAllString(b, "$1$2")
}

// policy makes a random policy that every target from lowest on understands.
func (o *Oracle) policy(random *rand.Rand, lowest target.Version) (*policy, error) {
	w, err := newWorld(random, o.schemas[lowest], lowest)
	if err != nil {
		return nil, err
	}
	g := &generator{Rand: random, world: w, names: w.names}
	p := &policy{world: w}
	for i := range random.Intn(3) {
		f := g.function(fmt.Sprintf("shared%d", i))
		for o.since.of(f.Body) > lowest {
			f = g.function(f.Name)
		}
		p.functions = append(p.functions, f)
		g.functions = p.functions
	}
	for i := range random.Intn(3) {
		v := &variable{Name: fmt.Sprintf("v%d", i)}
		v.Value = o.known(lowest, func() *Expr { return g.any(2) })
		p.variables = append(p.variables, v)
		g.names = append(g.names, binding{name: "variables." + v.Name, typ: v.Value.Type})
	}
	for i := range o.Size.Rules {
		p.rules = append(p.rules, o.rule(g, lowest, fmt.Sprintf("r%d", i)))
	}
	p.conditional(random, func() *Expr { return o.known(lowest, func() *Expr { return g.condition(2) }) })
	p.parameterObject = random.Intn(4) == 0
	return p, nil
}

// rule makes a random rule.
func (o *Oracle) rule(g *generator, lowest target.Version, name string) *rule {
	depth := func() int { return 1 + g.Intn(o.Size.Depth) }
	r := &rule{Name: name, Deny: g.Intn(2) == 0}
	outer := len(g.names)
	defer func() { g.names = g.names[:outer] }()
	if g.Intn(4) == 0 {
		r.Variable = g.localName()
		r.List = o.known(lowest, func() *Expr { return g.anyList(1) })
		g.names = append(g.names, binding{name: r.Variable, typ: r.List.Type.Elem}, binding{name: r.Variable, typ: r.List.Type.Elem})
	}
	if g.Intn(5) == 0 {
		r.When = o.known(lowest, func() *Expr { return g.condition(depth()) })
	}
	r.Ratchet = g.Intn(8) == 0
	r.Condition = o.known(lowest, func() *Expr { return g.condition(depth()) })
	for range 1 + g.Intn(2) {
		r.Message = append(r.Message, o.known(lowest, func() *Expr {
			for {
				if e := g.any(depth()); printable(e.Type) {
					return e
				}
			}
		}))
	}
	if g.Intn(3) == 0 {
		// What is asked is the value in the message.
		r.Deny, r.Condition = true, lit(true, types.BoolType)
	}
	return r
}

// known makes expressions until the target has all that one uses.
func (o *Oracle) known(lowest target.Version, make func() *Expr) *Expr {
	for {
		if e := make(); o.since.of(e) <= lowest {
			return e
		}
	}
}
