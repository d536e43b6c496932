package engine

// Join returns an engine of the policies of several engines, in their order. Nothing is compiled again.
func Join(engines ...*Engine) *Engine {
	out := *engines[0]
	out.policies, out.mutators = nil, nil
	for _, e := range engines {
		out.policies = append(out.policies, e.policies...)
		out.mutators = append(out.mutators, e.mutators...)
	}
	return &out
}

// Validates reports whether there are policies that Evaluate asks.
func (e *Engine) Validates() bool { return len(e.policies) > 0 }
