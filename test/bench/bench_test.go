// Package bench measures the compiler on generated policies: throughput,
// memory, and how both grow.
//
//	go test -run '^$' -bench . -benchtime 1x ./test/bench
package bench

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/syntax"
)

// generate returns n policies that differ in kinds, rules, forEach,
// parameters, environments and messages, ten to a file.
func generate(n int) []syntax.Input {
	var inputs []syntax.Input
	var b bytes.Buffer
	for i := range n {
		if i%10 != 0 {
			b.WriteString("---\n")
		}
		writePolicy(&b, i)
		if i%10 == 9 || i == n-1 {
			inputs = append(inputs, syntax.Input{Path: fmt.Sprintf("policies/p%05d.yaml", i/10), Data: bytes.Clone(b.Bytes())})
			b.Reset()
		}
	}
	return inputs
}

// matches are the kinds of policies, and the path of a list of containers.
var matches = []struct{ kinds, containers, labels string }{
	{"[Workload]", "containers", "pod.metadata.labels"},
	{"[Pod]", "object.spec.containers", "object.metadata.labels"},
	{"[Deployment, StatefulSet, DaemonSet]", "object.spec.template.spec.containers", "object.spec.template.metadata.labels"},
	{"[CronJob]", "object.spec.jobTemplate.spec.template.spec.containers", "object.metadata.labels"},
	{"[Workload]", "pod.spec.containers + pod.spec.initContainers", "object.metadata.labels"},
}

// rules are bodies of rules, in which %[1]s is the list of containers,
// %[2]s the labels and %[3]d a number.
var rules = []string{`
    forEach: container in %[1]s
    require: container.image.startsWith('registry-%[3]d.company.com/')
    message: "container ${container.name}: image ${container.image} is not from registry %[3]d"
`, `
    forEach: c in %[1]s
    when: c.name != 'proxy-%[3]d'
    deny: c.securityContext.privileged || c.securityContext.allowPrivilegeEscalation
    message: "container ${c.name} is privileged"
`, `
    require: "'team-%[3]d' in %[2]s && %[2]s['owner'].matches('^[a-z]{1,%[3]d}$')"
    message: "no team in ${%[2]s}"
`, `
    forEach: c in %[1]s
    require: c.resources.limits.memory <= '%[3]dGi'
    message: "container ${c.name} has the limit ${c.resources.limits.memory}"
`, `
    forEach: c in %[1]s
    deny: c.ports.exists(p, p.hostPort > %[3]d) || c.env.exists(e, e.name.startsWith('SECRET_%[3]d'))
`, `
    require: "%[2]s['app.kubernetes.io/name'] in params.names && size(params.names) < params.most"
    message: "name ${%[2]s['app.kubernetes.io/name']} is none of ${params.names}"
`, `
    forEach: c in %[1]s
    require: has(image(c.image).digest)
    message: "container ${c.name}: image ${c.image} has no digest"
`}

func writePolicy(b *bytes.Buffer, i int) {
	m := matches[i%len(matches)]
	fmt.Fprintf(b, `apiVersion: policyc.dev/v1alpha1
kind: Policy
metadata:
  name: policy-%05d
spec:
  title: Generated policy %d
  severity: medium
  match:
    kinds: %s
  exclude:
    namespaces: [system-%d]
  parameters:
    names: {type: list(string), default: [a, b, c-%d]}
    most: {type: int, default: %d}
  rules:
`, i, i, m.kinds, i%7, i, i%13)
	for r := range 1 + i%3 {
		body := rules[(i/3+r)%len(rules)]
		fmt.Fprintf(b, "  - name: rule-%d\n    absent: ok", r)
		fmt.Fprintf(b, body, m.containers, m.labels, 1+i%997)
	}
	if i%4 == 0 {
		fmt.Fprintf(b, "  enforce:\n  - {name: production, namespaces: [production], action: deny, parameters: {most: %d}}\n"+
			"  - {name: staging, namespaceLabels: {env: staging}, action: [warn, audit]}\n", i)
		return
	}
	b.WriteString("  enforce: deny\n")
}

// compile compiles the policies, and fails when one is not right.
func compile(tb testing.TB, inputs []syntax.Input) *compiler.Result {
	tb.Helper()
	r := diag.NewReport()
	result := compiler.Compile(inputs, compiler.Options{Now: time.Unix(0, 0)}, r)
	if r.HasErrors() {
		var text bytes.Buffer
		_ = diag.WriteText(&text, r.Sorted()[:1], false)
		tb.Fatal(text.String())
	}
	return result
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			inputs := generate(n)
			compile(b, inputs[:1]) // reads the schemas
			runtime.GC()
			peak := watchHeap()
			b.ResetTimer()
			for range b.N {
				compile(b, inputs)
			}
			b.StopTimer()
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "policies/s")
			b.ReportMetric(float64(peak())/(1<<20), "peak-heap-MiB")
			b.ReportMetric(float64(residentPeak())/(1<<20), "peak-RSS-MiB")
		})
	}
}

// watchHeap samples the heap until the function that it returns is called,
// which returns the largest size seen.
func watchHeap() (peak func() uint64) {
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		largest := uint64(0)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			largest = max(largest, m.HeapInuse)
			select {
			case <-stop:
				done <- largest
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// TestGrowth asserts that twice the policies cost about twice the work,
// counted in allocations, which do not depend on the machine.
func TestGrowth(t *testing.T) {
	compile(t, generate(10))
	allocations := func(n int) float64 {
		inputs := generate(n)
		return testing.AllocsPerRun(1, func() { compile(t, inputs) })
	}
	small, large := allocations(50), allocations(200)
	if ratio := large / small; ratio > 4.8 {
		t.Errorf("4 times the policies need %.1f times the allocations", ratio)
	}
}

// TestGenerated asserts that the generator varies what it writes: otherwise
// the benchmark would measure a cache.
func TestGenerated(t *testing.T) {
	result := compile(t, generate(100))
	texts := map[string]bool{}
	for _, p := range result.Programs {
		for _, v := range p.Variables {
			texts[v.Code.String()] = true
		}
	}
	if len(texts) < 100 {
		t.Errorf("%d different expressions in 100 policies", len(texts))
	}
}
