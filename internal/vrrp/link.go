package vrrp

import "net/netip"

// link is what the Set knows of an interface, and who lives on it.
type link struct {
	LinkState
	routers []ID
	// strangers marks the VRIDs without a router that were logged, IPv4 then IPv6.
	strangers [2][4]uint64
}

// link finds or makes the entry of a link. The empty name is that of unicast
// routers without interface, which depend on none.
func (s *Set) link(name string) *link {
	k := s.links[name]
	if k == nil {
		k = &link{}
		if name == "" {
			k.Exists, k.Up = true, true
		}
		s.links[name] = k
	}
	return k
}

// strange marks a VRID as logged and tells whether it was new.
func (k *link) strange(v6 bool, vrid uint8) bool {
	family := 0
	if v6 {
		family = 1
	}
	word, bit := &k.strangers[family][vrid/64], uint64(1)<<(vrid%64)
	fresh := *word&bit == 0
	*word |= bit
	return fresh
}

// sourceOf is the address adverts of r leave with: configured, else the link's.
func (r *router) sourceOf() netip.Addr {
	switch {
	case r.cfg.Source.IsValid():
		return r.cfg.Source.WithZone("")
	case r.cfg.From.IsValid():
		return r.cfg.From.WithZone("")
	case r.cfg.OwnSource && r.cfg.V6:
		return Sibling(r.link.Source6, r.cfg.VRID)
	case r.cfg.OwnSource:
		return netip.Addr{}
	case r.cfg.V6:
		return r.link.Source6.WithZone("")
	}
	return r.link.Source4
}

// Sibling is a link-local address for a link that has the MAC address of its parent:
// the parent's, with the VRID mixed into what stands between the halves of that.
// Without one there is none.
func Sibling(parent netip.Addr, vrid uint8) netip.Addr {
	if !parent.Is6() {
		return netip.Addr{}
	}
	b := parent.As16()
	b[11], b[12] = b[11]^0x80, b[12]^vrid
	return netip.AddrFrom16(b)
}
