// Package host says what the network stack of this machine should hold and
// finds the steps from what it holds. It performs none of them; host/netlink does.
package host

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"holdfast/internal/index"
)

// Protocol marks what is ours: the routing protocol number and, on kernels from
// 5.18, the address protocol (IFA_PROTO). It is keepalived's own number, so that
// a node can change from one program to the other and adopt what it finds.
const Protocol = 18

// Link is an interface as the kernel reports it.
type Link struct {
	Name         string
	Index        int
	Kind         string // "veth", "macvlan", ...; empty for hardware
	Up           bool   // administratively
	Carrier      bool   // operationally running
	Loopback     bool
	NoARP        bool
	Multicast    bool
	PointToPoint bool
	MTU          int
	MAC          [6]byte
	Parent       int    // index of the link below; 0: none, or in another namespace
	Master       int    // index of the bridge, bond or VRF it is a part of; 0: none
	Group        uint32 // of links, as `ip link set group` sets it
	Private      bool   // a macvlan that its brothers do not reach
	IPVLAN       IPVLAN // what kind of ipvlan of mode L2; NoIPVLAN: it is none
	Alias        string
	Table        uint32 // of a VRF: its routing table
}

// Addr is the identity of an address on a link.
type Addr struct {
	Link   string
	Prefix netip.Prefix // address and its prefix length
	Peer   netip.Prefix // point-to-point remote; zero without one
}

// AddrOpts is what else the kernel is told of an address.
type AddrOpts struct {
	Broadcast     netip.Addr // IPv4; zero: none
	Scope         uint8      // rt_scope: 0 global, 253 link, 254 host
	Label         string     // IPv4
	Preferred     uint32     // seconds; Forever, or 0 for deprecated
	NoDAD         bool
	Home          bool
	ManageTemp    bool
	NoPrefixRoute bool
	AutoJoin      bool
	// Protocol is the mark an observed address carries; Plan sets it.
	Protocol uint8
	// Shield is for a Filter; the address itself is the same with and without.
	Shield Shield
	// Tentative and DADFailed are seen, never wanted.
	Tentative, DADFailed bool
	// Secondary is seen, never wanted: an IPv4 address that goes when the
	// primary of its subnet goes, unless the link promotes secondaries.
	Secondary bool
	// Order is the position among the addresses: as the kernel lists them when
	// found, as configured when handed to Plan. It says nothing about equality.
	Order int
}

// Forever is the lifetime of what does not expire.
const Forever = ^uint32(0)

// Wish is an address with its options.
type Wish struct {
	Addr
	AddrOpts
}

// State is what holdfast wants the kernel to hold, or has found in it. Found
// states carry all links and all addresses, ours and others', and of routes and
// rules those that carry our mark.
type State struct {
	Links  map[string]Link
	Addrs  map[Addr]AddrOpts
	Things []Thing
}

// Has reports whether s, as it was found, holds what the kernel makes of a thing.
func (s *State) Has(t Thing) bool {
	return slices.ContainsFunc(s.Things, func(f Thing) bool { return f.place() == t.place() && t.is(f, s.Links) })
}

// Delta is what changed in the wanted state.
type Delta struct {
	Want []Wish
	Drop []Addr
	// Things come after the addresses, those that are Gone go before them.
	Things, Gone []Thing
	// Hush are devices that say nothing more by themselves once the addresses are gone.
	Hush []string
	// Filter is what the packet filter is like from now on; nil: as it was.
	Filter *FilterConfig
	// Devices are all that are wanted from now on, and Promote the links on which the
	// other addresses of a subnet stay when its primary goes; nil: the same as before.
	Devices *[]Device
	Promote *[]string
}

// Empty reports whether nothing changed.
func (d *Delta) Empty() bool {
	return len(d.Want)+len(d.Drop)+len(d.Things)+len(d.Gone)+len(d.Hush) == 0 && d.Filter == nil && d.Devices == nil && d.Promote == nil
}

// Clone returns a copy that shares no list of changes with d.
func (d *Delta) Clone() Delta {
	c := *d
	c.Want, c.Drop = slices.Clone(d.Want), slices.Clone(d.Drop)
	c.Things, c.Gone, c.Hush = slices.Clone(d.Things), slices.Clone(d.Gone), slices.Clone(d.Hush)
	return c
}

// Verb is what an Op does.
type Verb uint8

// The verbs.
const (
	AddAddr Verb = iota
	DelAddr
	ChangeAddr // the address stays, its lifetime or flags change
	AddThing   // ErrExists if exactly this is there
	DelThing
)

// Op is one change of the kernel's state.
type Op struct {
	Verb  Verb
	Wish        // for DelAddr only the Addr part
	Thing Thing // for AddThing and DelThing
}

// Change is something the kernel reported: a link or an address that came,
// changed or went, or a route or rule that went or was replaced. Resync says that reports were lost and everything is to be
// observed anew.
type Change struct {
	Resync bool
	Gone   bool
	Link   *Link
	Addr   *Wish
	Thing  Thing
}

// Kernel is the only door to the network stack of the machine.
type Kernel interface {
	// Observe reads all links and all addresses.
	Observe() (State, error)
	// Do carries out ops in order and answers with one error, or nil, for each.
	Do(ops []Op) []error
	// Shape does the same for links.
	Shape(ops []LinkOp) []error
	// Setting reads a sysctl, Set writes it.
	Setting(s Sysctl) (string, error)
	Set(s Sysctl, value string) error
	// Watch reports what changes until the context ends.
	Watch(ctx context.Context, report func(Change)) error
}

// What a Kernel wraps where an error means that there was nothing to do, or
// that the link is missing.
var (
	ErrExists  = errors.New("exists already")
	ErrMissing = errors.New("is not there")
	ErrNoLink  = errors.New("no such link")
)

// Canonical returns a as the kernel reports it: a peer gives its prefix length
// to both ends, IPv4 is four bytes, a link-local address names no zone.
func (a Addr) Canonical() Addr {
	a.Prefix = plain(a.Prefix)
	if !a.Peer.IsValid() {
		return a
	}
	a.Peer = plain(a.Peer)
	a.Prefix = netip.PrefixFrom(a.Prefix.Addr(), a.Peer.Bits())
	return a
}

func (a Addr) hash() index.Hash {
	return index.Of(a.Link).WithAddr(a.Prefix.Addr()).With(uint64(a.Prefix.Bits())).WithAddr(a.Peer.Addr())
}

func plain(p netip.Prefix) netip.Prefix {
	if addr := p.Addr(); addr.Is4In6() {
		return netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
	}
	return p
}

// V6 reports whether a is an IPv6 address.
func (a Addr) V6() bool { return a.Prefix.Addr().Is6() }

// subnet is where a is primary or secondary: the kernel compares link and network.
func (a Addr) subnet() Addr {
	net := a.Prefix
	if a.Peer.IsValid() {
		net = a.Peer
	}
	return Addr{Link: a.Link, Prefix: net.Masked()}
}

// Mark notes that found addresses are ours although the kernel does not say so:
// left by a kernel without marks, or by keepalived before 2.2.8.
func (s State) Mark(ours []Addr) {
	for _, a := range ours {
		if o, found := s.Addrs[a.Canonical()]; found {
			o.Protocol = Protocol
			s.Addrs[a.Canonical()] = o
		}
	}
}
