package check

import (
	"holdfast/internal/conf"
	"holdfast/internal/load"
)

// machine is what this machine has to say about a configuration.
func machine(r *load.Reading) []conf.Diag { return nil }
