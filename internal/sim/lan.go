package sim

import (
	"net/netip"
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

	sides map[*Node]int // of a partition; nil: whole
}

// Quiet tells whether the LAN neither loses nor repeats packets.
func (l *LAN) Quiet() bool { return l.Loss == 0 && l.Twice == 0 }

// Connected tells whether a packet from one node can reach the other on a link.
func (w *World) Connected(a, b *Node, link string) bool {
	l := w.LAN(link)
	return a.open(link) && b.open(link) && l.sides[a] == l.sides[b]
}

// transmit brings a packet to everybody it is for.
func (w *World) transmit(from *Node, s *vrrp.Send) {
	if !from.open(s.Link) {
		return
	}
	d := wire.Datagram{Link: s.Link, V6: s.V6, Data: append([]byte(nil), s.Data...),
		Src: s.Src, Dst: s.Dst, HopLimit: s.HopLimit}
	for _, to := range w.nodes {
		if to != from && (w.Drops == nil || !w.Drops(from, to, s.Link)) && (s.Dst.IsMulticast() || to.has(s.Link, s.Dst)) {
			w.carry(from, to, d)
		}
	}
}

// carry brings a packet to one node, or not, or twice.
func (w *World) carry(from, to *Node, d wire.Datagram) {
	l := w.LAN(d.Link)
	if l.Loss > 0 && w.rand.Float64() < l.Loss {
		return
	}
	copies := 1
	if l.Twice > 0 && w.rand.Float64() < l.Twice {
		copies = 2
	}
	for range copies {
		w.after(w.flight(l), func() {
			if w.Connected(from, to, d.Link) {
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
	return p != nil && (p.Source4 == a || p.Source6 == a)
}
