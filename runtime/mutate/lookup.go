package mutate

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/policyc/policyc/runtime/api"
)

// lookingUp is the operator on lookups.
const lookingUp = "lookup"

// lookupEdits leaves out what limits a lookup: its namespaces, its names, each
// requirement on labels; and turns round the operator of each of these.
func lookupEdits(i int, l api.Lookup) []edit {
	get := func(o *object) *api.Lookup { return &o.compiled.Spec.Lookups[i] }
	var out []edit
	add := func(before, after string, apply func(*object)) {
		out = append(out, edit{part: "lookup " + l.Name, operator: lookingUp, before: before, after: after, apply: apply})
	}
	if l.Namespaces != "" {
		add("namespaces "+l.Namespaces, "all", func(o *object) { get(o).Namespaces = "" })
	}
	if l.Names != "" {
		add("names "+l.Names, "all", func(o *object) { get(o).Names = "" })
	}
	for j, r := range l.Labels {
		before := fmt.Sprintf("label %s %s %s", r.Key, r.Operator, r.Values)
		add(before, "none", func(o *object) { get(o).Labels = slices.Delete(slices.Clone(get(o).Labels), j, j+1) })
		add(before, string(negated[r.Operator]), func(o *object) { get(o).Labels[j].Operator = negated[r.Operator] })
	}
	return out
}

var negated = map[metav1.LabelSelectorOperator]metav1.LabelSelectorOperator{
	metav1.LabelSelectorOpIn: metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpNotIn: metav1.LabelSelectorOpIn,
	metav1.LabelSelectorOpExists: metav1.LabelSelectorOpDoesNotExist, metav1.LabelSelectorOpDoesNotExist: metav1.LabelSelectorOpExists,
}
