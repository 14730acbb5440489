package cluster

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// checkUnicast compares the sources and peer lists of unicast members, and the
// sources of all.
func (c *checker) checkUnicast(s *shared) {
	c.checkSameSource(s)
	for _, m := range s.members {
		if m.unicast() {
			c.checkNamed(s, m)
		}
	}
	for _, m := range s.members {
		if m.unicast() {
			c.checkPeers(s, m)
		}
	}
}

// checkSameSource finds the file that was copied with its source address.
func (c *checker) checkSameSource(s *shared) {
	for i, m := range s.members {
		for _, o := range s.members[:i] {
			if m.inst.VRRP.Source.IsValid() && m.inst.VRRP.Source == o.inst.VRRP.Source {
				c.complain("same-source", m.at("unicast_src_ip", "mcast_src_ip"),
					fmt.Sprintf("%s and %s (%s) send from one address, %s; the kernel of the node that has it drops what comes from it, and so does not hear the other", c.name(m), c.name(o), o.at("unicast_src_ip", "mcast_src_ip"), m.source),
					"write each node's own address")
				break
			}
		}
	}
}

// checkNamed finds who does not send to m.
func (c *checker) checkNamed(s *shared, m *member) {
	var deafTo []*member
	others := 0
	for _, o := range s.members {
		if o == m || !o.unicast() || o.source == m.source {
			continue
		}
		others++
		if m.source.IsValid() && !names(o, m.source) {
			deafTo = append(deafTo, o)
		}
	}
	switch {
	case len(deafTo) == 0:
	case len(deafTo) == others && m.inst.VRRP.Source.IsValid():
		c.tellUnnamed(s, m, deafTo)
	default:
		for _, o := range deafTo {
			c.complain("unicast-peer-missing", o.at("unicast_peer"),
				fmt.Sprintf("%s does not name %s, %s%s: %s", c.name(o), c.name(m), m.source, c.sourceLine(m), unheard(c, m, others, len(deafTo), c.name(o))),
				"add "+m.source.String())
		}
	}
}

// sourceLine is where the source of m is written, if it is.
func (c *checker) sourceLine(m *member) string {
	if !m.inst.VRRP.Source.IsValid() {
		return ""
	}
	return fmt.Sprintf(" (%s)", m.at("unicast_src_ip", "mcast_src_ip"))
}

// tellUnnamed speaks of a source that no other node sends to.
func (c *checker) tellUnnamed(s *shared, m *member, others []*member) {
	strange := c.strangers(s, others)
	fix := "add it to the unicast_peer list of " + c.names(others)
	text := fmt.Sprintf("no other node names %s, the unicast_src_ip of %s: ", m.source, c.name(m))
	if len(strange) > 0 {
		o := strange[0]
		text = fmt.Sprintf("%s sends from %s, and %s names %s (%s), which no node has: ", c.name(m), m.source, c.name(o.m), o.addr, where(o.at.span))
		fix = fmt.Sprintf("write %s here, or %s there", o.addr, m.source)
		for _, o := range strange {
			c.said[o.at.span] = true
		}
	}
	c.complain("unicast-source-unnamed", m.at("unicast_src_ip", "mcast_src_ip"),
		text+unheard(c, m, len(others), len(others), ""), fix)
}

// unheard is what happens to a node that somebody does not send to.
func unheard(c *checker, m *member, others, deafTo int, who string) string {
	if m.grouped {
		return fmt.Sprintf("%s does not hear %s, and both can be MASTER", c.name(m), cmp.Or(who, "the others"))
	}
	if others == deafTo {
		return fmt.Sprintf("%s hears nobody and is MASTER whenever it runs", c.name(m))
	}
	return fmt.Sprintf("while %s is MASTER, %s hears nothing and becomes MASTER too", who, c.name(m))
}

func names(m *member, a netip.Addr) bool {
	for _, p := range m.inst.VRRP.Peers {
		if p.Addr == a {
			return true
		}
	}
	return false
}

// stranger is a peer that no member is.
type stranger struct {
	m    *member
	addr netip.Addr
	at   place
}

// strangers lists the peers that are no member's source, where all sources are known.
func (c *checker) strangers(s *shared, of []*member) (found []stranger) {
	for _, o := range s.members {
		if !o.source.IsValid() {
			return nil
		}
	}
	for _, m := range of {
		for _, p := range m.inst.VRRP.Peers {
			if !slices.ContainsFunc(s.members, func(o *member) bool { return o.source == p.Addr }) {
				found = append(found, stranger{m, p.Addr, m.inside("unicast_peer", p.Addr.String())})
			}
		}
	}
	return found
}

// checkPeers speaks of peers that no file here belongs to.
func (c *checker) checkPeers(s *shared, m *member) {
	for _, p := range c.strangers(s, []*member{m}) {
		if c.said[p.at.span] {
			continue
		}
		c.advise("unicast-peer-unknown", p.at,
			fmt.Sprintf("%s names the peer %s, which is the source of no node here", c.name(m), p.addr),
			"name its file too, or delete the line")
	}
}
