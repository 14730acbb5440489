package status

import "time"

// Node is a daemon as it was seen last, by somebody who looks at several.
type Node struct {
	Name string `json:"name"`
	// Snapshot is what was seen; nil: nothing yet.
	Snapshot *Snapshot `json:"snapshot"`
	// Trouble says why it is not the present one; empty: it is. Age is how old it is.
	Trouble string        `json:"trouble,omitempty"`
	Age     time.Duration `json:"age_ns,omitempty"`
}
