package lab

import (
	"fmt"
	"net/netip"
	"slices"

	"holdfast/internal/config"
)

// connect finds the link of each address that balancing needs and no file names:
// the one whose networks it is in, or a new one.
func (p *Plan) connect() {
	for _, n := range p.Nodes {
		for _, s := range n.Services {
			p.hold(n, s.Addr)
		}
	}
	for _, server := range p.Nodes[p.directors:] {
		if len(server.Links) == 0 {
			p.put(server, netip.MustParseAddr(server.Name))
		}
		for _, n := range p.Nodes[:p.directors] {
			if n.balancesTo(server.Name) {
				n.attach(server.Links...)
			}
		}
	}
}

// hold gives a virtual server's address that is no virtual_ipaddress to the first
// node that has the virtual server.
func (p *Plan) hold(n *NodePlan, a netip.Addr) {
	if slices.ContainsFunc(p.VIPs, func(v VIP) bool { return v.Prefix.Addr() == a }) {
		return
	}
	if owner := p.owner(a); owner == nil {
		p.put(n, a)
	} else if owner != n {
		n.note("%s is no virtual_ipaddress: in the lab %s has it", a, owner.Name)
	}
}

// owner is the node that has an address of its own; nil if none has.
func (p *Plan) owner(a netip.Addr) *NodePlan {
	for _, n := range p.Nodes {
		for _, prefixes := range n.Addrs {
			if slices.ContainsFunc(prefixes, func(o netip.Prefix) bool { return o.Addr() == a }) {
				return n
			}
		}
	}
	return nil
}

// put gives a node an address.
func (p *Plan) put(n *NodePlan, a netip.Addr) {
	link, network := p.linkFor(a)
	n.attach(link)
	n.Addrs[link] = append(n.Addrs[link], netip.PrefixFrom(a, network.Bits()))
}

// linkFor is the link of an address and its network there.
func (p *Plan) linkFor(a netip.Addr) (string, netip.Prefix) {
	for i, link := range p.Links {
		for _, network := range p.networks(i, link) {
			if network.Contains(a) {
				return link, network
			}
		}
	}
	number := 0
	for slices.Contains(p.Links, fmt.Sprintf("eth%d", number)) {
		number++
	}
	link := fmt.Sprintf("eth%d", number)
	p.Links = append(p.Links, link)
	return link, around(netip.PrefixFrom(a, a.BitLen()))
}

func (n *NodePlan) attach(links ...string) {
	for _, link := range links {
		if !slices.Contains(n.Links, link) {
			n.Links = append(n.Links, link)
		}
	}
}

func (n *NodePlan) balancesTo(server string) bool {
	return slices.ContainsFunc(n.Services, func(s ServicePlan) bool {
		return slices.ContainsFunc(s.Servers, func(r RealPlan) bool { return r.Addr.String() == server })
	})
}

// translates reports whether a director rewrites packets, for which it has to be a
// router.
func (n *NodePlan) translates() bool {
	return slices.ContainsFunc(n.Services, func(s ServicePlan) bool {
		return slices.ContainsFunc(s.Servers, func(r RealPlan) bool { return r.Forwarding.Method == config.NAT })
	})
}

// findGateways finds the ways back that are always the same: a virtual address on
// the server's link that is not a virtual server's, or the only director.
func (p *Plan) findGateways() {
	balanced := p.balancedAddresses()
	for _, server := range p.Nodes[p.directors:] {
		sp, link := server.Server, server.Links[0]
		if len(sp.Behind) == 0 {
			continue
		}
		for _, v := range p.VIPs {
			if v.Link == link && !balanced[v.Prefix.Addr()] && v.Prefix.Addr().Is4() == sp.Behind[0].Is4() {
				sp.Gateway = v.Prefix.Addr()
			}
		}
		if owner := p.owner(sp.Behind[0]); owner != nil && !sp.Gateway.IsValid() {
			sp.Gateway = owner.on(link, sp.Behind[0].Is6())
		}
	}
}

// on is the address of a node on a link.
func (n *NodePlan) on(link string, v6 bool) netip.Addr {
	for _, a := range n.Addrs[link] {
		if a.Addr().Is6() == v6 {
			return a.Addr()
		}
	}
	return netip.Addr{}
}

// routes are lines for ip(8) that have a server's answers go back by a gateway; not
// valid: by the shortest way, since the client is on every link.
func (p *Plan) routes(server *NodePlan, gateway netip.Addr) (lines []string) {
	for link, prefixes := range p.Client {
		for _, c := range prefixes {
			via := gateway
			if !via.IsValid() && link != server.Links[0] {
				via = p.clientOn(server.Links[0], c.Addr().Is6())
			}
			if via.IsValid() && via.Is4() == c.Addr().Is4() {
				lines = append(lines, fmt.Sprintf("route replace %s/%d via %s", c.Addr(), c.Addr().BitLen(), via))
			}
		}
	}
	return lines
}

func (p *Plan) clientOn(link string, v6 bool) netip.Addr {
	client := NodePlan{Addrs: p.Client}
	return client.on(link, v6)
}
