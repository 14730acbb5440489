package cluster

import (
	"fmt"
	"net/netip"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// service is a virtual_server of one node.
type service struct {
	*config.VirtualServer
	node  int
	block *conf.Node
	key   serviceKey
}

// serviceKey is what virtual servers of two nodes are paired by: what they are
// known by and, where several are known by one name, which of them it is.
type serviceKey struct {
	name string
	nth  int
}

func (v service) place(words ...string) place {
	name := serviceName(v.VirtualServer)
	if v.block == nil {
		return place{name: name, node: v.node}
	}
	if n := statement(v.block, words...); n != nil {
		return place{n.Span(), v.block.Title(), name, v.node}
	}
	return place{v.block.Span(), "", name, v.node}
}

// serviceName is what a virtual server is known by: "10.16.8.100:80 TCP",
// "fwmark 3", "group web".
func serviceName(v *config.VirtualServer) string {
	switch {
	case v.Group != "":
		return "group " + v.Group
	case v.Mark != 0:
		return fmt.Sprintf("fwmark %d", v.Mark)
	case v.Addr.Is6():
		return fmt.Sprintf("[%s]:%d %s", v.Addr, v.Port, v.Protocol)
	}
	return fmt.Sprintf("%s:%d %s", v.Addr, v.Port, v.Protocol)
}

// services lists the virtual servers of a node with their blocks.
func services(node int, n Node) []service {
	blocks := map[string][]*conf.Node{}
	for _, b := range n.Tree.Nodes {
		if b.Keyword.Text == "virtual_server" {
			blocks[addressed(b)] = append(blocks[addressed(b)], b)
		}
	}
	all, count := make([]service, 0, len(n.Config.VirtualServers)), map[string]int{}
	for i := range n.Config.VirtualServers {
		v := service{VirtualServer: &n.Config.VirtualServers[i], node: node}
		name := serviceName(v.VirtualServer)
		v.key = serviceKey{name, count[name]}
		count[name]++
		if list := blocks[addressOf(v.VirtualServer)]; len(list) > 0 {
			v.block, blocks[addressOf(v.VirtualServer)] = list[0], list[1:]
		}
		all = append(all, v)
	}
	return all
}

// addressed is what stands behind the keyword of a virtual_server, in one form.
func addressed(b *conf.Node) string {
	var words []string
	for _, w := range b.Args {
		words = append(words, w.Text)
	}
	if len(words) == 0 {
		return ""
	}
	if a, err := netip.ParseAddr(words[0]); err == nil {
		words[0] = a.String()
	}
	if len(words) == 1 {
		words = append(words, "0")
	}
	return words[0] + " " + words[1]
}

func addressOf(v *config.VirtualServer) string {
	switch {
	case v.Group != "":
		return "group " + v.Group
	case v.Mark != 0:
		return fmt.Sprintf("fwmark %d", v.Mark)
	}
	return fmt.Sprintf("%s %d", v.Addr, v.Port)
}

// checkVirtualServers finds virtual servers that are on some nodes only or
// differ: a node that takes the addresses over needs the same table.
func (c *checker) checkVirtualServers() {
	index := make([]map[serviceKey]service, len(c.nodes))
	all := make([][]service, len(c.nodes))
	for i, n := range c.nodes {
		all[i], index[i] = services(i, n), map[serviceKey]service{}
		for _, v := range all[i] {
			index[i][v.key] = v
		}
	}
	for i := range c.nodes {
		for _, v := range all[i] {
			c.checkVirtualServer(v, index)
		}
	}
}

func (c *checker) checkVirtualServer(v service, index []map[serviceKey]service) {
	name := v.key.name
	for node := range c.nodes {
		o, there := index[node][v.key]
		switch {
		case !there:
			c.advise("virtual-server-on-one-node", v.place(),
				fmt.Sprintf("virtual_server %s is on %s and not on %s: when %s has the addresses, nobody serves there", name, c.nodes[v.node].Name, c.nodes[node].Name, c.nodes[node].Name),
				"write it on all nodes")
		case node < v.node:
			c.compareRealServers(v, o)
			c.compareForwarding(v, o)
		}
	}
}

// compareRealServers compares who is behind a virtual server.
func (c *checker) compareRealServers(v, o service) {
	here, there := lacking(v, o), lacking(o, v)
	if len(here)+len(there) == 0 {
		return
	}
	text := ""
	for _, part := range []struct {
		node int
		only []string
	}{{v.node, here}, {o.node, there}} {
		if len(part.only) == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("only %s has %s", c.nodes[part.node].Name, fewer(part.only))
	}
	c.advise("real-servers-differ", v.place("real_server"),
		fmt.Sprintf("the real servers of %s differ: %s (%s)", serviceName(v.VirtualServer), text, o.place("real_server")), makeEqual)
}

// lacking lists the real servers of v that o has not.
func lacking(v, o service) (only []string) {
	has := map[string]bool{}
	for i := range o.RealServers {
		has[realName(&o.RealServers[i])] = true
	}
	for i := range v.RealServers {
		if name := realName(&v.RealServers[i]); !has[name] {
			only = append(only, name)
		}
	}
	slices.Sort(only)
	return only
}

func realName(r *config.RealServer) string { return fmt.Sprintf("%s port %d", r.Addr, r.Port) }

func fewer(words []string) string {
	if n := len(words); n > 4 {
		words = append(words[:3:3], fmt.Sprintf("%d more", n-3))
	}
	return list(words)
}

// compareForwarding compares how connections are handed out.
func (c *checker) compareForwarding(v, o service) {
	for _, d := range []struct{ word, alias, here, there string }{
		{"lb_algo", "lvs_sched", v.Scheduler, o.Scheduler},
		{"lb_kind", "lvs_method", v.Forwarding.Method.String(), o.Forwarding.Method.String()},
		{"persistence_timeout", "", persistence(v), persistence(o)},
		{"quorum", "", fmt.Sprint(v.Quorum), fmt.Sprint(o.Quorum)},
		{"sorry_server", "", sorry(v), sorry(o)},
	} {
		if d.here != d.there {
			c.advise("virtual-server-differs", v.place(d.word, d.alias),
				fmt.Sprintf("%s of %s is %s on %s and %s on %s (%s)", d.word, serviceName(v.VirtualServer), d.here, c.nodes[v.node].Name, d.there, c.nodes[o.node].Name, o.place(d.word, d.alias)),
				makeEqual)
		}
	}
}

func persistence(v service) string {
	if v.Persistence == 0 {
		return "off"
	}
	return seconds(v.Persistence)
}

func sorry(v service) string {
	if v.Sorry == nil {
		return "none"
	}
	return fmt.Sprintf("%s port %d", v.Sorry.Addr, v.Sorry.Port)
}

// checkServerGroups compares the virtual_server_groups of one name.
func (c *checker) checkServerGroups() {
	type at struct {
		node  int
		group *config.ServerGroup
	}
	first := map[string]at{}
	for i, n := range c.nodes {
		blocks := blocks(n.Tree, "virtual_server_group")
		for k := range n.Config.ServerGroups {
			g := &n.Config.ServerGroups[k]
			o, known := first[g.Name]
			if !known {
				first[g.Name] = at{i, g}
				continue
			}
			if o.node == i || slices.Equal(entries(g), entries(o.group)) || blocks[g.Name] == nil {
				continue
			}
			c.advise("server-group-differs", place{blocks[g.Name].Span(), "", "virtual_server_group " + g.Name, i},
				fmt.Sprintf("virtual_server_group %s has other entries on %s than on %s: %s and %s", g.Name, c.nodes[i].Name, c.nodes[o.node].Name, fewer(entries(g)), fewer(entries(o.group))),
				makeEqual)
		}
	}
}

// entries are the lines of a group in one form and order.
func entries(g *config.ServerGroup) (all []string) {
	for _, e := range g.Entries {
		switch {
		case !e.From.IsValid():
			all = append(all, fmt.Sprintf("fwmark %d", e.Mark))
		case e.From == e.To || !e.To.IsValid():
			all = append(all, fmt.Sprintf("%s port %d", e.From, e.Port))
		default:
			all = append(all, fmt.Sprintf("%s-%s port %d", e.From, e.To, e.Port))
		}
	}
	slices.Sort(all)
	return all
}
