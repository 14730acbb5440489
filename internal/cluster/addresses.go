package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// checkAddresses compares the lists of virtual addresses. Those in adverts are
// compared by the routers too; excluded ones are not.
func (c *checker) checkAddresses(s *shared) {
	ref := s.members[0]
	for _, m := range s.members[1:] {
		if family(m) != family(ref) {
			continue // said
		}
		if m.inst.VRRP.VRID == ref.inst.VRRP.VRID && reused(m, ref) {
			c.tellReused(m, ref)
			continue
		}
		c.compareAdvertised(m, ref)
		c.compareExcluded(m, ref)
	}
}

// reused tells whether one VRID stands for two things: other names and not one
// address in common.
func reused(m, o *member) bool {
	return m.inst.VRRP.Name != o.inst.VRRP.Name && len(m.inst.VRRP.VIPs) > 0 && len(o.inst.VRRP.VIPs) > 0 && common(m, o) == ""
}

func (c *checker) tellReused(m, ref *member) {
	c.complain("vrid-reused", m.at("virtual_router_id"),
		fmt.Sprintf("virtual_router_id %d stands for %s on %s and for %s on %s (%s): they are one virtual router, so only one of them is MASTER and the addresses of the other are nowhere (keepalived 2.2 drops adverts with other addresses and runs both)",
			m.inst.VRRP.VRID, m.inst.VRRP.Name, c.name(m), ref.inst.VRRP.Name, c.name(ref), ref.at("virtual_router_id")),
		"give each virtual router a number of its own on a network")
}

func (c *checker) compareAdvertised(m, ref *member) {
	here, there := missing(m.inst.VRRP.VIPs, ref.inst.VRRP.VIPs), missing(ref.inst.VRRP.VIPs, m.inst.VRRP.VIPs)
	if len(here)+len(there) == 0 {
		return
	}
	c.complain("addresses-differ", m.at("virtual_ipaddress"),
		fmt.Sprintf("the virtual addresses of %s differ: %s (%s). "+
			"keepalived 2.2 drops adverts with other addresses, and both become MASTER; holdfast and keepalived 2.4 log them, and these addresses are there only while their node is MASTER",
			m.inst.VRRP.Name, c.only(m, here, ref, there), ref.at("virtual_ipaddress")),
		"write the same addresses on all nodes")
}

// only says which addresses one of two nodes has alone.
func (c *checker) only(m *member, here []netip.Addr, ref *member, there []netip.Addr) string {
	var parts []string
	if len(here) > 0 {
		parts = append(parts, fmt.Sprintf("only %s has %s", c.name(m), some(here)))
	}
	if len(there) > 0 {
		parts = append(parts, fmt.Sprintf("only %s has %s", c.name(ref), some(there)))
	}
	return strings.Join(parts, ", ")
}

// some lists addresses, and counts those after the third.
func some(addrs []netip.Addr) string {
	var words []string
	for _, a := range addrs {
		words = append(words, a.String())
	}
	if n := len(words); n > 4 {
		words = append(words[:3:3], fmt.Sprintf("%d more", n-3))
	}
	return list(words)
}

// missing lists what is in a and not in b.
func missing(a, b []netip.Addr) (out []netip.Addr) {
	has := make(map[netip.Addr]bool, len(b))
	for _, x := range b {
		has[x] = true
	}
	for _, x := range a {
		if !has[x] {
			out = append(out, x)
		}
	}
	return out
}

func (c *checker) compareExcluded(m, ref *member) {
	here, there := missing(excluded(m), excluded(ref)), missing(excluded(ref), excluded(m))
	// What is advertised on the other side was spoken of.
	here, there = missing(here, ref.inst.VRRP.VIPs), missing(there, m.inst.VRRP.VIPs)
	if len(here)+len(there) == 0 {
		return
	}
	c.advise("excluded-addresses-differ", m.at("virtual_ipaddress_excluded"),
		fmt.Sprintf("the excluded addresses of %s differ: %s (%s); adverts do not tell them, so nobody notices, and they are there only while their node is MASTER",
			m.inst.VRRP.Name, c.only(m, here, ref, there), ref.at("virtual_ipaddress_excluded")),
		"write the same addresses on all nodes")
}

// excluded are the addresses that are held and not advertised.
func excluded(m *member) (addrs []netip.Addr) {
	for i := range m.inst.Addrs {
		if a := m.inst.Addrs[i].Prefix.Addr(); !slices.Contains(m.inst.VRRP.VIPs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
