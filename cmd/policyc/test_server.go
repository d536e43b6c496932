package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/policyc/policyc/runtime/cases"
	"github.com/policyc/policyc/runtime/remote"
	"github.com/policyc/policyc/runtime/suite"
)

// serverFlags say on which server cases are compared.
type serverFlags struct {
	server, disposable      bool
	kubeconfig, kubeContext string
}

func (f *serverFlags) register(c *cobra.Command) {
	c.Flags().BoolVar(&f.server, "server", false, "also send the cases to the cluster of the kubeconfig, as dry runs, and compare its verdicts")
	c.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "file to use for --server (default: as kubectl)")
	c.Flags().StringVar(&f.kubeContext, "context", "", "context of the kubeconfig to use for --server")
	c.Flags().BoolVar(&f.disposable, "disposable", false, "with --server: the cluster is for tests alone, so that objects of every kind may be stored for a moment")
}

// config is the client configuration that kubectl would use.
func (f *serverFlags) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: f.kubeContext}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	return config, nil
}

// compareServer sends cases to the server. An error in cleaning up is told, and
// leaves the results as they are.
func (t *tester) compareServer(ctx context.Context, s *suite.Suite, list []*cases.Case) ([]remote.Result, error) {
	config, err := t.config()
	if err != nil {
		return nil, err
	}
	progress := newProgress(t.stdio.Err)
	results, err := remote.Run(ctx, config, s, list, remote.Options{Disposable: t.disposable,
		Progress: func(done, total int, _ *remote.Result) {
			progress.show("%d of %d cases sent to the server", done, total)
		}})
	progress.clear()
	if err != nil && results != nil {
		fmt.Fprintf(t.stdio.Err, "policyc: cleaning up: %v\n", err)
		return results, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	return results, nil
}

// serverFailed reports whether the server's result is a failure. None is a case
// that cannot be sent, or whose object this server refuses whatever the policies
// say: there is no verdict that could differ.
func serverFailed(r *remote.Result) bool {
	return len(r.Differences) > 0 || r.Outcome == remote.Blocked
}

// serverLines say what came of a case on the server: in a word, and in lines.
func serverLines(r *remote.Result) (word string, lines []string) {
	switch {
	case r.Outcome != remote.Compared:
		word = string(r.Outcome)
		lines = append(lines, r.Why)
	case len(r.Differences) > 0:
		word = "differs"
		for _, d := range r.Differences {
			lines = append(lines, d.Text)
		}
	default:
		word = "equal"
	}
	if r.Foreign != "" {
		lines = append(lines, "also refused by "+r.Foreign)
	}
	return word, lines
}

// server prints what came of cases on the server, those that agree left out,
// and a summary with the reasons of those that could not be sent.
func (p *testPrinter) server(results []remote.Result) {
	count := map[string]int{}
	skipped := map[string]int{}
	for i := range results {
		r := &results[i]
		word, lines := serverLines(r)
		count[word]++
		if r.Outcome == remote.Skipped {
			// Details of one case stand behind a colon, those of a policy hold for all.
			reason, _, _ := strings.Cut(r.Why, ": ")
			if strings.HasPrefix(r.Why, "policy ") {
				reason = r.Why
			}
			skipped[reason]++
			continue
		}
		if word == "equal" && len(lines) == 0 {
			continue
		}
		if word = strings.ToUpper(word); serverFailed(r) {
			word = p.paint(red, word)
		}
		p.linef("%s %s (%s)", word, r.Case.ID(), r.Case.Span)
		for _, line := range lines {
			p.linef("     %s", line)
		}
	}
	var words []string
	for _, word := range []string{"equal", "differs", "invalid", "blocked", "skipped"} {
		if count[word] > 0 || word == "equal" {
			words = append(words, fmt.Sprintf("%d %s", count[word], word))
		}
	}
	p.linef("\nserver: %s", strings.Join(words, ", "))
	var reasons []string
	for reason, n := range skipped {
		reasons = append(reasons, fmt.Sprintf("  %d skipped: %s", n, reason))
	}
	sort.Strings(reasons)
	for _, line := range reasons {
		p.linef("%s", line)
	}
}
