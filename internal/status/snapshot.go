package status

import (
	"time"

	"holdfast/internal/mono"
)

// Form is the version of what Snapshot looks like as JSON. It stays as long as fields
// are only added.
const Form = 1

// Snapshot is everything that there is to see of one daemon. Its parts were looked at
// within a moment of each other: Router and Balanced say when.
type Snapshot struct {
	Form  int    `json:"form"`
	Node  string `json:"node"` // what the machine is called
	Build Build  `json:"build"`
	// At is when it was put together, Time what the clock on the wall showed then.
	At       mono.Instant `json:"at"`
	Time     time.Time    `json:"time"`
	Router   *Router      `json:"router"`
	Balanced *Balanced    `json:"balanced"`
	Worker   Worker       `json:"worker"`
}

// Wall is what the clock on the wall showed at an instant.
func (s *Snapshot) Wall(at mono.Instant) time.Time { return s.Time.Add(at.Sub(s.At)) }

// Build is the program.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Worker is the state of the process that does all that may be slow.
type Worker struct {
	Started time.Time `json:"started"`
	// File is the configuration that was asked for, Loaded when the one in force was
	// taken over, Trial when the one before returns if nobody confirms it; nil: it stays.
	File    string     `json:"file"`
	Loaded  time.Time  `json:"loaded"`
	Trial   *time.Time `json:"trial,omitempty"`
	Reloads Reloads    `json:"reloads"`
	// Lost counts log lines that were left out because too many came at a time.
	Lost uint64 `json:"lost"`
}

// Reloads counts what became of configurations, the first one included.
type Reloads struct {
	Taken   uint64 `json:"taken"`
	Refused uint64 `json:"refused"`
}
