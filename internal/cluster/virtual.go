package cluster

import (
	"fmt"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// service is a virtual_server of one node.
type service struct {
	*config.VirtualServer
	node  int
	block *conf.Node
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

// services lists the virtual servers of a node. The blocks stand in the file in
// the order of the configuration.
func services(node int, n Node) []service {
	var blocks []*conf.Node
	for _, b := range n.Tree.Nodes {
		if b.Keyword.Text == "virtual_server" {
			blocks = append(blocks, b)
		}
	}
	all := make([]service, 0, len(n.Config.VirtualServers))
	for i := range n.Config.VirtualServers {
		v := service{VirtualServer: &n.Config.VirtualServers[i], node: node}
		if len(blocks) == len(n.Config.VirtualServers) {
			v.block = blocks[i]
		}
		all = append(all, v)
	}
	return all
}

// checkVirtualServers finds virtual servers that are on some nodes only or
// differ: a node that takes the addresses over needs the same table.
func (c *checker) checkVirtualServers() {
	index := make([]map[string]service, len(c.nodes))
	all := make([][]service, len(c.nodes))
	for i, n := range c.nodes {
		all[i], index[i] = services(i, n), map[string]service{}
		for _, v := range all[i] {
			if _, twice := index[i][serviceName(v.VirtualServer)]; !twice {
				index[i][serviceName(v.VirtualServer)] = v
			}
		}
	}
	for i := range c.nodes {
		for _, v := range all[i] {
			c.checkVirtualServer(v, index)
		}
	}
}

func (c *checker) checkVirtualServer(v service, index []map[string]service) {
	name := serviceName(v.VirtualServer)
	for node := range c.nodes {
		o, there := index[node][name]
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
	for _, d := range []struct{ word, here, there string }{
		{"lb_algo", v.Scheduler, o.Scheduler},
		{"lb_kind", v.Forwarding.Method.String(), o.Forwarding.Method.String()},
	} {
		if d.here != d.there {
			c.advise("virtual-server-differs", v.place(d.word, "lvs_sched", "lvs_method"),
				fmt.Sprintf("%s of %s is %s on %s and %s on %s (%s)", d.word, serviceName(v.VirtualServer), d.here, c.nodes[v.node].Name, d.there, c.nodes[o.node].Name, o.place(d.word)),
				makeEqual)
		}
	}
}
