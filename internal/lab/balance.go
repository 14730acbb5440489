package lab

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/lab/service"
	"holdfast/internal/realserver"
)

// ServicePlan is one address and port of a virtual server.
type ServicePlan struct {
	Addr     netip.Addr
	Port     uint16 // 0: every port
	Protocol string
	Servers  []RealPlan
	// Slowest is how long the checks may take to see that a server is gone.
	Slowest time.Duration
}

// RealPlan is one real server of a virtual server.
type RealPlan struct {
	Addr       netip.Addr
	Port       uint16
	Forwarding config.Forwarding
	Checks     []*config.Check
}

// anyPort is what is asked, and served, where every port is balanced.
const anyPort = 80

// target is what the client asks.
func (s *ServicePlan) target() service.Target {
	return service.Target{At: netip.AddrPortFrom(s.Addr, cmp.Or(s.Port, anyPort)), Protocol: cmp.Or(s.Protocol, "TCP"), Mail: s.mail()}
}

func (s *ServicePlan) mail() bool {
	return slices.ContainsFunc(s.Servers, func(r RealPlan) bool { return r.mail() })
}

func (r *RealPlan) mail() bool {
	return slices.ContainsFunc(r.Checks, func(c *config.Check) bool { return c.Kind == config.CheckSMTP })
}

// takeServers lists what a configuration balances. What the lab cannot ask for is
// noted.
func (n *NodePlan) takeServers(cfg *config.Config) {
	groups := map[string]*config.ServerGroup{}
	for i := range cfg.ServerGroups {
		groups[cfg.ServerGroups[i].Name] = &cfg.ServerGroups[i]
	}
	for i := range cfg.VirtualServers {
		v := &cfg.VirtualServers[i]
		switch g := groups[v.Group]; {
		case v.Mark != 0:
			n.note("the virtual server of fwmark %d is not asked: what has that mark is not in the file", v.Mark)
		case g != nil:
			n.takeGroup(v, g)
		case v.Addr.IsValid():
			n.takeService(v, v.Addr, v.Port)
		}
	}
}

// takeGroup asks the ends of each range.
func (n *NodePlan) takeGroup(v *config.VirtualServer, g *config.ServerGroup) {
	for _, e := range g.Entries {
		if !e.From.IsValid() {
			n.note("fwmark %d of the group %s is not asked: what has that mark is not in the file", e.Mark, g.Name)
			continue
		}
		n.takeService(v, e.From, e.Port)
		if e.To.IsValid() && e.To != e.From {
			n.takeService(v, e.To, e.Port)
		}
	}
}

func (n *NodePlan) takeService(v *config.VirtualServer, addr netip.Addr, port uint16) {
	s := ServicePlan{Addr: addr, Port: port, Protocol: v.Protocol}
	if s.Protocol != "TCP" && s.Protocol != "UDP" && s.Protocol != "" {
		n.note("%s of %s is not asked: the lab speaks TCP and UDP", s.Protocol, addr)
		return
	}
	for i := range v.RealServers {
		r := &v.RealServers[i]
		s.Servers = append(s.Servers, RealPlan{r.Addr, cmp.Or(r.Port, port, anyPort), r.Forwarding, r.Checks})
		s.Slowest = max(s.Slowest, slowest(r.Checks))
		n.takeCheckPrograms(r.Checks)
	}
	if v.Sorry != nil {
		s.Servers = append(s.Servers, RealPlan{v.Sorry.Addr, cmp.Or(v.Sorry.Port, port, anyPort), v.Sorry.Forwarding, nil})
	}
	n.Services = append(n.Services, s)
}

// slowest is the longest that one of the checks may take to fail for good.
func slowest(checks []*config.Check) (longest time.Duration) {
	for _, c := range checks {
		tries := time.Duration(c.Retry)
		longest = max(longest, c.DelayLoop+tries*c.DelayBeforeRetry+(tries+1)*c.Probe.Timeout)
	}
	return longest
}

func (n *NodePlan) takeCheckPrograms(checks []*config.Check) {
	for _, c := range checks {
		if c.Kind == config.CheckMisc && len(c.Misc.Command.Argv) > 0 && strings.HasPrefix(c.Misc.Command.Argv[0], "/") {
			n.Programs = append(n.Programs, c.Misc.Command.Argv[0])
		}
	}
}

func (n *NodePlan) note(format string, args ...any) {
	n.Notes = append(n.Notes, fmt.Sprintf(format, args...))
}

func (n *NodePlan) noteOnce(format string, args ...any) {
	n.note(format, args...)
	slices.Sort(n.Notes)
	n.Notes = slices.Compact(n.Notes)
}

// ServerPlan is what a real server is to be.
type ServerPlan struct {
	service.Server
	// Takes are the virtual addresses whose packets come as they are, or wrapped.
	Takes []realserver.Service
	// Behind are the virtual addresses that are translated: answers go back by way
	// of who holds them.
	Behind []netip.Addr
	// Gateway is that way where it is the same always; otherwise it is the address
	// of the holder on the server's link.
	Gateway netip.Addr
}

// addServers makes a node of each address that real servers have, named as that.
func (p *Plan) addServers() {
	servers := map[netip.Addr]*NodePlan{}
	taken := p.takenByDirectors()
	for _, n := range p.Nodes {
		for i := range n.Services {
			s := &n.Services[i]
			for _, r := range s.Servers {
				if r.Addr.IsLoopback() || taken[r.Addr] {
					n.noteOnce("nobody serves at %s, which is the node itself", r.Addr)
					continue
				}
				if servers[r.Addr] == nil {
					servers[r.Addr] = &NodePlan{Name: r.Addr.String(), Server: &ServerPlan{Server: service.Server{Name: r.Addr.String()}}}
				}
				servers[r.Addr].Server.serve(s, r)
			}
		}
	}
	p.directors = len(p.Nodes)
	for _, a := range slices.SortedFunc(maps.Keys(servers), netip.Addr.Compare) {
		p.Nodes = append(p.Nodes, servers[a])
	}
}

// takenByDirectors are the addresses of the directors themselves: who balances to
// those serves himself.
func (p *Plan) takenByDirectors() map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	for _, v := range p.VIPs {
		taken[v.Prefix.Addr()] = true
	}
	for _, n := range p.Nodes {
		for _, in := range n.Instances {
			taken[in.Source] = true
		}
	}
	maps.Copy(taken, p.balancedAddresses())
	return taken
}

// balancedAddresses are those of virtual servers.
func (p *Plan) balancedAddresses() map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	for _, n := range p.Nodes {
		for _, s := range n.Services {
			all[s.Addr] = true
		}
	}
	return all
}

// serve adds what a virtual server expects at a real one.
func (sp *ServerPlan) serve(s *ServicePlan, r RealPlan) {
	switch r.Forwarding.Method {
	case config.NAT:
		if !slices.Contains(sp.Behind, s.Addr) {
			sp.Behind = append(sp.Behind, s.Addr)
		}
	default:
		take := realserver.Service{Address: s.Addr, Tunnel: r.Forwarding.Method == config.TUN}
		if !slices.Contains(sp.Takes, take) {
			sp.Takes, sp.Own = append(sp.Takes, take), append(sp.Own, s.Addr)
		}
	}
	o := sp.offer(cmp.Or(s.Protocol, "TCP"), r.Port)
	o.Mail = o.Mail || r.mail()
	for _, c := range r.Checks {
		if o := sp.offerFor(c, r); o != nil {
			fulfil(o, c)
		}
	}
}

// offer finds the offer of a port, and makes it where there is none.
func (sp *ServerPlan) offer(protocol string, port uint16) *service.Offer {
	i := slices.IndexFunc(sp.Offers, func(o service.Offer) bool { return o.Protocol == protocol && o.Port == port })
	if i < 0 {
		i = len(sp.Offers)
		sp.Offers = append(sp.Offers, service.Offer{Protocol: protocol, Port: port, Pages: map[string]service.Page{}})
	}
	return &sp.Offers[i]
}

// offerFor is the offer that a check asks; nil if it asks for none, or somebody else.
func (sp *ServerPlan) offerFor(c *config.Check, r RealPlan) *service.Offer {
	if c.Probe.Addr.IsValid() && c.Probe.Addr != r.Addr {
		return nil
	}
	port := cmp.Or(c.Probe.Port, r.Port)
	switch c.Kind {
	case config.CheckTCP, config.CheckHTTP, config.CheckSSL, config.CheckSMTP:
		return sp.offer("TCP", port)
	case config.CheckDNS, config.CheckUDP:
		return sp.offer("UDP", port)
	}
	return nil
}

// fulfil makes an offer pass a check.
func fulfil(o *service.Offer, c *config.Check) {
	switch c.Kind {
	case config.CheckHTTP, config.CheckSSL:
		for _, u := range c.HTTP.URLs {
			o.Pages[u.Path] = pageFor(u)
		}
	case config.CheckSMTP:
		o.Mail = true
	case config.CheckDNS:
		o.Names = true
	case config.CheckUDP:
		o.Reply = c.UDP.Reply + strings.Repeat(".", max(0, int(c.UDP.MinLength)-len(c.UDP.Reply)))
	}
}

// pageFor is a page that passes. One that is compared by its digest cannot be made:
// it is the digest in the file that changes, to that of this page, see digests.
func pageFor(u config.URL) service.Page {
	p := service.Page{Status: 200, Body: "page " + u.Path + "\n"}
	if len(u.Status) > 0 {
		p.Status = int(u.Status[0].From)
	}
	if u.Digest != "" {
		p.Body = bodyFor(u.Digest)
	}
	if u.Regex != nil && !u.Regex.NoMatch { // a pattern that is plain text matches itself
		p.Body += u.Regex.Pattern + "\n"
	}
	return p
}

// bodyFor is the page that stands for the one with a digest.
func bodyFor(digest string) string { return "page of " + digest + "\n" }

// adapted is the text of a configuration with the digests of the lab's own pages.
func (n *NodePlan) adapted(text string) string {
	for old, instead := range n.digests() {
		text = strings.NewReplacer(old, instead, strings.ToUpper(old), instead).Replace(text)
	}
	return text
}

// digests are those that checks compare, and those of the pages of the lab instead.
func (n *NodePlan) digests() map[string]string {
	instead := map[string]string{}
	for _, s := range n.Services {
		for _, r := range s.Servers {
			for _, c := range r.Checks {
				if c.HTTP == nil {
					continue
				}
				for _, u := range c.HTTP.URLs {
					if u.Digest != "" {
						sum := md5.Sum([]byte(pageFor(u).Body))
						instead[u.Digest] = hex.EncodeToString(sum[:])
					}
				}
			}
		}
	}
	return instead
}

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

// services are those that the client asks, each once.
func (p *Plan) services() (all []service.Target) {
	for _, n := range p.Nodes {
		for i := range n.Services {
			s := &n.Services[i]
			if t := s.target(); !slices.Contains(all, t) && slices.ContainsFunc(s.Servers, p.plays) {
				all = append(all, t)
			}
		}
	}
	return all
}

// plays reports whether there is a node for a real server.
func (p *Plan) plays(r RealPlan) bool { return p.Node(r.Addr.String()) != nil }
