package router

import (
	"net/netip"

	"holdfast/internal/mono"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Present is what a rehearsal begins with, beside the configuration in force and
// what the kernel holds: the roles, and what the trackers say.
type Present struct {
	At      mono.Instant
	Routers []Place
	Samples []tracker.Sample
}

// Place is where a virtual router stands.
type Place struct {
	vrrp.Key
	Name string
	Role vrrp.Role
	// Master is who was last heard as MASTER, with what priority; zero: nobody.
	Master         netip.Addr
	MasterPriority uint8
}

// Present copies out of the router what a rehearsal needs.
func (r *Router) Present(now mono.Instant) *Present {
	p := &Present{At: now}
	for i := range r.parts {
		if r.parts[i].cfg == nil {
			continue
		}
		v := r.set.View(vrrp.ID(i))
		p.Routers = append(p.Routers, Place{Key: v.Config.Key, Name: v.Config.Name, Role: v.Role, Master: v.Master, MasterPriority: v.MasterPriority})
	}
	for w, s := range r.watch.state {
		if w.kind != tracker.Interface && w.kind != tracker.Address { // those are seen on the links
			p.Samples = append(p.Samples, s)
		}
	}
	return p
}

// Past lets another Router go on where this one stands.
func (p *Present) Past() func(vrrp.Key) (vrrp.Memory, bool) {
	roles := make(map[vrrp.Key]vrrp.Role, len(p.Routers))
	for i := range p.Routers {
		roles[p.Routers[i].Key] = p.Routers[i].Role
	}
	return func(k vrrp.Key) (vrrp.Memory, bool) {
		role, known := roles[k]
		return vrrp.Memory{Role: role, LastAdvert: p.At}, known
	}
}
