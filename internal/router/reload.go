package router

import (
	"net/netip"
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// reload makes c the configuration. Identity is what the wire sees, so that
// renaming and reordering change nothing; addresses are claimed anew before old
// claims are dropped, so that an address that only moves between two MASTERs
// stays where it is.
func (r *Router) reload(now mono.Instant, c *Config, out *Effects) {
	first := !r.ready
	r.links.virtual = virtual(c)
	r.garpGap, r.naGap = c.Global.GARPInterval, c.Global.GNAInterval
	old := r.parts
	r.parts = nil
	setup := vrrp.Setup{Groups: c.groups(), Past: r.recall(c), Standing: r.standings(c), LogUnknownVRIDs: c.Global.LogUnknownVRIDs}
	if first {
		setup.Quiet = quiet(now, &c.Global)
	}
	for i := range c.Instances {
		setup.Routers = append(setup.Routers, c.Instances[i].VRRP)
	}
	r.linksBefore(now, c, out)
	r.set.Apply(now, &setup, &out.Out)
	r.adopt(c)
	r.inherit(old, out)
	r.refollow(c)
	r.ports, out.Ports = listPorts(c), true
	if first {
		r.ready, out.HostWhole = true, true
	}
}

// adopt builds the parts of the new configuration, by ID.
func (r *Router) adopt(c *Config) {
	for i := range c.Instances {
		inst := &c.Instances[i]
		id, ok := r.set.Lookup(inst.VRRP.Key)
		if !ok {
			continue
		}
		for len(r.parts) <= int(id) {
			r.parts = append(r.parts, part{})
		}
		r.parts[id] = part{key: inst.VRRP.Key, addrs: inst.Addrs, rounds: inst.VRRP.Announce.Repeat}
	}
}

// inherit carries claims over from the parts of the old configuration, and
// drops those that nobody carries on.
func (r *Router) inherit(old []part, out *Effects) {
	before := options(old)
	for i := range old {
		p := r.successor(old, i)
		if p == nil || !old[i].holds {
			continue
		}
		id := vrrp.ID(i)
		p.holds, p.repairs = true, old[i].repairs
		p.pending = r.holdings.take(id, p.addrs, before, &out.Host)
	}
	for i := range old {
		if !old[i].holds {
			continue
		}
		id, keep := vrrp.ID(i), []config.Address(nil)
		if p := r.successor(old, i); p != nil {
			keep = p.addrs
		} else {
			out.Hush = append(out.Hush, id)
		}
		r.holdings.leave(id, without(old[i].addrs, keep), &out.Host)
	}
}

// options are those that held addresses were wanted with.
func options(parts []part) map[host.Addr]host.AddrOpts {
	opts := map[host.Addr]host.AddrOpts{}
	for i := range parts {
		for j := range parts[i].addrs {
			if a := &parts[i].addrs[j]; parts[i].holds {
				opts[a.Addr] = a.AddrOpts
			}
		}
	}
	return opts
}

// successor is the part that goes on with what old[i] was, if there is one.
func (r *Router) successor(old []part, i int) *part {
	if i < len(r.parts) && r.parts[i].key == old[i].key {
		return &r.parts[i]
	}
	return nil
}

// without lists the addresses of a that are not in b.
func without(a, b []config.Address) []config.Address {
	var rest []config.Address
	for i := range a {
		kept := false
		for j := range b {
			kept = kept || a[i].Addr == b[j].Addr
		}
		if !kept {
			rest = append(rest, a[i])
		}
	}
	return rest
}

// refollow connects trackers to those who follow them now.
func (r *Router) refollow(c *Config) {
	tracks := make(map[vrrp.ID][]tracker.Track)
	for i := range c.Instances {
		inst := &c.Instances[i]
		if id, ok := r.set.Lookup(inst.VRRP.Key); ok {
			if list := followed(inst); len(list) > 0 {
				tracks[id] = list
			}
		}
	}
	r.watch.follow(tracks)
}

// standings answers what the trackers of each router of c say at present.
func (r *Router) standings(c *Config) func(vrrp.Key) vrrp.Standing {
	of := make(map[vrrp.Key]*Instance, len(c.Instances))
	for i := range c.Instances {
		of[c.Instances[i].VRRP.Key] = &c.Instances[i]
	}
	return func(k vrrp.Key) vrrp.Standing { return r.watch.weigh(followed(of[k])) }
}

// followed are the trackers of an instance: those it names, and the devices of
// its addresses, whose loss means FAULT unless no_track.
func followed(inst *Instance) []tracker.Track {
	tracks := inst.Tracks[:len(inst.Tracks):len(inst.Tracks)]
	for _, a := range inst.Addrs {
		t := tracker.Track{Kind: tracker.Interface, Name: a.Link}
		if a.Link != inst.VRRP.Link && !a.NoTrack && !tracked(tracks, t) {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func tracked(tracks []tracker.Track, t tracker.Track) bool {
	for _, o := range tracks {
		if o.Kind == t.Kind && o.Name == t.Name {
			return true
		}
	}
	return false
}

// linksBefore tells the machine about links before it makes routers that use
// them, so that a router is born knowing its interface.
func (r *Router) linksBefore(now mono.Instant, c *Config, out *Effects) {
	for i := range c.Instances {
		r.links.get(c.Instances[i].VRRP.Link)
	}
	for name, l := range r.links.byName {
		r.set.Link(now, name, r.links.state(l), &out.Out)
		r.watch.linked(name, l.good())
	}
}

// release drops, once, the addresses of routers that do not hold them although
// the kernel does: left over from a run that could not mark them.
func (r *Router) release(out *Effects) {
	for i := range r.parts {
		for _, a := range r.parts[i].addrs {
			if _, claimed := r.holdings[a.Addr]; r.found[a.Addr] && !claimed {
				out.Host.Drop = append(out.Host.Drop, a.Addr)
			}
		}
	}
	r.found = nil
}

// recall asks the memory of an earlier run about a router, and the kernel
// whether its addresses are still there.
func (r *Router) recall(c *Config) func(vrrp.Key) (vrrp.Memory, bool) {
	if r.past == nil || r.ready {
		return nil
	}
	addrs := make(map[vrrp.Key][]config.Address, len(c.Instances))
	for i := range c.Instances {
		addrs[c.Instances[i].VRRP.Key] = c.Instances[i].Addrs
	}
	return func(k vrrp.Key) (vrrp.Memory, bool) {
		m, ok := r.past(k)
		m.Holding = ok
		for _, a := range addrs[k] {
			m.Holding = m.Holding && r.found[a.Addr]
		}
		return m, ok
	}
}

// virtual tells whether an address is one of the configuration: such a one is
// never the source of an advert. Sources are looked for so rarely that the list
// is searched.
func virtual(c *Config) func(netip.Addr) bool {
	var list [][]config.Address
	for i := range c.Instances {
		list = append(list, c.Instances[i].Addrs)
	}
	return func(a netip.Addr) bool {
		return slices.ContainsFunc(list, func(addrs []config.Address) bool {
			return slices.ContainsFunc(addrs, func(v config.Address) bool { return v.Prefix.Addr() == a })
		})
	}
}

// quiet is until when adverts are discarded after a start: the later of
// vrrp_startup_delay and vrrp_delay_after_boot.
func quiet(now mono.Instant, g *Global) mono.Instant {
	var until mono.Instant
	if g.StartupDelay > 0 {
		until = now.Add(g.StartupDelay)
	}
	if boot := mono.Instant(g.DelayAfterBoot); boot > now && boot > until {
		until = boot
	}
	return until
}
