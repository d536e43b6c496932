package manager

import (
	"fmt"

	"github.com/policyc/policyc/runtime/api"
	"github.com/policyc/policyc/runtime/engine"
)

// Compile makes an engine of one policy. What is not fit for it is an error, whatever it is: the object may have been
// written by anyone, and the other policies go on.
func Compile(object *api.CompiledPolicy) (e *engine.Engine, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, fmt.Errorf("CompiledPolicy %s: the compiler panicked: %v", object.Name, r)
		}
	}()
	bundle, err := engine.FromCompiled([]*api.CompiledPolicy{object})
	if err != nil {
		return nil, err
	}
	return engine.New(bundle)
}
