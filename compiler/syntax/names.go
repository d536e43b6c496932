package syntax

import (
	"regexp"
	"slices"
	"strings"

	"github.com/policyc/policyc/compiler/diag"
	"github.com/policyc/policyc/compiler/source"
)

// maxName is the length up to which a name also fits into a label value.
const maxName = 63

var (
	subdomainForm  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	labelForm      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	identifierForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	notInName      = regexp.MustCompile(`[^a-z0-9]+`)
	notInID        = regexp.MustCompile(`[^A-Za-z0-9_]+`)
	wordStart      = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// reservedWords are those of CEL (cel-spec, "Syntax"), which also reserves
// words that it does not use.
var reservedWords = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
	"namespace", "null", "package", "return", "true", "var", "void", "while",
}

// Reserved reports whether no variable of an expression can have the name.
func Reserved(name string) bool { return slices.Contains(reservedWords, name) }

// rootVariables are what the API server declares for every expression.
var rootVariables = []string{"authorizer", "namespaceObject", "object", "oldObject", "params", "request", "variables"}

// checkDocumentName reports a name that cannot be metadata.name.
func checkDocumentName(r *diag.Report, name source.Text) {
	checkKubernetesName(r, name, "lower-case letters, digits, `-` and `.`", subdomainForm)
}

// checkLabelName reports a name of a rule or environment that cannot be a
// part of the name of a Kubernetes object.
func checkLabelName(r *diag.Report, name source.Text) {
	checkKubernetesName(r, name, "lower-case letters, digits and `-`", labelForm)
}

func checkKubernetesName(r *diag.Report, name source.Text, allowed string, form *regexp.Regexp) {
	switch {
	case name.IsZero():
	case len(name.Value) > maxName:
		r.Errorf(diag.InvalidName, name.Span, "name `%s` has %d characters, at most %d are allowed",
			oneLine(name.Value), len(name.Value), maxName)
	case !form.MatchString(name.Value):
		d := r.Errorf(diag.InvalidName, name.Span, "invalid name `%s`", oneLine(name.Value)).
			Notef("a name has %s, and begins and ends with a letter or digit", allowed)
		if better := kubernetesName(name.Value); better != "" {
			d.Helpf("write `%s`", better)
		}
	}
}

// kubernetesName makes a valid name of any text: requireLimits → require-limits.
func kubernetesName(name string) string {
	name = strings.ToLower(wordStart.ReplaceAllString(name, "$1-$2"))
	name = notInName.ReplaceAllString(name, "-")
	return strings.Trim(name[:min(len(name), maxName)], "-")
}

// checkIdentifier reports a name that CEL cannot read, or that is taken.
func checkIdentifier(r *diag.Report, name source.Text, what string, taken []string) bool {
	switch {
	case name.IsZero():
		return true
	case !identifierForm.MatchString(name.Value):
		d := r.Errorf(diag.InvalidName, name.Span, "invalid name `%s` of %s", oneLine(name.Value), what).
			Notef("a name in expressions has letters, digits and `_`, and does not begin with a digit")
		if better := identifier(name.Value); better != "" {
			d.Helpf("write `%s`", better)
		}
	case Reserved(name.Value):
		r.Errorf(diag.InvalidName, name.Span, "`%s` is a reserved word of CEL", name.Value).
			Helpf("choose another name for %s", what)
	case slices.Contains(taken, name.Value):
		r.Errorf(diag.InvalidName, name.Span, "`%s` already has a meaning in expressions", name.Value).
			Helpf("choose another name for %s", what)
	default:
		return true
	}
	return false
}

// identifier makes a valid identifier: max-size → max_size.
func identifier(name string) string {
	name = strings.Trim(notInID.ReplaceAllString(name, "_"), "_")
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// names reports names that are given twice.
type names struct {
	report *diag.Report
	what   string
	first  map[string]source.Span
}

func newNames(r *diag.Report, what string) *names {
	return &names{r, what, map[string]source.Span{}}
}

// add reports the second and every further place of a name, pointing at the
// first.
func (n *names) add(name source.Text) {
	if name.IsZero() {
		return
	}
	before, twice := n.first[name.Value]
	if !twice {
		n.first[name.Value] = name.Span
		return
	}
	n.report.Errorf(diag.DuplicateName, name.Span, "duplicate %s `%s`", n.what, oneLine(name.Value)).
		Notef("first at %s", before)
}
