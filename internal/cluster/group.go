package cluster

import (
	"fmt"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// synced is a sync group of one node: which of the shared instances are in it.
type synced struct {
	config.Group
	node  int
	block *conf.Node
	has   []*shared
}

func (g *synced) place() place {
	if g.block == nil {
		return place{name: g.Name, node: g.node}
	}
	if n := statement(g.block, "group"); n != nil {
		return place{n.Span(), g.block.Title(), g.Name, g.node}
	}
	return place{g.block.Span(), "", g.Name, g.node}
}

// hasMember reports whether a vrrp_sync_group block names the instance.
func hasMember(n *conf.Node, instance string) bool {
	return statement(statement(n, "group"), instance) != nil
}

// groups lists the sync groups of all nodes.
func (c *checker) groups() []*synced {
	at := map[nameOn]*shared{}
	for _, s := range c.instances {
		for _, m := range s.members {
			at[nameOn{m.node, m.inst.VRRP.Name}] = s
		}
	}
	var all []*synced
	for i, n := range c.nodes {
		blocks := blocks(n.Tree, "vrrp_sync_group")
		for _, g := range n.Config.Groups {
			group := &synced{Group: g, node: i, block: blocks[g.Name]}
			for _, name := range g.Members {
				if s := at[nameOn{i, name}]; s != nil {
					group.has = append(group.has, s)
				}
			}
			all = append(all, group)
		}
	}
	return all
}

// nameOn is the name of an instance on a node.
type nameOn struct {
	node int
	name string
}

// checkGroups compares the sync groups of every two nodes.
func (c *checker) checkGroups() {
	all := c.groups()
	in := map[*shared][]*synced{}
	for _, g := range all {
		for _, s := range g.has {
			in[s] = append(in[s], g)
		}
	}
	for _, g := range all {
		for node := range c.nodes {
			if node != g.node {
				c.compareGroup(g, node, in)
			}
		}
		c.checkAgreement(g, in)
	}
}

// of is the group of an instance on a node.
func of(groups []*synced, node int) *synced {
	i := slices.IndexFunc(groups, func(g *synced) bool { return g.node == node })
	if i < 0 {
		return nil
	}
	return groups[i]
}

// compareGroup looks for the members of g on another node.
func (c *checker) compareGroup(g *synced, node int, in map[*shared][]*synced) {
	var there *synced
	present, absent := []*shared(nil), []*shared(nil)
	for _, s := range g.has {
		if s.on(node) == nil {
			absent = append(absent, s)
			continue
		}
		present = append(present, s)
		if h := of(in[s], node); h != nil && there == nil {
			there = h
		}
	}
	if len(present) == 0 {
		return // each of them was spoken of
	}
	c.tellAbsent(g, node, absent)
	switch {
	case there == nil && len(present) > 1:
		c.advise("sync-group-missing", g.place(),
			fmt.Sprintf("the sync group %s of %s is missing on %s: there %s change role one by one, and may be on different nodes or nowhere after a failure",
				g.Name, c.nodes[g.node].Name, c.nodes[node].Name, instances(present)),
			"write the same vrrp_sync_group on all nodes")
	case there != nil:
		c.tellOutside(g, there, present, in)
	}
}

// tellAbsent speaks of members that the other node does not even have.
func (c *checker) tellAbsent(g *synced, node int, absent []*shared) {
	if len(absent) == 0 {
		return
	}
	c.complain("sync-group-member-missing", g.place(),
		fmt.Sprintf("%s in the sync group %s of %s is not on %s: when the group leaves %s, nobody has its addresses",
			instances(absent), g.Name, c.nodes[g.node].Name, c.nodes[node].Name, c.nodes[g.node].Name),
		"write the instance on all nodes, or take it out of the group")
}

// tellOutside speaks of members of g that are not in the group that the other
// node has for the rest.
func (c *checker) tellOutside(g, there *synced, present []*shared, in map[*shared][]*synced) {
	for _, s := range present {
		if of(in[s], there.node) == there {
			continue
		}
		name := s.on(there.node).inst.VRRP.Name
		c.advise("sync-group-member-missing", there.place(),
			fmt.Sprintf("the sync group %s lacks %s on %s, which is in the group on %s (%s): there it changes role without the others, and may be elsewhere or nowhere while the group is MASTER",
				there.Name, name, c.nodes[there.node].Name, c.nodes[g.node].Name, g.place()),
			"add "+name+" to the group")
	}
}

// checkAgreement: a group becomes MASTER when every member wants to be. Members
// that are preferred on different nodes keep each other from it; so may those
// that are preferred on one node and those that are equal on both.
func (c *checker) checkAgreement(g *synced, in map[*shared][]*synced) {
	var one, other *shared
	for _, s := range g.has {
		if len(s.members) < 2 || of(in[s], s.members[0].node) != g {
			continue // told once, for the first node that has it
		}
		if one == nil {
			one = s
		}
		if preferredNode(s) != preferredNode(one) {
			other = s
			break
		}
	}
	if other == nil || c.lonely(g, one, in) {
		return
	}
	m := other.on(g.node)
	c.advise("sync-group-disagrees", m.at("priority"),
		fmt.Sprintf("in the sync group %s %s is preferred on %s and %s on %s: neither takes the group from the other for good, and the one that is MASTER first may stay it",
			g.Name, one.name(), c.preferredName(one), m.inst.VRRP.Name, c.preferredName(other)),
		"prefer all members of a group on the same node")
}

// lonely tells whether no other node has a group for the instance.
func (c *checker) lonely(g *synced, s *shared, in map[*shared][]*synced) bool {
	return !slices.ContainsFunc(in[s], func(h *synced) bool { return h.node != g.node })
}

// preferredNode is the node with the highest priority; -1 when several have it.
func preferredNode(s *shared) int {
	if m := preferred(s); m != nil {
		return m.node
	}
	return -1
}

func (c *checker) preferredName(s *shared) string {
	if m := preferred(s); m != nil {
		return c.name(m)
	}
	return "none by its priority"
}

// instances names shared instances: "External_1 and Internal_1".
func instances(all []*shared) string {
	var words []string
	for _, s := range all {
		words = append(words, s.name())
	}
	if n := len(words); n > 4 {
		words = append(words[:3:3], fmt.Sprintf("%d more", n-3))
	}
	return list(words)
}
