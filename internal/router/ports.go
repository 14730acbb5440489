package router

import (
	"cmp"
	"net/netip"
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Ear is what tells sockets to listen at apart.
type Ear struct {
	Link   string
	V6     bool
	Header bool // adverts with an authentication header
}

// Port is a socket to listen at: one for each Ear.
type Port struct {
	Ear
	VRIDs  [256]bool
	Groups []netip.Addr // multicast groups to join
	// All lets adverts of unconfigured routers through too, to log them.
	All bool
	// Buffer is the size of the receive buffer in bytes, to which MTUs times the
	// MTU of the link are added; 0 and 0: as large as seems good.
	Buffer, MTUs int
}

// Ports are the sockets that the configuration needs, whether their links
// exist or not. The slice is the Router's own.
func (r *Router) Ports() []Port { return r.ports }

// share adds the part of a router to the size of the buffer.
func (p *Port) share(c *Config, i int) {
	g, own := &c.Global, int(c.Details[i].RxBuffer)
	switch {
	case own > 0:
		p.Buffer += own
	case g.RxPolicy == config.BufferBytes:
		p.Buffer += int(g.RxBytes)
	case g.RxPolicy == config.BufferMTU:
		p.MTUs += int(g.RxFactor)
	case g.RxPolicy == config.BufferAdvert:
		p.Buffer += int(g.RxFactor) * advertSize(&c.Routers[i])
	}
}

// advertSize is that of an advert with its IP header, if it has one.
func advertSize(v *vrrp.Config) int {
	const header, fixed, password = 20, 8, 8
	size := fixed + 16*len(v.VIPs)
	if !v.V6 {
		size = header + fixed + 4*len(v.VIPs) + password
	}
	if v.Header {
		size += wire.HeaderSize
	}
	if v.HMAC != nil {
		size += wire.TrailerSize
	}
	return size
}

// listPorts finds the ports of a configuration; via are the devices that adverts
// come in by, of those routers that have one.
func listPorts(c *Config, via map[vrrp.Key]string) []Port {
	var ports []Port
	at := map[Ear]int{}
	for i := range c.Routers {
		v := &c.Routers[i]
		e := ear(v, via)
		n, ok := at[e]
		if !ok {
			n = len(ports)
			at[e] = n
			ports = append(ports, Port{Ear: e, All: c.Global.LogUnknownVRIDs})
		}
		p := &ports[n]
		p.VRIDs[v.VRID] = true
		p.share(c, i)
		if len(v.Peers) == 0 && !v.NoPeers && !slices.Contains(p.Groups, v.Group) {
			p.Groups = append(p.Groups, v.Group)
		}
	}
	return ports
}

func ear(v *vrrp.Config, via map[vrrp.Key]string) Ear {
	return Ear{cmp.Or(via[v.Key], v.Link), v.V6, v.Header}
}

// hearing takes in which ports are open.
func (r *Router) hearing(now mono.Instant, deaf []Ear, out *Effects) {
	r.deaf = make(map[Ear]bool, len(deaf))
	for _, e := range deaf {
		r.deaf[e] = true
	}
	r.listen(now, out)
}

// listen tells the virtual routers whether they can hear.
func (r *Router) listen(now mono.Instant, out *Effects) {
	for i := range r.parts {
		if r.parts[i].cfg != nil {
			r.set.Deafen(now, vrrp.ID(i), r.isDeaf(r.parts[i].cfg), &out.Out)
		}
	}
}

// isDeaf tells whether a virtual router lacks its port, or the device that it hears by.
func (r *Router) isDeaf(v *vrrp.Config) bool {
	device := r.quarters.sends[v.Key]
	return device != "" && !r.quarters.good[device] || r.deaf[ear(v, r.quarters.sends)]
}
