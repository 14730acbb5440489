package status

import (
	"slices"
	"time"
)

// Event is something that happened, with its reason.
type Event struct {
	// Seq grows from event to event, also from one run to the next.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Node is where, as told by somebody who looks at several.
	Node string `json:"node,omitempty"`
	Kind string `json:"kind"` // one of Kinds
	Name string `json:"name"`
	Of   string `json:"of,omitempty"` // the virtual server of a real one, the kind of a tracker
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Reason is why, By is who wanted it.
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// What events are about.
const (
	RoleEvent    = "role"
	GroupEvent   = "group"
	TrackerEvent = "tracker"
	SessionEvent = "session"
	ServerEvent  = "server"
	QuorumEvent  = "quorum"
	ReloadEvent  = "reload"
	ActEvent     = "act"
	FaultEvent   = "fault" // injected by a rehearsal
)

// Kinds lists them.
func Kinds() []string {
	return []string{RoleEvent, GroupEvent, TrackerEvent, SessionEvent, ServerEvent, QuorumEvent, ReloadEvent, ActEvent, FaultEvent}
}

// Journal keeps the latest events. The zero value is empty.
type Journal struct {
	list []Event
	next int // where the oldest is, once it is full
	last uint64
}

// kept is how many events a journal keeps.
const kept = 4096

// Add takes an event in. Numbers begin with the time of the first one, so that those
// of a later run are greater.
func (j *Journal) Add(e Event) {
	j.last = max(j.last+1, uint64(e.Time.UnixMicro()))
	e.Seq = j.last
	if len(j.list) < kept {
		j.grow()
		j.list = append(j.list, e)
		return
	}
	j.list[j.next] = e
	j.next = (j.next + 1) % kept
}

// grow makes room for one more, and never for more than are kept.
func (j *Journal) grow() {
	if n := len(j.list); n == cap(j.list) {
		j.list = slices.Grow(j.list, min(max(n, 64), kept-n))
	}
}

// Last is the number of the latest event; 0: there was none.
func (j *Journal) Last() uint64 { return j.last }

// After lists what came after an event, oldest first.
func (j *Journal) After(seq uint64) []Event {
	all := slices.Concat(j.list[j.next:], j.list[:j.next])
	i, _ := slices.BinarySearchFunc(all, seq+1, func(e Event, seq uint64) int { return int(int64(e.Seq - seq)) })
	return all[i:]
}
