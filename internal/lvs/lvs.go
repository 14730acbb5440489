// Package lvs knows a virtual server: which of its real servers live, what they
// weigh, whether that makes the quorum, and what of them the kernel is to hold.
// It neither checks nor tells, and does not speak to the kernel.
package lvs

import (
	"math"
	"net/netip"

	"holdfast/internal/ipvs"
)

// Server is a real server.
type Server struct {
	At  netip.AddrPort
	Way ipvs.Destination // its Weight is not looked at
	// Weight is the configured one, Extra what checks add to it.
	Extra  int64
	Weight int32
	// Inhibit: while it is down it stays in the table with weight 0.
	Inhibit bool
	// Drained: it is given weight 0, so that it gets no new connections.
	Drained bool
	// Alive: none of its checks has failed.
	Alive bool
}

// Effective is the weight that the kernel is given.
func (s *Server) Effective() uint32 {
	if s.Drained {
		return 0
	}
	return uint32(min(max(int64(s.Weight)+s.Extra, 0), math.MaxInt32))
}

// Sorry is the server that takes the connections while the quorum is lost.
type Sorry struct {
	At      netip.AddrPort
	Way     ipvs.Destination
	Inhibit bool // it stays in the table with weight 0 while it is not needed
}

// Virtual is a virtual server. Its quorum counts as lost until Review.
type Virtual struct {
	Quorum, Hysteresis uint32
	Sorry              *Sorry // nil: none
	Servers            []*Server
	Up                 bool // it has its quorum
}

// Sum is the weight of all that live.
func (v *Virtual) Sum() (sum uint64) {
	for _, s := range v.Servers {
		if s.Alive {
			sum += uint64(s.Effective())
		}
	}
	return sum
}

// Threshold is the sum at which the quorum is gained or, while it is there, below
// which it is lost.
func (v *Virtual) Threshold() int64 {
	if v.Up {
		return int64(v.Quorum) - int64(v.Hysteresis)
	}
	return int64(v.Quorum) + int64(v.Hysteresis)
}

// Review gains or loses the quorum by what lives now, and reports whether it did.
func (v *Virtual) Review() (changed bool) {
	sum := v.Sum()
	up := sum > 0 && int64(sum) >= v.Threshold()
	changed = up != v.Up
	v.Up = up
	return changed
}

// Apologises reports whether the sorry server stands in for the others.
func (v *Virtual) Apologises() bool { return v.Sorry != nil && !v.Up }

// Pool is what a service of the virtual server is to hold. A group has several
// services. Packets that are not translated keep their port, so that of the
// service counts for them. The sorry server may be one of the real servers too.
func (v *Virtual) Pool(k ipvs.Key) []ipvs.Server {
	pool := make([]ipvs.Server, 0, v.places())
	if v.Up && v.Sorry != nil && v.Sorry.Inhibit {
		pool = append(pool, v.Sorry.weighing(k, 0))
	}
	for _, s := range v.Servers {
		switch {
		case s.Alive && !v.Apologises():
			pool = append(pool, s.weighing(k, s.Effective()))
		case s.Inhibit:
			pool = append(pool, s.weighing(k, 0))
		}
	}
	if v.Apologises() {
		pool = append(pool, v.Sorry.weighing(k, 1))
	}
	return ipvs.Sorted(pool)
}

// places are as many as there can be.
func (v *Virtual) places() int {
	if v.Sorry == nil {
		return len(v.Servers)
	}
	return len(v.Servers) + 1
}

func (s *Server) weighing(k ipvs.Key, weight uint32) ipvs.Server {
	d := ipvs.Server{At: s.Reached(k), Destination: s.Way}
	d.Weight = weight
	return d
}

func (s *Sorry) weighing(k ipvs.Key, weight uint32) ipvs.Server {
	d := ipvs.Server{At: s.Reached(k), Destination: s.Way}
	d.Weight = weight
	return d
}

// Reached is where packets of a service go.
func (s *Server) Reached(k ipvs.Key) netip.AddrPort { return reached(s.At, s.Way, k) }

// Reached is where packets of a service go.
func (s *Sorry) Reached(k ipvs.Key) netip.AddrPort { return reached(s.At, s.Way, k) }

func reached(at netip.AddrPort, way ipvs.Destination, k ipvs.Key) netip.AddrPort {
	if way.Forward == ipvs.Masquerade {
		return at
	}
	return netip.AddrPortFrom(at.Addr(), k.At.Port())
}
