package lab

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/lab/service"
	"holdfast/internal/realserver"
)

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
