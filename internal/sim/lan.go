package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// LAN is one broadcast domain.
type LAN struct {
	// Delay is how long a packet takes at least, Jitter how much longer at most.
	Delay, Jitter time.Duration
	// Loss and Twice are probabilities: that a receiver misses a packet, and
	// that it gets it a second time.
	Loss, Twice float64

	plugs []plug
	sides map[*Node]int // of a partition; nil: whole
}

// plug is an interface of a node.
type plug struct {
	*Node
	link string
}

// open tells whether packets get in and out.
func (p plug) open() bool { return p.Node.open(p.link) }

// Quiet tells whether the LAN neither loses nor repeats packets.
func (l *LAN) Quiet() bool { return l.Loss == 0 && l.Twice == 0 }

// Connected tells whether a packet of one node that leaves by a link of it can reach the other.
func (w *World) Connected(a, b *Node, link string) bool {
	p := a.ports[link]
	if p == nil {
		return false
	}
	for _, to := range p.lan.plugs {
		if to.Node == b && p.lan.connects(plug{a, link}, to) {
			return true
		}
	}
	return false
}

func (l *LAN) connects(a, b plug) bool {
	return a.open() && b.open() && l.sides[a.Node] == l.sides[b.Node]
}

// transmit brings a packet to everybody it is for.
func (w *World) transmit(from *Node, s *vrrp.Send) {
	if !from.open(s.Link) {
		return
	}
	d := wire.Datagram{V6: s.V6, Data: append([]byte(nil), s.Data...), Src: s.Src, Dst: s.Dst, HopLimit: s.HopLimit}
	l := from.ports[s.Link].lan
	for _, to := range l.plugs {
		if to.Node == from || w.Drops != nil && w.Drops(from, to.Node, to.link) {
			continue
		}
		if s.Dst.IsMulticast() || to.has(to.link, s.Dst) {
			w.carry(l, plug{from, s.Link}, to, d)
		}
	}
}

// carry brings a packet to one node, or not, or twice.
func (w *World) carry(l *LAN, from, to plug, d wire.Datagram) {
	if l.Loss > 0 && w.rand.Float64() < l.Loss {
		return
	}
	copies := 1
	if l.Twice > 0 && w.rand.Float64() < l.Twice {
		copies = 2
	}
	d.Link = to.link
	for range copies {
		w.after(w.flight(l), func() {
			if l.connects(from, to) {
				to.receive(d)
			}
		})
	}
}

func (w *World) flight(l *LAN) time.Duration {
	if l.Jitter == 0 {
		return l.Delay
	}
	return l.Delay + time.Duration(w.rand.Int64N(int64(l.Jitter)))
}

// has tells whether the address is one adverts of this node leave with.
func (n *Node) has(link string, a netip.Addr) bool {
	p := n.ports[link]
	return p != nil && (p.Source4 == a || p.Source6 == a || slices.Contains(p.more, a))
}
