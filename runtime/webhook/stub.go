package webhook

import "github.com/policyc/policyc/runtime/engine"

// reader is engine.Reader, once it is there.
type reader = *engine.Cluster
