package router

import (
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Routing is what is held beside addresses: routes and policy rules.
type Routing struct {
	Routes []host.Route
	Rules  []host.Rule
}

// Things are the parts of r, in the order of adding. Those of nil are none.
func (r *Routing) things() []host.Thing {
	if r == nil {
		return nil
	}
	list := make([]host.Thing, 0, len(r.Routes)+len(r.Rules))
	for i := range r.Routes {
		list = append(list, &r.Routes[i])
	}
	for i := range r.Rules {
		list = append(list, &r.Rules[i])
	}
	return list
}

// empty reports whether nothing is held.
func (r *Routing) empty() bool { return len(r.Routes)+len(r.Rules) == 0 }

// Static is what is held from start to stop, whatever the roles.
type Static struct {
	Addrs []config.Address
	Routing
	// Promote are the links whose secondary addresses are to be promoted.
	Promote []string
}

// static is who owns what is held whatever the roles.
const static vrrp.ID = -1

// thingClaims are the things wanted at present, by text, and who wants them.
type thingClaims map[string][]vrrp.ID

// take adds the claims of a router. Somebody's claim is enough.
func (t thingClaims) take(id vrrp.ID, things []host.Thing, d *host.Delta) {
	for _, thing := range things {
		text := thing.String()
		owners := t[text]
		if len(owners) == 0 {
			d.Things = append(d.Things, thing)
		}
		if !slices.Contains(owners, id) {
			t[text] = append(owners, id)
		}
	}
}

// leave drops the claims of a router on things, but for those that it keeps.
func (t thingClaims) leave(id vrrp.ID, things, keep []host.Thing, d *host.Delta) {
	kept := map[string]bool{}
	for _, thing := range keep {
		kept[thing.String()] = true
	}
	for _, thing := range things {
		text := thing.String()
		owners := t[text]
		if kept[text] || !slices.Contains(owners, id) {
			continue
		}
		if len(owners) > 1 {
			t[text] = slices.DeleteFunc(owners, func(o vrrp.ID) bool { return o == id })
			continue
		}
		delete(t, text)
		d.Gone = append(d.Gone, thing)
	}
}

// routingOf is what an instance holds beside addresses; nil for most.
func routingOf(inst *config.Instance) *Routing {
	if len(inst.Routes)+len(inst.Rules) == 0 {
		return nil
	}
	return routing(inst.Routes, inst.Rules)
}

func routing(routes []config.Route, rules []config.Rule) *Routing {
	r := &Routing{}
	for i := range routes {
		r.Routes = append(r.Routes, routes[i].Route)
	}
	for i := range rules {
		r.Rules = append(r.Rules, rules[i].Rule)
	}
	return r
}

// staticOf is what a configuration holds whatever the roles; nil if nothing.
func staticOf(c *config.Config) *Static {
	s := Static{Routing: *routing(c.StaticRoutes, c.StaticRules)}
	for i := range c.StaticAddresses {
		s.Addrs = append(s.Addrs, c.StaticAddresses[i].Address)
	}
	for i := range c.Instances {
		link := c.Instances[i].VRRP.Link
		if c.Instances[i].PromoteSecondaries && link != anywhere && !slices.Contains(s.Promote, link) {
			s.Promote = append(s.Promote, link)
		}
	}
	if len(s.Addrs)+len(s.Promote) == 0 && s.empty() {
		return nil
	}
	return &s
}

// deviceTracks are the links of an instance's routes and rules, and those of the
// static entries that name a track_group of it: their loss means FAULT.
func deviceTracks(inst *config.Instance, groups map[string][]string) []tracker.Track {
	var tracks []tracker.Track
	follow := func(link string) {
		t := tracker.Track{Kind: tracker.Interface, Name: link}
		if link != "" && link != inst.VRRP.Link && !tracked(tracks, t) && !tracked(inst.Tracks, t) {
			tracks = append(tracks, t)
		}
	}
	for i := range inst.Routes {
		if r := &inst.Routes[i]; !r.NoTrack {
			follow(r.Hop.Link)
		}
	}
	for i := range inst.Rules {
		if r := &inst.Rules[i]; !r.NoTrack {
			follow(r.In)
			follow(r.Out)
		}
	}
	for _, link := range groups[inst.VRRP.Name] {
		follow(link)
	}
	return tracks
}

// groupedLinks are the links of static entries with a track_group, by the name of
// the instance that follows them.
func groupedLinks(c *config.Config) map[string][]string {
	links := map[string][]string{} // by group
	for _, a := range c.StaticAddresses {
		links[a.TrackGroup] = append(links[a.TrackGroup], a.Link)
	}
	for i := range c.StaticRoutes {
		links[c.StaticRoutes[i].TrackGroup] = append(links[c.StaticRoutes[i].TrackGroup], c.StaticRoutes[i].Hop.Link)
	}
	for i := range c.StaticRules {
		links[c.StaticRules[i].TrackGroup] = append(links[c.StaticRules[i].TrackGroup], c.StaticRules[i].In)
	}
	followed := map[string][]string{}
	for _, g := range c.TrackGroups {
		for _, name := range g.Members {
			followed[name] = append(followed[name], links[g.Name]...)
		}
	}
	return followed
}

// holdStatic goes over to what a configuration, or at the end nobody, holds
// whatever the roles. What is new is claimed before the old is dropped.
func (r *Router) holdStatic(next *Static, d *host.Delta) {
	var old Static
	if r.static != nil {
		old = *r.static
	}
	r.static = next
	if next == nil {
		next = &Static{}
	}
	before := map[host.Addr]host.AddrOpts{}
	old.addOptions(before)
	r.holdings.take(static, next.Addrs, before, d)
	r.holdings.leave(static, without(old.Addrs, next.Addrs), d)
	things := next.things()
	r.things.take(static, things, d)
	r.things.leave(static, old.things(), things, d)
	if !slices.Equal(next.Promote, old.Promote) {
		d.Promote = &next.Promote
	}
}

// addOptions notes those that the addresses are wanted with. Those of nil are none.
func (s *Static) addOptions(opts map[host.Addr]host.AddrOpts) {
	if s == nil {
		return
	}
	for i := range s.Addrs {
		opts[s.Addrs[i].Addr] = s.Addrs[i].AddrOpts
	}
}

// isStatic reports whether an address is held whatever the roles.
func (r *Router) isStatic(a host.Addr) bool {
	return r.static != nil && slices.ContainsFunc(r.static.Addrs, func(s config.Address) bool { return s.Addr == a })
}
