package router

import (
	"net/netip"
	"slices"
)

// Port is a socket to listen at: one per link and family.
type Port struct {
	Link   string
	V6     bool
	VRIDs  [256]bool
	Groups []netip.Addr // multicast groups to join
	// All lets adverts of unconfigured routers through too, to log them.
	All bool
}

// Ports are the sockets that the configuration needs, whether their links
// exist or not. The slice is the Router's own.
func (r *Router) Ports() []Port { return r.ports }

// listPorts finds the ports of a configuration.
func listPorts(c *Config) []Port {
	type where struct {
		link string
		v6   bool
	}
	var ports []Port
	at := map[where]int{}
	for i := range c.Routers {
		v := &c.Routers[i]
		w := where{v.Link, v.V6}
		n, ok := at[w]
		if !ok {
			n = len(ports)
			at[w] = n
			ports = append(ports, Port{Link: v.Link, V6: v.V6, All: c.Global.LogUnknownVRIDs})
		}
		p := &ports[n]
		p.VRIDs[v.VRID] = true
		if len(v.Peers) == 0 && !slices.Contains(p.Groups, v.Group) {
			p.Groups = append(p.Groups, v.Group)
		}
	}
	return ports
}
