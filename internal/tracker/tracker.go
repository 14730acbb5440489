// Package tracker turns what is watched (scripts, links, files, processes) into
// weights and faults. What watches is in the packages below it.
package tracker

import "context"

// State is what is known of a watched thing.
type State uint8

// Unknown until the first result.
const (
	Unknown State = iota
	Good
	Bad
)

// Sample is news of one tracker: sent when State or Value changed.
type Sample struct {
	Tracker string // name of the vrrp_script and the like
	State   State
	Value   int    // track_file: its content
	Why     string // "exited with status 1", "timed out"
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
)

// Track is one entry of a track_* list.
type Track struct {
	Kind    Kind
	Name    string
	Weight  int
	Reverse bool
}
