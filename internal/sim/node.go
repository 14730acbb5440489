package sim

import (
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Spec is a node as it is built.
type Spec struct {
	Name string
	// Config is what its daemon runs; nil: routers made of Setup that hold what
	// they advertise and follow the Trackers that name them.
	Config *router.Config
	Setup  vrrp.Setup
	// Links are its interfaces; each is plugged into the LAN of its name, or of
	// the name that LANs has for it.
	Links map[string]vrrp.LinkState
	LANs  map[string]string
	// Addrs are more addresses on its interfaces.
	Addrs    map[string][]netip.Addr
	Trackers []Tracker
	Probes   []Probe
	// Hold is how long the host takes to set addresses.
	Hold time.Duration
	// Late is by how much the loop wakes up late, at most.
	Late time.Duration
}

// Tracker is something that is watched on a node, and good at first.
type Tracker struct {
	Kind    tracker.Kind
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
	router   *router.Router // nil: the daemon does not run
	config   *router.Config
	life     int // counts runs of the daemon
	frozen   bool
	inbox    []router.Event // arrived while frozen
	stale    bool           // reloaded while frozen
	ports    map[string]*port
	kernel   kernel
	trackers []Tracker
	probes   []Probe
	failed   map[string]bool
	memory   map[vrrp.Key]vrrp.Memory
	keys     []vrrp.Key // by vrrp.ID
	late     time.Duration
	lag      time.Duration
	out      router.Effects
}

// port is one interface.
type port struct {
	vrrp.LinkState
	lan   *LAN
	index int
	more  []netip.Addr
	deaf  bool // adverts are dropped both ways; the node does not know
}

// Add puts a node into the world and starts it.
func (w *World) Add(s Spec) *Node {
	n := &Node{
		Name: s.Name, w: w, config: s.config(), trackers: s.Trackers, probes: s.Probes, late: s.Late, kernel: newKernel(s.Hold),
		ports: map[string]*port{}, failed: map[string]bool{}, memory: map[vrrp.Key]vrrp.Memory{},
	}
	for _, name := range slices.Sorted(maps.Keys(s.Links)) {
		l := w.LAN(s.lan(name))
		n.ports[name] = &port{LinkState: s.Links[name], lan: l, index: len(n.ports) + 1, more: s.Addrs[name]}
		l.plugs = append(l.plugs, plug{n, name})
	}
	w.nodes = append(w.nodes, n)
	n.start()
	return n
}

func (s *Spec) lan(link string) string {
	if name, given := s.LANs[link]; given {
		return name
	}
	return link
}

func (s *Spec) config() *router.Config {
	if s.Config != nil {
		return s.Config
	}
	return configured(&s.Setup, s.Trackers)
}

// configured makes a configuration of what is known of routers alone.
func configured(s *vrrp.Setup, trackers []Tracker) *router.Config {
	c := &router.Config{Routers: s.Routers, Details: make([]router.Detail, len(s.Routers))}
	names := map[vrrp.Key]string{}
	for i := range s.Routers {
		r := &s.Routers[i]
		names[r.Key] = r.Name
		c.Details[i] = detail(r, trackers)
	}
	for _, g := range s.Groups {
		group := router.Group{Name: g.Name}
		for _, k := range g.Members {
			group.Members = append(group.Members, names[k])
		}
		c.Groups = append(c.Groups, group)
	}
	return c
}

func detail(r *vrrp.Config, trackers []Tracker) (d router.Detail) {
	for _, a := range r.VIPs {
		w := host.Wish{Addr: host.Addr{Link: r.Link, Prefix: single(a)}}
		d.Addrs = append(d.Addrs, config.Address{Wish: w})
	}
	for _, t := range trackers {
		if slices.Contains(t.Routers, r.Name) {
			d.Tracks = append(d.Tracks, tracker.Track{Kind: t.Kind, Name: t.Name, Weight: t.Weight})
		}
	}
	return d
}

// Running tells whether there is a daemon, be it one that stands still.
func (n *Node) Running() bool { return n.router != nil }

// Frozen tells whether the daemon stands still.
func (n *Node) Frozen() bool { return n.frozen }

// Holds tells whether the kernel of the node holds the addresses of a router.
func (n *Node) Holds(k vrrp.Key) bool {
	for i := range n.config.Routers {
		if n.config.Routers[i].Key == k {
			return n.kernel.holds(n.config.Details[i].Addrs)
		}
	}
	return false
}

// View is the router with this identity, if the daemon runs and has it.
func (n *Node) View(k vrrp.Key) (v vrrp.View, ok bool) {
	if n.router == nil {
		return v, false
	}
	return n.router.View(k)
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
	if n.router == nil || n.frozen {
		return mono.Never
	}
	return n.router.Deadline().Add(n.lag)
}

func (n *Node) expire() {
	if n.late > 0 {
		n.lag = time.Duration(n.w.rand.Int64N(int64(n.late)))
	}
	n.step(router.Expired{})
}

func (n *Node) receive(d wire.Datagram) {
	d.At = n.w.now
	n.happens(router.Advert{Datagram: &d})
}

// happens lets the daemon know, now or when it goes on.
func (n *Node) happens(ev router.Event) {
	switch {
	case n.router == nil:
	case n.frozen:
		n.inbox = append(n.inbox, ev)
	default:
		n.step(ev)
	}
}

// step lets the daemon take an event, and does what it asks for.
func (n *Node) step(ev router.Event) {
	n.router.Step(n.w.now, ev, &n.out)
	n.flush()
}

// start runs the daemon. It knows what an earlier run left in memory and in the
// kernel.
func (n *Node) start() {
	if n.router != nil {
		return
	}
	n.life++
	n.router, n.frozen, n.inbox, n.lag = router.New(n.past, rand.New(rand.NewPCG(1, uint64(n.life)))), false, nil, 0
	n.step(router.Observed{State: n.observe()})
	n.sample()
	n.apply()
	for _, p := range n.probes {
		n.ask(p)
	}
}

// apply configures the daemon.
func (n *Node) apply() {
	n.stale = false
	n.router.Step(n.w.now, router.Prepare(n.config), &n.out)
	n.keys, _ = n.router.Keys()
	n.flush()
}

func (n *Node) past(k vrrp.Key) (vrrp.Memory, bool) {
	m, ok := n.memory[k]
	return m, ok
}

// sample tells the daemon how everything is that it tracks.
func (n *Node) sample() {
	for i := range n.trackers {
		if t := &n.trackers[i]; !t.Pending {
			n.step(router.Sampled{Sample: n.look(t)})
		}
	}
}

func (n *Node) look(t *Tracker) tracker.Sample {
	if n.failed[t.Name] {
		return tracker.Sample{Kind: t.Kind, Tracker: t.Name, State: tracker.Bad, Value: 1, Why: "failed"}
	}
	return tracker.Sample{Kind: t.Kind, Tracker: t.Name, State: tracker.Good}
}

// flush carries out what the daemon asked for.
func (n *Node) flush() {
	for i := range n.out.Changes {
		n.changed(&n.out.Changes[i])
	}
	for i := range n.out.Sends {
		n.sent(&n.out.Sends[i])
	}
	n.furnish()
	n.narrate()
	n.out.Reset()
	if n.router != nil && n.router.Stopped() {
		n.router = nil
	}
}

func (n *Node) sent(s *vrrp.Send) {
	n.w.transmit(n, s)
	n.showAdvert(s)
	if s.Priority > 0 {
		k := n.key(s.ID)
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
	k := n.key(c.ID)
	m := n.memory[k]
	m.Role = c.To
	n.memory[k] = m
}

// key is the identity of a router; while it is being made its number is not
// known here yet.
func (n *Node) key(id vrrp.ID) vrrp.Key {
	if int(id) < len(n.keys) {
		return n.keys[id]
	}
	keys, _ := n.router.Keys()
	if int(id) < len(keys) {
		return keys[id]
	}
	return vrrp.Key{}
}

func (n *Node) name(id vrrp.ID) string {
	if n.router == nil {
		return ""
	}
	return n.router.Name(id)
}
