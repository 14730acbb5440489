package router

import (
	"net/netip"
	"slices"

	"holdfast/internal/host"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// link is an interface and the addresses on it that are not virtual, in the
// kernel's order.
type link struct {
	host.Link
	exists bool
	addrs  []netip.Prefix
	calm   *calm // nil: its changes count at once
	// beat is what the link said when it was last asked; it counts if the link is polled.
	beat   tracker.State
	polled bool
}

// anywhere names the link of virtual routers without an interface: it is always
// there, and what it is in truth the routing table knows.
const anywhere = ""

// links is what is known of the interfaces of this machine.
type links struct {
	byName map[string]*link
	// virtual tells the addresses of the configuration: never a source.
	virtual func(netip.Addr) bool
	// calm are the links whose changes are to last before they count.
	calm []*link
	// polled are those that are asked (linkbeat).
	polled []*link
}

// observe takes over a whole picture and returns the names it concerns.
func (ls *links) observe(s host.State) []string {
	for _, l := range ls.byName {
		l.exists, l.addrs = l.Name == anywhere, l.addrs[:0]
	}
	for _, l := range s.Links {
		ls.see(host.Change{Link: &l})
	}
	for a, o := range s.Addrs {
		ls.see(host.Change{Addr: &host.Wish{Addr: a, AddrOpts: o}})
	}
	names := make([]string, 0, len(ls.byName))
	for name := range ls.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// see takes one report and returns the name of the link it concerns.
func (ls *links) see(c host.Change) string {
	switch {
	case c.Link != nil:
		l := ls.get(c.Link.Name)
		l.Link, l.exists = *c.Link, !c.Gone
		if c.Gone {
			l.addrs = nil
		}
		return l.Name
	case c.Addr != nil:
		return ls.seeAddr(c)
	}
	return ""
}

func (ls *links) seeAddr(c host.Change) string {
	name := c.Addr.Link
	l, p := ls.get(name), c.Addr.Prefix
	at := slices.Index(l.addrs, p)
	usable := !c.Gone && !c.Addr.Tentative && !c.Addr.DADFailed && c.Addr.Protocol != host.Protocol
	switch {
	case usable && at < 0:
		l.addrs = append(l.addrs, p)
	case !usable && at >= 0:
		l.addrs = slices.Delete(l.addrs, at, at+1)
	}
	return name
}

func (ls *links) get(name string) *link {
	l := ls.byName[name]
	if l == nil {
		l = &link{Link: host.Link{Name: name}}
		if name == anywhere {
			l.exists, l.Up, l.Carrier = true, true, true
		}
		ls.byName[name] = l
	}
	return l
}

// poll makes names the links whose answers count. What a link that is not asked any
// more said last is forgotten.
func (ls *links) poll(names []string) {
	before := ls.polled
	for _, l := range before {
		l.polled = false
	}
	ls.polled = nil
	for _, name := range names {
		l := ls.get(name)
		l.polled = true
		ls.polled = append(ls.polled, l)
	}
	for _, l := range before {
		if !l.polled {
			l.beat = tracker.Unknown
		}
	}
}

// live says whether the link is up and runs: as it says itself when it is asked,
// else as the kernel reports.
func (l *link) live() bool {
	if l.polled && l.beat != tracker.Unknown {
		return l.Up && l.beat == tracker.Good
	}
	return l.Up && l.Carrier
}

// good says whether a tracked interface is there and works.
func (l *link) good() bool { return l.exists && l.works() }

// has says whether an address is on the link that is not virtual.
func (l *link) has(a netip.Addr) bool {
	return l.exists && slices.ContainsFunc(l.addrs, func(p netip.Prefix) bool { return p.Addr() == a })
}

// state is what virtual routers need to know of the link.
func (ls *links) state(l *link) vrrp.LinkState {
	return vrrp.LinkState{
		Exists:  l.exists,
		Up:      l.works(),
		Source4: ls.source(l, netip.Addr.Is4),
		Source6: ls.source(l, netip.Addr.IsLinkLocalUnicast),
		MTU:     l.MTU,
	}
}

// source is the first address of a kind that is not virtual. IPv6 adverts come
// from a link-local address (RFC 9568 section 5.1.2.1).
func (ls *links) source(l *link, kind func(netip.Addr) bool) netip.Addr {
	for _, p := range l.addrs {
		a := p.Addr()
		if kind(a) && (a.Is4() || a.Is6() && a.IsLinkLocalUnicast()) && !ls.virtual(a) {
			return a
		}
	}
	return netip.Addr{}
}
