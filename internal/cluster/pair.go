package cluster

import (
	"fmt"
	"net/netip"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// member is a vrrp_instance of one node.
type member struct {
	node  int
	inst  *config.Instance
	tree  *conf.Tree
	block *conf.Node
	// source is where its adverts come from: configured, or what the peer lists
	// of the others leave for it; zero where the files do not tell.
	source netip.Addr
	// grouped says that it is in a sync group with others, which keep it from being
	// MASTER where they are not.
	grouped bool
}

func (m *member) unicast() bool { return len(m.inst.VRRP.Peers) > 0 }

// peerless tells whether it stays in FAULT as its unicast_peer names nobody.
func (m *member) peerless() bool {
	return m.inst.FaultWithoutPeers && !m.unicast() && m.has("unicast_peer")
}

// shared is one virtual router with its instances, at most one for each node,
// in the order of the nodes.
type shared struct {
	members []*member
}

// on is the member of a node; nil if the node has none.
func (s *shared) on(node int) *member {
	for _, m := range s.members {
		if m.node == node {
			return m
		}
	}
	return nil
}

// name is what people call it: the name of its first instance.
func (s *shared) name() string { return s.members[0].inst.VRRP.Name }

// pair finds which instances of the nodes belong together. What the wire sees
// comes first: two instances meet when they have the same VRID and family and,
// for unicast, one names the other as its peer, for multicast, the same name of
// the interface, a virtual address in common, or virtual addresses in one
// network. What is left over by that is paired by what was meant, so that the
// difference can be told: the same VRID and interface, unicast here and
// multicast there; a virtual address in common under two VRIDs; the same name and
// VRID, on interfaces of other names or in two families. An instance that has no partner stays
// alone. Interfaces of one name are taken to be on one network.
func pair(nodes []Node) []*shared {
	var all []*shared
	for i, n := range nodes {
		fresh := members(i, n)
		for _, p := range passes() {
			fresh = p.match(all, fresh, i)
		}
		for _, m := range fresh {
			all = append(all, &shared{members: []*member{m}})
		}
	}
	for _, s := range all {
		s.inferSources()
	}
	return all
}

// Member is an instance of one node that stands in for those of others.
type Member struct {
	Node int
	*config.Instance
	// Source is where its adverts come from: configured, or what the peer lists of
	// the others leave for it; zero where the files do not tell.
	Source netip.Addr
}

// Pairs finds which instances of the nodes are one virtual router.
func Pairs(nodes []Node) [][]Member {
	var all [][]Member
	for _, s := range pair(nodes) {
		var one []Member
		for _, m := range s.members {
			one = append(one, Member{m.node, m.inst, m.source})
		}
		all = append(all, one)
	}
	return all
}

func members(node int, n Node) []*member {
	blocks, grouped := blocks(n.Tree, "vrrp_instance"), map[string]bool{}
	for _, g := range n.Config.Groups {
		for _, name := range g.Members {
			grouped[name] = len(g.Members) > 1
		}
	}
	list := make([]*member, 0, len(n.Config.Instances))
	for i := range n.Config.Instances {
		inst := &n.Config.Instances[i]
		list = append(list, &member{node: node, inst: inst, tree: n.Tree, block: blocks[inst.VRRP.Name], source: inst.VRRP.Source, grouped: grouped[inst.VRRP.Name]})
	}
	return list
}

// pass is one reason to pair: two members that have a key in common. old are
// the keys of members that are there already, fresh those of the next node's;
// they differ where one names what the other is.
type pass struct {
	old, fresh func(*member) []key
}

// key is something that two members can have in common.
type key struct {
	vrid    uint8
	v6      bool
	link    string
	name    string
	unicast bool
	addr    netip.Addr
	net     netip.Prefix
	role    string // of addr, where it matters
}

func passes() []pass {
	same := func(keys func(*member) []key) pass { return pass{keys, keys} }
	return []pass{
		{old: named, fresh: naming},
		same(func(m *member) []key {
			k := onWire(m)
			k.link, k.unicast = m.inst.VRRP.Link, m.unicast()
			return []key{k}
		}),
		same(func(m *member) []key { return each(onWire(m), m.inst.VRRP.VIPs, "vip") }),
		same(networks),
		same(func(m *member) []key {
			k := onWire(m)
			k.link = m.inst.VRRP.Link
			return []key{k}
		}),
		same(func(m *member) []key { return each(key{}, m.inst.VRRP.VIPs, "vip") }),
		same(func(m *member) []key {
			k := onWire(m)
			k.name = m.inst.VRRP.Name
			return []key{k}
		}),
		same(func(m *member) []key {
			return []key{{vrid: m.inst.VRRP.VRID, link: m.inst.VRRP.Link, name: m.inst.VRRP.Name}}
		}),
	}
}

func onWire(m *member) key { return key{vrid: m.inst.VRRP.VRID, v6: m.inst.VRRP.V6} }

func each(k key, addrs []netip.Addr, role string) []key {
	keys := make([]key, 0, len(addrs))
	for _, a := range addrs {
		k.addr, k.role = a, role
		keys = append(keys, k)
	}
	return keys
}

// named and naming meet where one of two unicast members is a peer of the other.
func named(m *member) []key { return peerKeys(m, "source", "peer") }

func naming(m *member) []key { return peerKeys(m, "peer", "source") }

func peerKeys(m *member, own, others string) []key {
	if !m.unicast() {
		return nil
	}
	keys := each(onWire(m), []netip.Addr{m.inst.VRRP.Source}, own)
	for _, p := range m.inst.VRRP.Peers {
		keys = append(keys, each(onWire(m), []netip.Addr{p.Addr}, others)...)
	}
	if !m.inst.VRRP.Source.IsValid() {
		return keys[1:]
	}
	return keys
}

// networks are those of the virtual addresses that say a length.
func networks(m *member) []key {
	k, keys := onWire(m), []key(nil)
	for i := range m.inst.VRRP.VIPs {
		if p := m.inst.Addrs[i].Prefix; p.Bits() < p.Addr().BitLen() && !p.Addr().IsLinkLocalUnicast() {
			k.net, k.unicast = p.Masked(), m.unicast()
			keys = append(keys, k)
		}
	}
	return keys
}

// match pairs fresh members of a node with what is there and returns those that
// found nobody.
func (p pass) match(all []*shared, fresh []*member, node int) (left []*member) {
	index := map[key]*shared{}
	for _, s := range all {
		if s.on(node) != nil {
			continue
		}
		for _, m := range s.members {
			for _, k := range p.old(m) {
				if index[k] == nil {
					index[k] = s
				}
			}
		}
	}
	for _, m := range fresh {
		if s := p.partner(index, m); s != nil {
			s.members = append(s.members, m)
			continue
		}
		left = append(left, m)
	}
	return left
}

func (p pass) partner(index map[key]*shared, m *member) *shared {
	for _, k := range p.fresh(m) {
		if s := index[k]; s != nil && s.on(m.node) == nil {
			return s
		}
	}
	return nil
}

// inferSources gives a unicast member without unicast_src_ip the one address that
// all others name and nobody else has.
func (s *shared) inferSources() {
	for _, m := range s.members {
		if !m.unicast() || m.source.IsValid() {
			continue
		}
		if found := s.meant(m); len(found) == 1 {
			m.source = found[0]
		}
	}
}

// meant lists the addresses by which all other members may name m.
func (s *shared) meant(m *member) (found []netip.Addr) {
	count := map[netip.Addr]int{}
	others := 0
	for _, o := range s.members {
		if o == m || !o.unicast() {
			continue
		}
		others++
		for _, p := range o.inst.VRRP.Peers {
			count[p.Addr]++
		}
	}
	for _, o := range s.members {
		delete(count, o.source)
	}
	for _, p := range m.inst.VRRP.Peers {
		delete(count, p.Addr)
	}
	for a, n := range count {
		if n == others {
			found = append(found, a)
		}
	}
	return found
}

// checkAlone speaks of an instance that no other node has.
func (c *checker) checkAlone(s *shared) {
	m := s.members[0]
	if len(c.nodes) < 2 || c.tellElsewhere(m) {
		return
	}
	c.advise("instance-on-one-node", m.at(),
		fmt.Sprintf("%s, VRID %d, is on %s only: nobody takes its addresses over", s.name(), m.inst.VRRP.VRID, c.name(m)),
		"write it on the other nodes too, or delete it")
}

// tellElsewhere speaks of an address that a virtual router of another number
// holds on another node. It reports whether there is one.
func (c *checker) tellElsewhere(m *member) bool {
	if c.holders == nil {
		c.holders = holders(c.instances)
	}
	for _, a := range m.inst.VRRP.VIPs {
		for _, o := range c.holders[a] {
			if o.node != m.node && o.inst.VRRP.VRID != m.inst.VRRP.VRID {
				c.tellVRID(m, o)
				return true
			}
		}
	}
	return false
}

// holders tells which members have an address.
func holders(all []*shared) map[netip.Addr][]*member {
	have := map[netip.Addr][]*member{}
	for _, s := range all {
		for _, m := range s.members {
			for _, a := range m.inst.VRRP.VIPs {
				have[a] = append(have[a], m)
			}
		}
	}
	return have
}
