package simulate

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"holdfast/internal/cluster"
	"holdfast/internal/config"
	"holdfast/internal/router"
	"holdfast/internal/sim"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// network is which links of the nodes are on one LAN, and the addresses that
// adverts leave with. Links are joined by the instances that are one virtual
// router, whatever they are called; others by their name.
type network struct {
	nodes   []cluster.Node
	up      map[place]place
	sources map[place][]netip.Addr
}

// place is a link of a node.
type place struct {
	node int
	link string
}

func newNetwork(nodes []cluster.Node) *network {
	w := &network{nodes: nodes, up: map[place]place{}, sources: map[place][]netip.Addr{}}
	for _, pair := range cluster.Pairs(nodes) {
		for _, m := range pair {
			at := place{m.Node, m.VRRP.Link}
			w.join(place{pair[0].Node, pair[0].VRRP.Link}, at)
			if m.Source.IsValid() {
				w.sources[at] = append(w.sources[at], m.Source.WithZone(""))
			}
		}
	}
	return w
}

func (w *network) root(p place) place {
	for {
		next, joined := w.up[p]
		if !joined {
			return p
		}
		p = next
	}
}

func (w *network) join(a, b place) {
	if a, b = w.root(a), w.root(b); a != b {
		w.up[b] = a
	}
}

// lan is the name of the LAN that a link is plugged into.
func (w *network) lan(p place) string {
	r := w.root(p)
	if _, alone := w.up[p]; !alone && r == p && !w.joined(p) {
		return p.link
	}
	return fmt.Sprintf("%s of %s", r.link, w.nodes[r.node].Name)
}

// joined tells whether others were joined to this link.
func (w *network) joined(p place) bool {
	for _, to := range w.up {
		if to == p {
			return true
		}
	}
	return false
}

// spec is a node as it is built: its daemon runs what the file says.
func (w *network) spec(node int) sim.Spec {
	c := w.nodes[node].Config
	s := sim.Spec{
		Name: w.nodes[node].Name, Config: router.Part(c), Trackers: trackers(c), Probes: probes(c),
		Links: map[string]vrrp.LinkState{}, LANs: map[string]string{}, Addrs: map[string][]netip.Addr{},
	}
	for i, link := range links(c) {
		at := place{node, link}
		s.Links[link] = w.state(at, i)
		s.LANs[link] = w.lan(at)
		s.Addrs[link] = w.sources[at]
	}
	return s
}

// state is a link that works. An address that the files do not tell is made up;
// the later a node, the higher it is.
func (w *network) state(at place, number int) vrrp.LinkState {
	l := vrrp.LinkState{Exists: true, Up: true, MTU: 1500,
		Source4: netip.AddrFrom4([4]byte{198, 18, byte(number), byte(at.node + 1)}),
		Source6: netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(number), 15: byte(at.node + 1)})}
	for _, a := range w.sources[at] {
		switch {
		case a.Is4():
			l.Source4 = a
		case a.IsLinkLocalUnicast():
			l.Source6 = a
		}
	}
	return l
}

// links are the interfaces that a file names, sorted.
func links(c *config.Config) []string {
	named := map[string]bool{}
	for i := range c.Instances {
		in := &c.Instances[i]
		named[in.VRRP.Link] = true
		for j := range in.Addrs {
			named[in.Addrs[j].Link] = true
		}
		for _, t := range in.Tracks {
			if t.Kind == tracker.Interface {
				named[t.Name] = true
			}
		}
	}
	delete(named, "")
	return slices.Sorted(maps.Keys(named))
}

// trackers are all that the instances follow beside interfaces, each once.
func trackers(c *config.Config) []sim.Tracker {
	var all []sim.Tracker
	for i := range c.Instances {
		for _, t := range c.Instances[i].Tracks {
			one := sim.Tracker{Kind: t.Kind, Name: t.Name}
			known := slices.ContainsFunc(all, func(o sim.Tracker) bool { return o.Kind == one.Kind && o.Name == one.Name })
			if t.Kind != tracker.Interface && !t.Hold && !known {
				all = append(all, one)
			}
		}
	}
	return all
}

// tracks reports whether something of this name is followed.
func tracks(c *config.Config, name string) bool {
	return slices.ContainsFunc(trackers(c), func(t sim.Tracker) bool { return t.Name == name }) ||
		slices.ContainsFunc(probes(c), func(p sim.Probe) bool { return p.Name == name })
}

// probes are the checks of stay_backup: whether another node answers follows from who
// holds the address.
func probes(c *config.Config) (all []sim.Probe) {
	for i := range c.Checks {
		if k := &c.Checks[i]; k.StayBackup {
			all = append(all, sim.Probe{Name: k.Name, Addr: k.Ask.Addr, Interval: k.Interval, Rise: k.Rise, Fall: k.Fall})
		}
	}
	return all
}
