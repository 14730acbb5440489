// Package ipvs knows the kernel's table of virtual servers: what is wanted of
// it, the steps from what it holds to that, and how it is printed. It does not
// speak to the kernel; package ipvs/netlink does.
package ipvs

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
)

// Protocol is a transport protocol, by its number in the IP header.
type Protocol uint8

// The protocols that IPVS balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// String names the protocol as configurations do.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	}
	return "none"
}

// Key is what tells services apart: protocol, address and port, or a firewall
// mark and a family.
type Key struct {
	Protocol Protocol // 0: by mark
	At       netip.AddrPort
	Mark     uint32
	V6       bool // the family of a mark; an address has its own
}

// Is6 reports whether the service balances IPv6.
func (k Key) Is6() bool { return k.V6 || k.At.Addr().Is6() }

// String names the service as log lines do.
func (k Key) String() string {
	switch {
	case k.Protocol != 0:
		return fmt.Sprintf("[%s]:%s:%d", k.At.Addr(), k.Protocol, k.At.Port())
	case k.V6:
		return fmt.Sprintf("FWM %d inet6", k.Mark)
	}
	return fmt.Sprintf("FWM %d", k.Mark)
}

// Range yields the services of a range of addresses, both ends included.
func Range(p Protocol, first, last netip.Addr, port uint16) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for a := first; a.IsValid() && a.Compare(last) <= 0; a = a.Next() {
			if !yield(Key{Protocol: p, At: netip.AddrPortFrom(a, port)}) {
				return
			}
		}
	}
}

// Flags are what a service does beside scheduling, as the kernel numbers them.
type Flags uint32

// The flags. What the last three say depends on the scheduler: sh and mh take
// the first for fallback, the second for looking at the port.
const (
	Persistent Flags = 1 << 0
	OnePacket  Flags = 1 << 2
	Sched1     Flags = 1 << 3
	Sched2     Flags = 1 << 4
	Sched3     Flags = 1 << 5
)

const ownFlags = Persistent | OnePacket | Sched1 | Sched2 | Sched3

// Service is how a service balances.
type Service struct {
	Scheduler string
	Flags     Flags
	Timeout   uint32 // of persistence, in seconds
	// Granularity joins the clients that persist together: an IPv4 netmask as a
	// number, 255.255.255.0 being 0xffffff00, or an IPv6 prefix length.
	// 0: each for itself.
	Granularity uint32
	Engine      string // of persistence; "": by address
}

// Normal is the service as the kernel would report it.
func (s Service) Normal(v6 bool) Service {
	s.Flags &= ownFlags
	if s.Granularity == 0 {
		s.Granularity = WholeAddress(v6)
	}
	if s.Flags&Persistent == 0 {
		s.Timeout, s.Engine, s.Granularity = 0, "", WholeAddress(v6)
	}
	return s
}

// WholeAddress is the granularity that tells every client from every other.
func WholeAddress(v6 bool) uint32 {
	if v6 {
		return 128
	}
	return 0xffffffff
}

// Forward is the way of a packet to a destination, as the kernel numbers it.
type Forward uint32

// The ways.
const (
	Masquerade Forward = iota
	Local
	Tunnel
	Direct
)

// Wrap is the kind of a tunnel.
type Wrap uint8

// The kinds.
const (
	IPIP Wrap = iota
	GUE
	GRE
)

// Sum is how a tunnel protects what it carries.
type Sum uint16

// The sums. RemoteSum leaves the inner checksum to the receiver (GUE only).
const (
	NoSum     Sum = 0
	Checksum  Sum = 1
	RemoteSum Sum = 2
)

// Destination is how a service uses a real server.
type Destination struct {
	Forward Forward
	Weight  uint32
	Upper   uint32 // connections above which it takes no more; 0: no limit
	Lower   uint32 // connections below which it takes some again
	Wrap    Wrap   // for Tunnel
	Port    uint16 // for GUE
	Sum     Sum    // for GUE and GRE
}

// Normal is the destination as the kernel would report it.
func (d Destination) Normal() Destination {
	if d.Forward != Tunnel {
		d.Wrap, d.Port, d.Sum = IPIP, 0, NoSum
	}
	if d.Wrap != GUE {
		d.Port = 0
	}
	if d.Wrap == IPIP {
		d.Sum = NoSum
	}
	return d
}

// Server is a destination and where it is.
type Server struct {
	At netip.AddrPort
	Destination
}

// Pool is a service and its destinations, in the order of their addresses.
type Pool struct {
	Service
	Servers []Server
}

// Find finds a destination.
func (p Pool) Find(at netip.AddrPort) (d Destination, found bool) {
	i, found := p.find(at)
	if found {
		d = p.Servers[i].Destination
	}
	return d, found
}

func (p Pool) find(at netip.AddrPort) (int, bool) {
	return slices.BinarySearchFunc(p.Servers, at, func(s Server, at netip.AddrPort) int { return s.At.Compare(at) })
}

// Sorted puts destinations in order, as a Pool has them. Of those at one address the last
// one stays.
func Sorted(list []Server) []Server {
	slices.SortStableFunc(list, func(a, b Server) int { return a.At.Compare(b.At) })
	kept := list[:0]
	for i := range list {
		if i+1 == len(list) || list[i+1].At != list[i].At {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// Table is the whole of it.
type Table map[Key]Pool

// Timeouts are those of connections, in seconds. 0 leaves one as it is.
type Timeouts struct{ TCP, TCPFin, UDP uint32 }

// Role is a side of connection synchronisation, as the kernel numbers it.
type Role uint32

// The roles. A kernel can play both at once.
const (
	Master Role = 1
	Backup Role = 2
)

// String names the role as ipvsadm does.
func (r Role) String() string {
	if r == Master {
		return "master"
	}
	return "backup"
}

// Daemon is a synchronisation daemon of the kernel. Its zero values leave the
// choice to the kernel, which reports what it chose.
type Daemon struct {
	Role      Role
	Interface string
	ID        uint8
	MaxLen    uint16 // bytes of a message
	Group     netip.Addr
	Port      uint16
	TTL       uint8
}

// Counters are the statistics of a service or destination, and its rates a second.
type Counters struct {
	Conns, InPackets, OutPackets, InBytes, OutBytes                uint64
	ConnRate, InPacketRate, OutPacketRate, InByteRate, OutByteRate uint64
}

// Usage is how much a service is used.
type Usage struct {
	Key
	Counters
	Servers []ServerUsage
}

// ServerUsage is how much a destination of it is used.
type ServerUsage struct {
	At                         netip.AddrPort
	Active, Inactive, Persists uint32 // connections, and templates of persistence
	Counters
}

// Keys are the services in the order in which they are printed: by protocol,
// address and port; then by mark.
func (t Table) Keys() []Key { return slices.SortedFunc(maps.Keys(t), compareKeys) }

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.At.Compare(b.At), cmp.Compare(a.Mark, b.Mark), compareBool(a.V6, b.V6))
}

// rank puts marks last.
func rank(k Key) int {
	if k.Protocol == 0 {
		return 256
	}
	return int(k.Protocol)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
