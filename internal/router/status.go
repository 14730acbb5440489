package router

import (
	"cmp"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Ask lets somebody look at the router between two steps: for reading, and to clear
// its counters.
type Ask struct {
	Look func(*Router)
	// Long is how long the look takes at most; one that is short need not say so.
	Long time.Duration
}

func (Ask) event() {}

// Takes is how long the loop is busy with it at most.
func (a Ask) Takes() time.Duration { return a.Long }

// Look is how long a Glance takes at most at so many routers, by measurement.
func Look(routers int) time.Duration { return time.Duration(routers) * 250 * time.Nanosecond }

// Name is what people call a router.
func (r *Router) Name(id vrrp.ID) string {
	if v := r.set.View(id); v.Config != nil {
		return v.Config.Name
	}
	return "?"
}

// View shows the router with this identity, if there is one.
func (r *Router) View(k vrrp.Key) (v vrrp.View, ok bool) {
	id, ok := r.set.Lookup(k)
	if !ok {
		return v, false
	}
	return r.set.View(id), true
}

// Keys lists the identity and role of every router, by ID.
func (r *Router) Keys() (keys []vrrp.Key, roles []vrrp.Role) {
	for i := range r.parts {
		keys = append(keys, r.parts[i].key())
		roles = append(roles, r.set.View(vrrp.ID(i)).Role)
	}
	return keys, roles
}

// Glance is a copy of all that changes, taken in one piece; what it points to is never
// written to. It is what a look costs the loop: the picture is drawn from it elsewhere.
type Glance struct {
	now      mono.Instant
	unknown  uint64
	refused  [wire.Flaws]uint64
	views    []vrrp.View
	trailers []vrrp.TrailerStats // of the views that have some, in their order
	parts    []part
	groups   []vrrp.GroupView
	dropped  []uint64
	sessions []bfd.View
	watched  []knownThing
	tracks   map[vrrp.ID][]tracker.Track
	links    []link
	addrs    []netip.Prefix // theirs
	ports    []Port
	quarters quarters
	// back is where its memory goes once the picture is drawn: fresh memory would cost
	// the next glance more than the copying does.
	back *atomic.Pointer[Glance]
}

// knownThing is a watched thing with what is known of it.
type knownThing struct {
	watched
	sample tracker.Sample
}

// Status is everything worth seeing of the router.
func (r *Router) Status(now mono.Instant) *status.Router { return r.Glance(now).Status() }

// Glance copies everything that Status is made from.
func (r *Router) Glance(now mono.Instant) *Glance {
	g := r.spare.Swap(nil)
	if g == nil {
		g = &Glance{}
	}
	*g = Glance{
		back: &r.spare, views: g.views[:0], trailers: g.trailers[:0], watched: g.watched[:0], links: g.links[:0], addrs: g.addrs[:0],
		now: now, unknown: r.set.Unknown(), refused: r.set.Refused(), parts: append(g.parts[:0], r.parts...), groups: r.set.Groups(),
		sessions: r.sessions.Views(), tracks: r.watch.tracks, ports: append(g.ports[:0], r.ports...), quarters: r.quarters,
	}
	dropped := r.sessions.Dropped()
	g.dropped = append(g.dropped, dropped[:]...)
	g.views = slices.Grow(g.views, len(r.parts))
	for i := range r.parts {
		g.views = append(g.views, r.set.View(vrrp.ID(i)))
		if t := g.views[i].Trailers; t != nil {
			g.trailers = append(g.trailers, *t)
		}
	}
	g.watched = slices.Grow(g.watched, len(r.watch.state))
	for w, s := range r.watch.state {
		g.watched = append(g.watched, knownThing{w, s})
	}
	g.copyLinks(&r.links)
	return g
}

// copyLinks copies their addresses into one place: there may be thousands of links.
func (g *Glance) copyLinks(ls *links) {
	g.links = slices.Grow(g.links, len(ls.byName))
	for _, l := range ls.byName {
		if l.exists {
			g.links = append(g.links, *l)
			g.addrs = append(g.addrs, l.addrs...)
		}
	}
	all := g.addrs
	for i := range g.links {
		n := len(g.links[i].addrs)
		g.links[i].addrs, all = all[:n:n], all[n:]
	}
}

// Status draws the picture, once: the glance is not to be used any more.
func (g *Glance) Status() *status.Router { return g.Draw(&status.Router{}) }

// Draw is Status in the memory of a picture that nobody looks at any more: what is drawn several
// times a second is not to be collected in the process that sends adverts.
func (g *Glance) Draw(s *status.Router) *status.Router {
	defer g.giveBack()
	*s = status.Router{At: g.now, Unknown: g.unknown, Refused: s.Refused[:0], Instances: s.Instances[:0], Groups: s.Groups[:0],
		Sessions: s.Sessions[:0], Trackers: s.Trackers[:0], Links: s.Links[:0], Ports: s.Ports[:0]}
	for flaw, n := range g.refused {
		if n > 0 {
			s.Refused = append(s.Refused, status.Count{What: wire.Flaw(flaw).String(), N: n})
		}
	}
	g.conversations(s)
	g.instances(s)
	for i := range g.groups {
		s.Groups = append(s.Groups, g.group(&g.groups[i]))
	}
	g.surroundings(s)
	return s
}

// giveBack leaves the memory to the next glance. It is to hold no configuration that a
// reload has replaced.
func (g *Glance) giveBack() {
	clear(g.views)
	clear(g.parts)
	clear(g.watched)
	clear(g.links)
	g.groups, g.sessions, g.tracks, g.quarters = nil, nil, nil, quarters{}
	g.back.Store(g)
}

// instances draws the virtual routers.
func (g *Glance) instances(s *status.Router) {
	w := watch{state: make(map[watched]tracker.Sample, len(g.watched)), tracks: g.tracks}
	for i := range g.watched {
		w.state[g.watched[i].watched] = g.watched[i].sample
	}
	trailers := g.trailers
	s.Instances = slices.Grow(s.Instances, len(g.parts))
	for i := range g.parts {
		v := &g.views[i]
		if v.Trailers != nil {
			v.Trailers, trailers = &trailers[0], trailers[1:]
		}
		if g.parts[i].cfg != nil {
			n := len(s.Instances)
			s.Instances = s.Instances[:n+1]
			g.instance(&s.Instances[n], vrrp.ID(i), w.standing(vrrp.ID(i)))
		}
	}
}

// ClearStats begins to count anew.
func (r *Router) ClearStats() { r.set.ClearStats() }

func (g *Glance) group(v *vrrp.GroupView) status.Group {
	group := status.Group{Name: v.Name, Role: v.Role.String()}
	for _, id := range v.Members {
		group.Members = append(group.Members, g.views[id].Config.Name)
	}
	return group
}

// surroundings are trackers, links and sockets.
func (g *Glance) surroundings(s *status.Router) {
	mtus := make(map[string]int, len(g.links))
	for i := range g.watched {
		w, t := &g.watched[i].watched, &g.watched[i].sample
		s.Trackers = append(s.Trackers, status.Tracker{Kind: w.kind.String(), Name: w.name, State: t.State.String(), Value: t.Value, Why: t.Why})
	}
	for i := range g.links {
		l := &g.links[i]
		mtus[l.Name] = l.MTU
		s.Links = append(s.Links, status.Link{Name: l.Name, Index: l.Index, MTU: l.MTU, MAC: l.MAC, Addrs: slices.Clone(l.addrs), Up: l.Up, Carrier: l.Carrier, Polled: l.polled})
	}
	slices.SortFunc(s.Trackers, func(a, b status.Tracker) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(s.Links, func(a, b status.Link) int { return a.Index - b.Index })
	for i := range g.ports {
		p := &g.ports[i]
		s.Ports = append(s.Ports, status.Port{Link: p.Link, V6: p.V6, Header: p.Header, Buffer: p.Buffer + p.MTUs*mtus[p.Link]})
	}
}

func (g *Glance) conversations(s *status.Router) {
	for why, n := range g.dropped {
		if n > 0 {
			s.Refused = append(s.Refused, status.Count{What: "BFD, " + bfd.NoteKind(why).String(), N: n})
		}
	}
	for i := range g.sessions {
		v := &g.sessions[i]
		s.Sessions = append(s.Sessions, status.Session{
			Name: v.Name, Neighbour: v.Neighbour, Source: v.Source, MultiHop: v.MultiHop, Passive: v.Passive, TTL: v.TTL, LeastTTL: v.LeastTTL,
			MinRX: v.MinRX, MinTX: v.MinTX, IdleTX: v.IdleTX, Multiplier: v.Multiplier,
			State: v.State.String(), Diagnostic: v.Local.String(), Discriminator: v.Mine, Polling: v.Polling,
			RemoteState: v.RemoteState.String(), RemoteDiagnostic: v.Remote.String(), RemoteDiscriminator: v.Yours,
			Interval: v.Interval, Detection: v.Detection, Heard: v.Heard,
		})
	}
}

// instance draws one over another.
func (g *Glance) instance(i *status.Instance, id vrrp.ID, standing vrrp.Standing) {
	v, p := &g.views[id], &g.parts[id]
	*i = status.Instance{
		Name: v.Config.Name, Link: v.Config.Link, VRID: v.Config.VRID, V6: v.Config.V6, Version: v.Config.Version,
		Role: v.Role.String(), Want: v.Want.String(), Group: v.Group, Since: v.Since, Reason: v.Reason,
		Weights: standing.Sum, Faults: standing.Faults, Pending: standing.Pending, Deadline: v.Deadline, Down: v.Down,
		Priority: v.Config.Priority, Effective: v.Priority, Interval: v.Config.Interval, MasterInterval: v.Interval,
		Source: v.Source, MasterHeard: v.Master, MasterPriority: v.MasterPriority,
		Addrs: prefixes(i.Addrs[:0], p.addrs, v.Config.VIPs, true), Excluded: prefixes(i.Excluded[:0], p.addrs, v.Config.VIPs, false),
		Heard: v.Heard, NoPreempt: v.Config.NoPreempt, PreemptAt: v.PreemptAt, Lent: v.Lent, Modest: v.Modest, Tracks: tracks(g.tracks[id]),
		Devices: g.quarters.devicesOf(p), Repairs: int(p.repairs), Stats: stats(&v.Stats),
	}
	if t := v.Trailers; t != nil {
		i.Stats.AuthExtMissing, i.Stats.AuthExtMalformed, i.Stats.AuthExtUnknownKey = uint64(t.Missing), uint64(t.Malformed), uint64(t.UnknownKey)
		i.Stats.AuthExtInvalidHMAC, i.Stats.AuthExtStale, i.Stats.AuthExtReplay = uint64(t.Invalid), uint64(t.Stale), uint64(t.Replay)
	}
}

func tracks(list []tracker.Track) (all []status.Track) {
	for _, t := range list {
		all = append(all, status.Track{Kind: t.Kind.String(), Name: t.Name, Weight: t.Weight, Reverse: t.Reverse, Hold: t.Hold})
	}
	return all
}

// prefixes lists the addresses that are advertised, or those that are not.
func prefixes(list []netip.Prefix, addrs []config.Address, advertised []netip.Addr, in bool) []netip.Prefix {
	for i := range addrs {
		if p := addrs[i].Prefix; slices.Contains(advertised, p.Addr()) == in {
			list = append(list, p)
		}
	}
	return list
}

func stats(s *vrrp.Stats) status.Stats {
	return status.Stats{
		AdvertRcvd: s.AdvertReceived, AdvertSent: s.AdvertSent,
		BecomeMaster: uint64(s.BecomeMaster), ReleaseMaster: uint64(s.ReleaseMaster),
		PacketLenErr: uint64(s.LengthErrors), AdvertIntervalErr: uint64(s.IntervalErrors),
		TTLErr: uint64(s.TTLErrors), InvalidTypeRcvd: uint64(s.TypeErrors), AddrListErr: uint64(s.AddressErrors),
		InvalidAuthtype: uint64(s.AuthTypeInvalid), AuthtypeMismatch: uint64(s.AuthTypeMismatch), AuthFailure: uint64(s.AuthFailures),
		PriZeroRcvd: uint64(s.ZeroReceived), PriZeroSent: uint64(s.ZeroSent),
		VersionErr: uint64(s.VersionErrors), ChecksumErr: uint64(s.ChecksumErrors), Overslept: uint64(s.Overslept),
		Contested: time.Duration(s.Contested) * time.Millisecond,
	}
}
