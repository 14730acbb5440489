package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Spec is a node as it is built.
type Spec struct {
	Name  string
	Setup vrrp.Setup // Past and Standing are supplied by the node
	// Links are its interfaces; each is plugged into the LAN of its name.
	Links    map[string]vrrp.LinkState
	Trackers []Tracker
	// Hold is how long the host takes to set addresses.
	Hold time.Duration
	// Late is by how much the loop wakes up late, at most.
	Late time.Duration
}

// Tracker is something that is watched on a node, and good at first.
type Tracker struct {
	Name    string
	Weight  int // 0: its failure means FAULT
	Routers []string
	// Pending trackers have no result before the first fail or recover.
	Pending bool
}

// Node is a machine: links and addresses in its kernel, and a daemon that may
// run, stand still or be dead.
type Node struct {
	Name string

	w        *World
	set      *vrrp.Set // nil: the daemon does not run
	setup    vrrp.Setup
	life     int // counts runs of the daemon
	frozen   bool
	inbox    []wire.Datagram // arrived while frozen
	stale    bool            // reloaded while frozen
	ports    map[string]*port
	trackers []Tracker
	failed   map[string]bool
	keys     map[vrrp.ID]vrrp.Key
	held     map[vrrp.Key]bool
	memory   map[vrrp.Key]vrrp.Memory
	hold     time.Duration
	late     time.Duration
	lag      time.Duration
	out      vrrp.Out
}

// port is one interface.
type port struct {
	vrrp.LinkState
	deaf bool // adverts are dropped both ways; the node does not know
}

// Add puts a node into the world and starts it.
func (w *World) Add(s Spec) *Node {
	n := &Node{
		Name: s.Name, w: w, setup: s.Setup, trackers: s.Trackers, hold: s.Hold, late: s.Late,
		ports: map[string]*port{}, failed: map[string]bool{}, keys: map[vrrp.ID]vrrp.Key{},
		held: map[vrrp.Key]bool{}, memory: map[vrrp.Key]vrrp.Memory{},
	}
	for name, l := range s.Links {
		n.ports[name] = &port{LinkState: l}
	}
	w.nodes = append(w.nodes, n)
	n.start()
	return n
}

// Set is the machine of the running daemon; nil when it does not run.
func (n *Node) Set() *vrrp.Set { return n.set }

// Frozen tells whether the daemon stands still.
func (n *Node) Frozen() bool { return n.frozen }

// Setup is what the daemon was last configured with.
func (n *Node) Setup() *vrrp.Setup { return &n.setup }

// Holds tells whether the kernel of the node holds the addresses of a router.
func (n *Node) Holds(k vrrp.Key) bool { return n.held[k] }

// View is the router with this identity, if the daemon runs and has it.
func (n *Node) View(k vrrp.Key) (v vrrp.View, ok bool) {
	if n.set == nil {
		return v, false
	}
	id, ok := n.set.Lookup(k)
	if !ok {
		return v, false
	}
	return n.set.View(id), true
}

// Fit tells whether nothing keeps a router of this node out of the elections.
func (n *Node) Fit(k vrrp.Key) bool {
	v, ok := n.View(k)
	return ok && !n.frozen && !v.Leaving && (v.Role == vrrp.Backup || v.Role == vrrp.Master)
}

// open tells whether packets get in and out.
func (n *Node) open(link string) bool {
	p := n.ports[link]
	return p != nil && p.Exists && p.Up && !p.deaf
}

func (n *Node) deadline() mono.Instant {
	if n.set == nil || n.frozen {
		return mono.Never
	}
	return n.set.Deadline().Add(n.lag)
}

func (n *Node) expire() {
	n.set.Expire(n.w.now, &n.out)
	if n.late > 0 {
		n.lag = time.Duration(n.w.rand.Int64N(int64(n.late)))
	}
	n.flush()
}

func (n *Node) receive(d wire.Datagram) {
	if n.set == nil {
		return
	}
	d.At = n.w.now
	if n.frozen {
		n.inbox = append(n.inbox, d)
		return
	}
	n.set.Receive(n.w.now, &d, &n.out)
	n.flush()
}

// start runs the daemon. It knows what an earlier run left in memory and in the
// kernel; addresses it does not go on with are removed.
func (n *Node) start() {
	if n.set != nil {
		return
	}
	n.life++
	n.set, n.frozen, n.inbox, n.lag = vrrp.New(), false, nil, 0
	for _, name := range slices.Sorted(maps.Keys(n.ports)) {
		n.set.Link(n.w.now, name, n.ports[name].LinkState, &n.out)
	}
	n.apply()
	for k := range n.held {
		if v, _ := n.View(k); v.Role != vrrp.Master {
			delete(n.held, k)
		}
	}
}

// apply configures the daemon.
func (n *Node) apply() {
	n.stale = false
	n.setup.Past, n.setup.Standing = n.past, n.standing
	n.set.Apply(n.w.now, &n.setup, &n.out)
	for i := range n.setup.Routers {
		k := n.setup.Routers[i].Key
		id, _ := n.set.Lookup(k)
		n.keys[id] = k
	}
	n.flush()
}

func (n *Node) past(k vrrp.Key) (vrrp.Memory, bool) {
	m, ok := n.memory[k]
	m.Holding = n.held[k]
	return m, ok
}

// standing adds up the trackers of a router.
func (n *Node) standing(k vrrp.Key) (st vrrp.Standing) {
	name := n.name(k)
	for _, t := range n.trackers {
		if !slices.Contains(t.Routers, name) {
			continue
		}
		bad := n.failed[t.Name]
		switch {
		case t.Pending && t.Weight == 0:
			st.Pending = true
		case t.Pending:
		case bad && t.Weight == 0:
			st.Faults++
			st.Reason = "tracker " + t.Name + " failed"
		case bad == (t.Weight < 0):
			st.Sum += t.Weight
		}
	}
	return st
}

func (n *Node) name(k vrrp.Key) string {
	for i := range n.setup.Routers {
		if n.setup.Routers[i].Key == k {
			return n.setup.Routers[i].Name
		}
	}
	return ""
}

// flush carries out what the machine asked for.
func (n *Node) flush() {
	for i := range n.out.Changes {
		n.changed(&n.out.Changes[i])
	}
	for i := range n.out.Sends {
		n.sent(&n.out.Sends[i])
	}
	n.narrate()
	n.out.Reset()
	if n.set != nil && n.set.Stopped() {
		n.set = nil
	}
}

// narrate puts what is asked for beside transitions into the timeline.
func (n *Node) narrate() {
	for _, note := range n.out.Notes {
		n.w.tell(n, n.w.Show.Notes, note.String())
	}
	for _, a := range n.out.Announces {
		n.w.tell(n, n.w.Show.Announcements, fmt.Sprintf("announces %s %d times", n.name(n.keys[a.ID]), a.Rounds))
	}
}

func (n *Node) sent(s *vrrp.Send) {
	n.w.transmit(n, s)
	k := n.keys[s.ID]
	if n.w.Show.Adverts {
		n.w.tell(n, true, fmt.Sprintf("advert %s priority %d to %s", n.name(k), s.Priority, s.Dst))
	}
	if s.Priority > 0 {
		m := n.memory[k]
		m.LastAdvert = n.w.now
		n.memory[k] = m
	}
}

func (n *Node) changed(c *vrrp.Change) {
	n.w.Timeline = append(n.w.Timeline, Entry{At: c.At, Node: n.Name, Change: *c})
	if c.Group {
		return
	}
	k := n.keys[c.ID]
	m := n.memory[k]
	m.Role = c.To
	n.memory[k] = m
	if c.To != vrrp.Master {
		delete(n.held, k)
		return
	}
	life, id := n.life, c.ID
	n.w.after(n.hold, func() { n.holds(life, id, k) })
}

// holds is the kernel having set the addresses of a router that is still MASTER.
func (n *Node) holds(life int, id vrrp.ID, k vrrp.Key) {
	if n.set == nil || n.life != life {
		return
	}
	if v, ok := n.View(k); !ok || v.Role != vrrp.Master {
		return
	}
	n.held[k] = true
	if !n.frozen {
		n.set.Held(n.w.now, id, &n.out)
		n.flush()
	}
}
