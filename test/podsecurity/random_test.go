package podsecurity

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/policy"
)

// number reads a setting from the environment.
func number(t *testing.T, name string, standard uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// tally counts what random pods reached.
type tally struct {
	pods, baseline, restricted, refused, updates, unchanged int
	// evaluations are by kind.
	evaluations map[string]int
	violated    map[policy.CheckID]int
	// rules are ours, by evaluation.
	rules map[string]int
	// differences are the first of them, differing the number of all.
	differences []string
	differing   int
}

func newTally() *tally {
	return &tally{evaluations: map[string]int{}, violated: map[policy.CheckID]int{}, rules: map[string]int{}}
}

// shareSize is the number of pods that come of one seed, so that the pods are
// the same however many processors share the work.
const shareSize = 500

// TestRandomPods compares pods that were made at random of the fixtures: as
// pods, and as one of the other kinds.
func TestRandomPods(t *testing.T) {
	o := loadOracle(t)
	_, fixtures, err := readFixtures()
	if err != nil {
		t.Fatal(err)
	}
	all := seeds(fixtures)
	shares := (number(t, "PODSECURITY_PODS", 5000) + shareSize - 1) / shareSize
	seed := number(t, "PODSECURITY_SEED", 1)

	var next atomic.Uint64
	var wait sync.WaitGroup
	total := newTally()
	var guard sync.Mutex
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for share := next.Add(1); share <= shares; share = next.Add(1) {
				own := o.share(rand.New(rand.NewPCG(seed, share)), all)
				guard.Lock()
				total.add(own)
				guard.Unlock()
			}
		})
	}
	wait.Wait()
	t.Logf("seed %d: %s", seed, total)
	for _, d := range total.differences {
		t.Error(d)
	}
	total.check(t, o)
}

// share compares the pods of one seed.
func (o *oracle) share(r *rand.Rand, seeds []*corev1.Pod) *tally {
	own := newTally()
	m := mutator{r}
	for range shareSize {
		seed := seeds[r.IntN(len(seeds))]
		pod := m.pod(seed)
		own.pod(o.upstream.evaluate(pod), refused(pod) != "")
		for _, w := range []*workload{&pods, &workloads[r.IntN(len(workloads))]} {
			trial := trial{pod: pod, workload: w}
			switch r.IntN(8) {
			case 0:
				trial.old, trial.subresource = seed, w.subresource(r)
			case 1:
				trial.old = pod.DeepCopy()
				m.annotation(trial.old)
			}
			difference, rules := o.compare(trial)
			own.trial(trial, rules)
			if difference != "" {
				if own.differing++; len(own.differences) < 3 {
					own.differences = append(own.differences, o.explain(trial))
				}
			}
		}
	}
	return own
}

func (t *tally) pod(v verdict, refused bool) {
	t.pods++
	t.baseline += count(v.baseline)
	t.restricted += count(v.restricted)
	t.refused += count(refused)
	for check := range v.violated {
		t.violated[check]++
	}
}

func (t *tally) trial(trial trial, rules []string) {
	for _, rule := range rules {
		t.rules[rule]++
	}
	t.evaluations[trial.workload.kind.Kind]++
	t.updates += count(trial.old != nil)
	spec, _, _ := trial.unchanged()
	t.unchanged += count(spec)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (t *tally) add(o *tally) {
	t.pods += o.pods
	t.baseline += o.baseline
	t.restricted += o.restricted
	t.refused += o.refused
	t.updates += o.updates
	t.unchanged += o.unchanged
	t.differing += o.differing
	if len(t.differences) < 3 {
		t.differences = append(t.differences, o.differences...)
	}
	for kind, n := range o.evaluations {
		t.evaluations[kind] += n
	}
	for rule, n := range o.rules {
		t.rules[rule] += n
	}
	for check, n := range o.violated {
		t.violated[check] += n
	}
}

// check asserts that the pods reached both sides of everything: a comparison
// of pods that violate nothing, or all, would prove nothing.
func (t *tally) check(test *testing.T, o *oracle) {
	least := t.pods / 100
	reached := func(what string, n int) {
		if n < least || t.pods-n < least {
			test.Errorf("%s: %d of %d pods, which is too few, or too many, to prove anything", what, n, t.pods)
		}
	}
	reached("allowed at level baseline", t.baseline)
	reached("allowed at level restricted", t.restricted)
	for _, c := range o.upstream.checks {
		reached("violated "+string(c.ID), t.violated[c.ID])
	}
	for rule := range o.checks {
		if t.rules[rule] < least {
			test.Errorf("rule %s: violated by %d of %d pods", rule, t.rules[rule], t.pods)
		}
	}
	for _, w := range workloads {
		if n := t.evaluations[w.kind.Kind]; n < t.pods/20 {
			test.Errorf("only %d of %d pods were a %s", n, t.pods, w.kind.Kind)
		}
	}
	if t.updates < least || t.unchanged < least {
		test.Errorf("only %d updates, %d of them with the same spec", t.updates, t.unchanged)
	}
}

// String is the summary that `make podsecurity` prints.
func (t *tally) String() string {
	lines := []string{fmt.Sprintf("%d pods, %d differences", t.pods, t.differing),
		fmt.Sprintf("  upstream allows %d at baseline, %d at restricted; the API server itself would refuse %d", t.baseline, t.restricted, t.refused)}
	kinds, sum := []string{}, 0
	for kind, n := range t.evaluations {
		kinds, sum = append(kinds, fmt.Sprintf("%s %d", kind, n)), sum+n
	}
	slices.Sort(kinds)
	lines = append(lines, fmt.Sprintf("  %d evaluations of both policies, %d of them updates, %d with the same spec: %s", sum, t.updates, t.unchanged,
		strings.Join(kinds, ", ")))
	var checks []string
	for check, n := range t.violated {
		checks = append(checks, fmt.Sprintf("%s %d", check, n))
	}
	slices.Sort(checks)
	return strings.Join(append(lines, "  violated: "+strings.Join(checks, ", ")), "\n")
}
