// Package tracker turns what is watched (scripts, links, files, processes) into
// weights and faults. What watches is in the packages below it.
package tracker

import "context"

// State is what is known of a watched thing.
type State uint8

// Unknown is the state until the first result.
const (
	Unknown State = iota
	Good
	Bad
)

// String is the state in lower case.
func (s State) String() string {
	switch s {
	case Good:
		return "good"
	case Bad:
		return "bad"
	}
	return "unknown"
}

// Phase is what a script does at present.
type Phase uint32

// The phases: from Terminating on it is to end because it took too long.
const (
	Idle Phase = iota
	Running
	Terminating
	Killing
)

// String is keepalived's word.
func (p Phase) String() string {
	return [...]string{"idle", "running", "requested termination", "forcing termination"}[min(p, Killing)]
}

// Sample is news of one tracker: sent when State or Value changed.
type Sample struct {
	Kind    Kind
	Tracker string // name of the vrrp_script and the like
	State   State
	Value   int    // track_file: its content, 32 bit
	Why     string // "exited with status 1", "timed out"; empty for a success
}

// Source watches one thing until the context ends.
type Source interface {
	Watch(ctx context.Context, report func(Sample)) error
}

// Kind says what a Track follows.
type Kind uint8

// The kinds of tracker.
const (
	Script Kind = iota
	Interface
	File
	Process
	BFD
	Check
	Address  // of this machine, as "192.0.2.1 on eth0"
	Linkbeat // of an interface that is asked for its link
)

// String is the word that reasons and log lines use.
func (k Kind) String() string {
	switch k {
	case Script:
		return "script"
	case Interface:
		return "interface"
	case File:
		return "file"
	case Process:
		return "process"
	case BFD:
		return "BFD session"
	case Check:
		return "check"
	case Address:
		return "src address"
	case Linkbeat:
		return "linkbeat"
	}
	return "tracker"
}

// Track is one entry of a track_* list.
type Track struct {
	Kind Kind
	Name string
	// Weight is -254..254; 0 demands instead of weighing: a bad thing is a fault.
	Weight int
	// Reverse negates what the entry contributes; with weight 0 a good thing
	// is a fault.
	Reverse bool
	// Hold neither weighs nor demands: while the thing is good, the silence of a
	// master is not taken for its end.
	Hold bool
}
