package cluster

import (
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"holdfast/internal/sim"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// verdict is who is MASTER of one instance in the end, a bit for every node.
type verdict struct {
	masters           uint64
	either, unsettled bool
}

// result has a verdict for every kind of instance.
type result []verdict

// nodesLimit is how many nodes a verdict has bits for.
const nodesLimit = 64

// play lets the real machine decide: with all well, and after each failure. Where
// it may depend on addresses that the files do not tell, it is played twice: with
// these addresses lower and rising from node to node, and higher and falling.
func (p *party) play() []result {
	low := p.playWith(lowSource)
	if !p.tied() {
		return low
	}
	high := p.playWith(highSource)
	for i := range low {
		for k := range low[i] {
			low[i][k] = low[i][k].or(high[i][k])
		}
	}
	return low
}

func (v verdict) or(o verdict) verdict {
	if v == o {
		return v
	}
	return verdict{v.masters | o.masters, bits.OnesCount64(v.masters|o.masters) > 1, v.unsettled || o.unsettled}
}

// tied tells whether two members can have one priority and an address is not known.
func (p *party) tied() bool {
	for _, s := range p.kinds {
		for i, m := range s.members {
			for _, o := range s.members[:i] {
				if (!m.source.IsValid() || !o.source.IsValid()) && compare(reachOf(m), reachOf(o)).equal {
					return true
				}
			}
		}
	}
	return false
}

// source supposes an address for a node whose address is not known.
type source func(node int, v6 bool) netip.Addr

func lowSource(node int, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(node + 1)})
	}
	return netip.AddrFrom4([4]byte{1, 0, 0, byte(node + 1)})
}

func highSource(node int, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0xbf, 2: 0xff, 15: byte(255 - node)})
	}
	return netip.AddrFrom4([4]byte{223, 255, 255, byte(255 - node)})
}

func (p *party) playWith(suppose source) []result {
	all := []result{p.playOne(suppose, nil)}
	for i := range p.things {
		all = append(all, p.playOne(suppose, &p.things[i]))
	}
	return all
}

// playOne starts the nodes together, lets something fail when they have settled,
// and looks at them when they have settled again.
func (p *party) playOne(suppose source, f *Failure) result {
	w := sim.New(1)
	if p.signed() {
		w.Drops = p.drops
	}
	for node := range p.c.nodes {
		if spec := p.spec(node, suppose); len(spec.Setup.Routers) > 0 {
			w.Add(spec)
		}
	}
	span := p.patience()
	w.Run(w.Now().Add(span))
	if f != nil {
		p.fail(w, f)
		w.Run(w.Now().Add(span))
	}
	w.Timeline = nil
	w.Run(w.Now().Add(span / 2))
	return p.look(w)
}

// signed tells whether somebody has an authentication that the machine does not know.
func (p *party) signed() bool {
	return slices.ContainsFunc(p.kinds, func(s *shared) bool {
		return slices.ContainsFunc(s.members, func(m *member) bool { return m.inst.HMAC != nil || header(m) != "" })
	})
}

// drops tells whether a node refuses the authentication of another one, as far as
// the machine does not see to it.
func (p *party) drops(from, to *sim.Node, link string) bool {
	for i, s := range p.kinds {
		if lan(i) == link {
			a, b := p.named(s, to.Name), p.named(s, from.Name)
			return a != nil && b != nil && (p.c.refuses(a, b) != "" || header(a) != header(b))
		}
	}
	return false
}

// named is the member on a node; nil if the node has none.
func (p *party) named(s *shared, node string) *member {
	for _, m := range s.members {
		if p.c.name(m) == node {
			return m
		}
	}
	return nil
}

// patience is by when everything has settled: a few down timers of the slowest
// instance, and its preempt delay.
func (p *party) patience() (d time.Duration) {
	for _, s := range p.kinds {
		for _, m := range s.members {
			r := &m.inst.VRRP
			d = max(d, 3*time.Duration(r.DownAdverts+2)*max(r.Interval, 100*time.Millisecond)+2*time.Second+r.PreemptDelay)
		}
	}
	return d
}

// effort is about how many adverts it takes to play the party.
func (p *party) effort() int {
	adverts, span := 0, p.patience()
	for _, s := range p.kinds {
		shortest := span
		for _, m := range s.members {
			shortest = min(shortest, m.inst.VRRP.Interval)
		}
		adverts += len(s.members) * int(5*span/2/max(shortest, time.Millisecond))
	}
	if p.tied() {
		adverts *= 2
	}
	return adverts * (1 + len(p.things))
}

// spec builds a node. Every kind of instance has a LAN of its own, on which are
// those who share it, whatever their interfaces are called.
func (p *party) spec(node int, suppose source) sim.Spec {
	s := sim.Spec{Name: p.c.nodes[node].Name, Links: map[string]vrrp.LinkState{}, Hold: time.Millisecond}
	keys := map[*shared]vrrp.Key{}
	for i, kind := range p.kinds {
		m := kind.on(node)
		if m == nil {
			continue
		}
		r := m.inst.VRRP
		r.Name, r.Link = strconv.Itoa(i), lan(i)
		r.Announce = vrrp.Announcing{}
		r.DontTrackPrimary = m.inst.DontTrackPrimary
		s.Links[r.Link] = link(m, suppose)
		s.Setup.Routers = append(s.Setup.Routers, r)
		s.Trackers = append(s.Trackers, trackers(m, r.Name)...)
		keys[kind] = r.Key
	}
	for _, g := range p.groupsOn[node] {
		s.Setup.Groups = append(s.Setup.Groups, p.group(g, keys))
	}
	return s
}

func lan(kind int) string { return "lan" + strconv.Itoa(kind) }

func (p *party) group(g *synced, keys map[*shared]vrrp.Key) vrrp.Group {
	group, seen := vrrp.Group{Name: g.Name}, map[int]bool{}
	for _, s := range g.has {
		if k := p.kind[s]; !seen[k] {
			seen[k] = true
			group.Members = append(group.Members, keys[p.kinds[k]])
		}
	}
	return group
}

// link is the interface of a member with the address its adverts come from.
func link(m *member, suppose source) vrrp.LinkState {
	l := vrrp.LinkState{Exists: !m.peerless(), Up: true, MTU: 1500}
	a := m.source.WithZone("")
	if !a.IsValid() {
		a = suppose(m.node, m.inst.VRRP.V6)
	}
	if m.inst.VRRP.V6 {
		l.Source6 = a
	} else {
		l.Source4 = a
	}
	return l
}

// trackers are what a member follows. Reversed ones are well when they are bad,
// so that they are plain ones of the opposite weight.
func trackers(m *member, router string) (all []sim.Tracker) {
	for _, t := range followed(m) {
		if t.Kind == tracker.File && t.Weight != 0 {
			continue
		}
		w := t.Weight
		if t.Reverse {
			w = -w
		}
		all = append(all, sim.Tracker{Name: trackName(&t), Weight: w, Routers: []string{router}})
	}
	return all
}

// fail does a failure to the world.
func (p *party) fail(w *sim.World, f *Failure) {
	if f.Kind == "node" {
		p.do(w, sim.Fault{Kind: sim.Kill, Node: f.Node})
		return
	}
	if f.Kind == "interface" {
		for i, s := range p.kinds {
			for _, m := range s.members {
				if p.c.name(m) == f.Node && m.inst.VRRP.Link == f.Name {
					p.do(w, sim.Fault{Kind: sim.LinkDown, Node: f.Node, Link: lan(i)})
				}
			}
		}
	}
	p.do(w, sim.Fault{Kind: sim.Fail, Node: f.Node, Name: f.id()})
}

func (p *party) do(w *sim.World, f sim.Fault) {
	if err := w.Do(f); err != nil {
		panic(fmt.Sprintf("cluster: %v: %v", f, err))
	}
}

// look reads the verdicts. Whoever changed its role while nothing happened is
// not settled.
func (p *party) look(w *sim.World) result {
	restless := map[string]bool{}
	for i := range w.Timeline {
		restless[w.Timeline[i].Change.Name] = true
	}
	r := make(result, len(p.kinds))
	for k, s := range p.kinds {
		r[k].unsettled = restless[strconv.Itoa(k)]
		for _, m := range s.members {
			n := w.Node(p.c.name(m))
			key := m.inst.VRRP.Key
			key.Link = lan(k)
			if v, ok := n.View(key); ok && v.Role == vrrp.Master {
				r[k].masters |= 1 << m.node
			}
		}
	}
	return r
}
