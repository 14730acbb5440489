package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/router"
	"holdfast/internal/tracker"
)

// Probe is a check of a node that asks whether another machine answers at an address.
// While it Fails (fault), it gets no answer.
type Probe struct {
	Name       string
	Addr       netip.Addr
	Interval   time.Duration
	Rise, Fall int
}

// ask begins to ask, until the daemon that began it has ended.
func (n *Node) ask(p Probe) {
	life, counter := n.life, tracker.Counter{Rise: p.Rise, Fall: p.Fall}
	var again func()
	again = func() {
		if n.life != life || n.router == nil {
			return
		}
		if counter.Count(!n.failed[p.Name] && n.answered(p.Addr)) {
			n.happens(router.Sampled{Sample: tracker.Sample{Kind: tracker.Check, Tracker: p.Name, State: counter.State()}})
		}
		n.w.after(p.Interval, again)
	}
	again()
}

// answered tells whether another node that can be reached has an address.
func (n *Node) answered(a netip.Addr) bool {
	return slices.ContainsFunc(n.w.nodes, func(o *Node) bool { return o != n && n.reaches(o) && o.owns(a) })
}

// reaches tells whether packets get from one node to another. A filter that drops
// adverts lets others through.
func (n *Node) reaches(o *Node) bool {
	for _, p := range n.ports {
		for _, to := range p.lan.plugs {
			if to.Node == o && p.works() && o.ports[to.link].works() && p.lan.sides[n] == p.lan.sides[o] {
				return true
			}
		}
	}
	return false
}

func (p *port) works() bool { return p != nil && p.Exists && p.Up }

// owns tells whether an address is on a link of this machine that works.
func (n *Node) owns(a netip.Addr) bool {
	for held := range n.kernel.held {
		if held.Prefix.Addr() == a && n.ports[held.Link].works() {
			return true
		}
	}
	for link, p := range n.ports {
		if p.works() && n.has(link, a) {
			return true
		}
	}
	return false
}
