// Package sim runs many virtual routers on virtual LANs in virtual time: loss,
// delay, partitions, crashes, pauses. It has no idea of real time and does
// nothing that cannot be repeated from its seed.
package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
)

// World is a number of nodes, the LANs between them and what is still to happen.
type World struct {
	// Timeline is every transition so far, and what Show asks for.
	Timeline []Entry
	Show     Show
	// Drops, if set, says that a node does not take the adverts of another one on a
	// link, for a reason that its machine does not know.
	Drops func(from, to *Node, link string) bool
	// Watch, if set, is called after every instant at which something happened.
	Watch func()

	now   mono.Instant
	nodes []*Node
	lans  map[string]*LAN
	rand  *rand.Rand
	queue []event // by time, then by order of scheduling
	seq   int
}

// Show says what the timeline has beside transitions.
type Show struct{ Adverts, Announcements, Addresses, Notes bool }

// Entry is one line of the timeline: a transition, or Text.
type Entry struct {
	At     mono.Instant
	Node   string
	Change vrrp.Change
	Text   string
}

func (w *World) tell(n *Node, show bool, text string) {
	if show {
		w.Timeline = append(w.Timeline, Entry{At: w.now, Node: n.Name, Text: text})
	}
}

// New returns an empty world whose chances are drawn from seed.
func New(seed uint64) *World {
	return &World{lans: map[string]*LAN{}, rand: rand.New(rand.NewPCG(seed, 0))}
}

// Now is the present instant.
func (w *World) Now() mono.Instant { return w.now }

// Nodes are all nodes in the order in which they were added.
func (w *World) Nodes() []*Node { return w.nodes }

// Node finds a node by name; nil if there is none.
func (w *World) Node(name string) *Node {
	i := slices.IndexFunc(w.nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return w.nodes[i]
}

// LAN finds or makes the LAN that links of this name are plugged into.
func (w *World) LAN(name string) *LAN {
	l := w.lans[name]
	if l == nil {
		l = &LAN{}
		w.lans[name] = l
	}
	return l
}

// Run lets time pass until the given instant, inclusive.
func (w *World) Run(until mono.Instant) {
	for {
		at := w.next()
		if at > until {
			w.now = max(w.now, until)
			return
		}
		w.now = max(w.now, at)
		w.step()
		if w.Watch != nil {
			w.Watch()
		}
	}
}

// next is when something happens.
func (w *World) next() mono.Instant {
	at := mono.Never
	if len(w.queue) > 0 {
		at = w.queue[0].at
	}
	for _, n := range w.nodes {
		at = min(at, n.deadline())
	}
	return at
}

// step does everything of the present instant: what arrives before what expires,
// as the loop of the daemon does.
func (w *World) step() {
	for len(w.queue) > 0 && w.queue[0].at <= w.now {
		e := w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		e.do()
	}
	for _, n := range w.nodes {
		if n.deadline() <= w.now {
			n.expire()
		}
	}
}

// event is something that will happen.
type event struct {
	at  mono.Instant
	seq int
	do  func()
}

// after schedules do.
func (w *World) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

func (w *World) at(at mono.Instant, do func()) {
	w.seq++
	e := event{at, w.seq, do}
	i, _ := slices.BinarySearchFunc(w.queue, e, func(a, b event) int {
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		return a.seq - b.seq
	})
	w.queue = slices.Insert(w.queue, i, e)
}
