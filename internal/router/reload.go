package router

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Reload is a new configuration, the first one included. Make one with Prepare.
type Reload struct {
	*Config
	groups []vrrp.Group
	at     map[vrrp.Key]int // place of a router among the Routers
	ports  []Port
	// sources are watched from the start, so that nobody waits for them.
	sources sources
	// devices is how many there are; quarters says which, once the links are known.
	devices  int
	quarters quarters
	delays   []config.LinkDelay
	paces    map[string]pace
}

// Prepare draws from a configuration all that needs no Router, so that the loop
// is not kept from its adverts by it. The Router keeps c.
func Prepare(c *Config) Reload {
	return Reload{
		Config: c, groups: c.groups(), at: c.index(), ports: listPorts(c, nil), sources: c.sources(), devices: c.countDevices(), delays: c.delays(),
		paces: c.paces(),
	}
}

// paces are those of garp_group, by link.
func (c *Config) paces() map[string]pace {
	paces := map[string]pace{}
	for i, g := range c.GARPGroups {
		for _, l := range g.Links {
			paces[l] = pace{g, int32(i + 1)}
		}
	}
	return paces
}

// Takes is how long the loop is busy with it at most, by measurement.
func (c Reload) Takes() time.Duration {
	return time.Duration(len(c.Routers))*2*time.Microsecond + time.Duration(len(c.Sessions))*40*time.Microsecond
}

// reload makes c the configuration. Identity is what the wire sees, so that
// renaming and reordering change nothing; addresses are claimed anew before old
// claims are dropped, so that an address that only moves between two MASTERs
// stays where it is.
func (r *Router) reload(now mono.Instant, c *Reload, out *Effects) {
	first, old := !r.ready, r.parts
	c.settle(&r.links)
	setup := vrrp.Setup{
		Routers: c.Routers, Groups: c.groups, Past: r.recall(c), Standing: r.standings(c), LogUnknownVRIDs: c.Global.LogUnknownVRIDs,
	}
	if first {
		setup.Quiet = quiet(now, &c.Global)
	}
	r.garpGap, r.naGap = c.Global.GARPInterval, c.Global.GNAInterval
	r.paces = c.paces
	r.links.virtual = c.virtual
	r.linksBefore(now, c, out)
	r.converse(now, c, out)
	r.set.Apply(now, &setup, &out.Out)
	out.Sends = r.route(out.Sends, nil) // the last words of those that leave go by their own devices
	r.adopt(c)
	r.inhabit(c.quarters, first, out)
	r.inherit(old, out)
	r.repeat(now, c)
	r.holdStatic(c.Static, &out.Host)
	r.ports, out.Ports = c.ports, true
	r.listen(now, out)
	out.Host.Filter = &c.Global.Filter
	r.ready, out.HostWhole = true, first
}

// adopt builds the parts of the new configuration, by ID, and connects trackers
// to those who follow them now.
func (r *Router) adopt(c *Reload) {
	r.parts = make([]part, 0, len(c.Routers))
	tracks := map[vrrp.ID][]tracker.Track{}
	for i := range c.Routers {
		v := &c.Routers[i]
		id, ok := r.set.Lookup(v.Key)
		if !ok {
			continue
		}
		for len(r.parts) <= int(id) {
			r.parts = append(r.parts, part{})
		}
		r.parts[id] = part{cfg: v, addrs: c.Details[i].Addrs, routing: c.Details[i].Routing}
		if list := c.followed(i); len(list) > 0 {
			tracks[id] = list
		}
	}
	r.watch.follow(tracks)
}

// inherit carries claims over from the parts of the old configuration, and
// drops those that nobody carries on. Parts that hold the same as before need
// neither.
func (r *Router) inherit(old []part, out *Effects) {
	changed := r.carryOver(old)
	before := options(old, changed)
	r.static.addOptions(before)
	for _, i := range changed {
		if p := r.successor(old, i); p != nil {
			p.pending = r.holdings.take(vrrp.ID(i), p.addrs, before, &out.Host)
			r.things.take(vrrp.ID(i), p.routing.things(), &out.Host)
		}
	}
	for _, i := range changed {
		id, keep, things := vrrp.ID(i), []config.Address(nil), []host.Thing(nil)
		if p := r.successor(old, i); p != nil {
			keep, things = p.addrs, p.routing.things()
		} else {
			out.Hush = append(out.Hush, id)
		}
		r.holdings.leave(id, without(old[i].addrs, keep), &out.Host)
		r.things.leave(id, old[i].routing.things(), things, &out.Host)
	}
}

// carryOver hands what parts hold to their successors and lists those that held
// something else than their successors want.
func (r *Router) carryOver(old []part) (changed []int) {
	for i := range old {
		if !old[i].holds {
			continue
		}
		p := r.successor(old, i)
		if p == nil {
			changed = append(changed, i)
			continue
		}
		p.holds, p.repairs, p.pending = true, old[i].repairs, old[i].pending
		if !slices.Equal(p.addrs, old[i].addrs) || p.routing != nil || old[i].routing != nil {
			changed = append(changed, i)
		}
	}
	return changed
}

// options are those that the addresses of some parts were wanted with.
func options(parts []part, some []int) map[host.Addr]host.AddrOpts {
	opts := map[host.Addr]host.AddrOpts{}
	for _, i := range some {
		for j := range parts[i].addrs {
			a := &parts[i].addrs[j]
			opts[a.Addr] = a.AddrOpts
		}
	}
	return opts
}

// successor is the part that goes on with what old[i] was, if there is one.
func (r *Router) successor(old []part, i int) *part {
	if i < len(r.parts) && r.parts[i].key() == old[i].key() {
		return &r.parts[i]
	}
	return nil
}

// without lists the addresses of a that are not in b.
func without(a, b []config.Address) []config.Address {
	return slices.DeleteFunc(slices.Clone(a), func(x config.Address) bool {
		return slices.ContainsFunc(b, func(y config.Address) bool { return x.Addr == y.Addr })
	})
}

// standings answers what the trackers of each router of c say at present.
func (r *Router) standings(c *Reload) func(vrrp.Key) vrrp.Standing {
	return func(k vrrp.Key) vrrp.Standing { return r.watch.weigh(c.followed(c.at[k])) }
}

// followed are the trackers of a router: those it names, and the devices of its
// addresses, whose loss means FAULT unless no_track.
func (c *Config) followed(i int) []tracker.Track {
	tracks := slices.Clip(c.Details[i].Tracks)
	for _, a := range c.Details[i].Addrs {
		t := tracker.Track{Kind: tracker.Interface, Name: c.Details[i].ground(a.Link)}
		if t.Name != c.Routers[i].Link && !a.NoTrack && !tracked(tracks, t) {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func tracked(tracks []tracker.Track, t tracker.Track) bool {
	return slices.ContainsFunc(tracks, func(o tracker.Track) bool { return o.Kind == t.Kind && o.Name == t.Name })
}

// linksBefore tells the machine about links before it makes routers that use
// them, so that a router is born knowing its interface.
func (r *Router) linksBefore(now mono.Instant, c *Reload, out *Effects) {
	for i := range c.ports {
		r.links.get(c.ports[i].Link)
	}
	for name := range c.sources {
		r.links.get(name)
	}
	r.watch.sources = c.sources
	r.links.poll(c.Polled)
	r.links.delay(c.delays)
	for name, l := range r.links.byName {
		r.set.Link(now, name, r.links.state(l), &out.Out)
		r.watch.linked(name, l.good())
		r.watch.sourced(l)
	}
}

// release drops, once, the addresses of routers that do not hold them although
// the kernel does: left over from a run that could not mark them.
func (r *Router) release(out *Effects) {
	for i := range r.parts {
		for _, a := range r.parts[i].addrs {
			if _, claimed := r.holdings.of(a.Addr); r.found[a.Addr] && !claimed {
				out.Host.Drop = append(out.Host.Drop, a.Addr)
			}
		}
	}
	r.found = nil
}

// recall asks the memory of an earlier run about a router, and the kernel
// whether its addresses are still there.
func (r *Router) recall(c *Reload) func(vrrp.Key) (vrrp.Memory, bool) {
	if r.past == nil || r.ready {
		return nil
	}
	return func(k vrrp.Key) (vrrp.Memory, bool) {
		m, ok := r.past(k)
		m.Holding = ok
		for _, a := range c.Details[c.at[k]].Addrs {
			m.Holding = m.Holding && r.found[a.Addr]
		}
		return m, ok
	}
}

// virtual tells whether an address is one of the configuration: such a one is
// never the source of an advert. Sources are looked for so rarely that the
// whole of it is searched.
func (c *Config) virtual(a netip.Addr) bool {
	for i := range c.Details {
		for j := range c.Details[i].Addrs {
			if c.Details[i].Addrs[j].Prefix.Addr() == a {
				return true
			}
		}
	}
	return false
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
