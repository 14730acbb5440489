package status

import (
	"math/bits"
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
	// Transitions counts changes of roles by what they came of.
	Transitions []Transition `json:"transitions"`
	// Checks are those of real servers, by kind.
	Checks []Checks `json:"checks"`
	// Scripts are the programs that were run, by kind; Hooks the webhooks, by name.
	Scripts []Scripts `json:"scripts,omitempty"`
	Hooks   []Hook    `json:"hooks,omitempty"`
	// Lost counts log lines that were left out because too many came at a time.
	Lost uint64 `json:"lost"`
}

// Transition counts how often an instance got into a role for a kind of reason.
type Transition struct {
	Instance string `json:"instance"`
	To       string `json:"to"`
	Cause    string `json:"cause"` // one of Causes
	N        uint64 `json:"n"`
}

// Checks counts the checks of one kind that were made.
type Checks struct {
	Kind   string `json:"kind"`
	Passed uint64 `json:"passed"`
	Failed uint64 `json:"failed"`
	// Hindered could not be made, for a reason of this machine.
	Hindered uint64 `json:"hindered"`
	Durations
}

// Durations are those of things that happen often.
type Durations struct {
	// Took counts by how long they took: place i is for less than 2^i milliseconds, and
	// at least half of that; the last one for all that took longer. Total is the sum.
	Took  [16]uint64    `json:"took"`
	Total time.Duration `json:"total_ns"`
}

// Count takes one in.
func (d *Durations) Count(took time.Duration) {
	d.Took[min(bits.Len64(uint64(took/time.Millisecond)), len(d.Took)-1)]++
	d.Total += took
}

// Scripts counts the programs of one kind that were run.
type Scripts struct {
	Kind   string `json:"kind"` // notify, track, check, repair
	Passed uint64 `json:"passed"`
	// Failed ended with another status than 0, by a signal, or could not be started.
	Failed uint64 `json:"failed"`
	Durations
}

// Hook counts what came of the calls of a webhook.
type Hook struct {
	Name string `json:"name"`
	// Sent were taken, Failed refused or given up, Lost left out because too many waited.
	Sent   uint64 `json:"sent"`
	Failed uint64 `json:"failed"`
	Lost   uint64 `json:"lost"`
	// Tries is how many requests were made, Waiting how many messages wait now.
	Tries   uint64 `json:"tries"`
	Waiting int    `json:"waiting"`
	Durations
}

// Reloads counts what became of configurations, the first one included.
type Reloads struct {
	Taken   uint64 `json:"taken"`
	Refused uint64 `json:"refused"`
}

// Instance is the one with a name; nil: there is none.
func (s *Snapshot) Instance(name string) *Instance {
	for i := range s.Router.Instances {
		if s.Router.Instances[i].Name == name {
			return &s.Router.Instances[i]
		}
	}
	return nil
}
