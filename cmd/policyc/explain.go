package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/policyc/policyc/compiler"
	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/emit"
	"github.com/policyc/policyc/compiler/ir"
)

var codePattern = regexp.MustCompile(`^(?i)PC\d{4}$`)

func newExplain(stdio IO) *cobra.Command {
	var flags sourceFlags
	var format, policy string
	c := &cobra.Command{
		Use:   "explain [PATH…|PCnnnn]",
		Short: "Say where each rule runs, why, and what it costs; or what a code means",
		Example: `  policyc explain ./policies
  policyc explain --policy allowed-registries ./policies
  policyc explain PC2003`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && codePattern.MatchString(args[0]) {
				return explainCode(stdio.Out, args[0])
			}
			r := diag.NewReport()
			result := flags.compile(args, stdio, r)
			if err := printDiagnostics(stdio.Err, r, "text"); err != nil {
				return err
			}
			explained := explain(result, policy)
			if policy != "" && len(explained) == 0 {
				return usageError{fmt.Errorf("no policy %q", policy)}
			}
			return writeExplained(stdio.Out, explained, format)
		},
	}
	flags.register(c)
	c.Flags().StringVar(&policy, "policy", "", "only the policy of this name")
	c.Flags().StringVarP(&format, "output", "o", "text", "text, json or yaml")
	return c
}

func explainCode(w io.Writer, id string) error {
	code, ok := diag.Lookup(id)
	if !ok {
		return usageError{fmt.Errorf("no diagnostic %s: `policyc check` prints those there are", strings.ToUpper(id))}
	}
	fmt.Fprintf(w, "%s: %s (since %s)\n\n%s\n", code.ID, code.Title, code.Since, code.Text)
	if code.Before != "" {
		fmt.Fprintf(w, "\nInstead of\n\n%s\nwrite\n\n%s", indented(code.Before), indented(code.After))
	}
	return nil
}

func indented(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ") + "\n"
}

// explained is what explain says of a rule.
type explained struct {
	Policy  string   `json:"policy"`
	Rule    string   `json:"rule"`
	Source  string   `json:"source"`
	Object  string   `json:"object"`
	Backend string   `json:"backend"`
	Why     string   `json:"why"`
	Cost    uint64   `json:"cost"`
	Budget  uint64   `json:"budget"`
	Match   []string `json:"match"`
	Enforce []string `json:"enforce"`
}

func explain(result *compiler.Result, policy string) []explained {
	var out []explained
	for _, p := range result.Programs {
		costs := map[string]uint64{}
		if c := result.Costs[p.Name]; c != nil {
			for _, part := range c.Parts {
				costs[part.Part] = part.Cost
			}
		}
		for _, d := range p.Policies {
			if policy != "" && d.Name != policy {
				continue
			}
			for _, rule := range d.Rules {
				part := "variable " + rule.Variable
				if p.Mutates() {
					part = "mutation " + rule.Name
				}
				out = append(out, explained{Policy: d.Name, Rule: rule.Name, Source: rule.Position, Object: p.Name,
					Backend: string(rule.Backend), Why: rule.Why, Cost: costs[part],
					Budget: compiler.ExpressionBudget, Match: emit.Scope(p, result.Project.Namespaces), Enforce: enforcement(p)})
			}
		}
	}
	return out
}

func enforcement(p *ir.Program) []string {
	var out []string
	for _, b := range p.Bindings {
		name := b.Environment
		if name == "" {
			name = "everywhere"
		}
		out = append(out, name+": "+strings.ToLower(strings.Join(b.Actions, " and ")))
	}
	return out
}

func writeExplained(w io.Writer, list []explained, format string) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(list)
	case "yaml":
		text, err := yaml.Marshal(list)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	case "text":
		for _, x := range list {
			fmt.Fprintf(w, "%s/%s (%s)\n  backend  %s: %s\n  object   %s\n  match    %s\n  cost     up to %s of %s\n  enforce  %s\n",
				x.Policy, x.Rule, x.Source, x.Backend, x.Why, x.Object, strings.Join(x.Match, "\n           "),
				emit.Thousands(x.Cost), emit.Thousands(x.Budget), strings.Join(x.Enforce, "; "))
		}
		return nil
	}
	return usageError{fmt.Errorf("unknown output %q: use text, json or yaml", format)}
}
