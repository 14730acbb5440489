package router

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/status"
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

// Look is how long Status takes at most for so many routers, by measurement.
func Look(routers int) time.Duration { return time.Duration(routers) * 2 * time.Microsecond }

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

// Status copies everything worth seeing out of the router.
func (r *Router) Status(now mono.Instant) *status.Router {
	s := &status.Router{At: now, Unknown: r.set.Unknown()}
	for flaw, n := range r.set.Refused() {
		if n > 0 {
			s.Refused = append(s.Refused, status.Count{What: wire.Flaw(flaw).String(), N: n})
		}
	}
	r.conversations(s)
	for i := range r.parts {
		if r.parts[i].cfg != nil {
			s.Instances = append(s.Instances, r.instance(vrrp.ID(i)))
		}
	}
	for _, g := range r.set.Groups() {
		s.Groups = append(s.Groups, r.group(&g))
	}
	r.surroundings(s)
	return s
}

// ClearStats begins to count anew.
func (r *Router) ClearStats() { r.set.ClearStats() }

func (r *Router) group(v *vrrp.GroupView) status.Group {
	g := status.Group{Name: v.Name, Role: v.Role.String()}
	for _, id := range v.Members {
		g.Members = append(g.Members, r.Name(id))
	}
	return g
}

// surroundings are trackers, links and sockets.
func (r *Router) surroundings(s *status.Router) {
	for w, t := range r.watch.state {
		s.Trackers = append(s.Trackers, status.Tracker{Kind: w.kind.String(), Name: w.name, State: t.State.String(), Value: t.Value, Why: t.Why})
	}
	for _, l := range r.links.byName {
		if l.exists {
			s.Links = append(s.Links, status.Link{Name: l.Name, Index: l.Index, MTU: l.MTU, MAC: l.MAC, Addrs: slices.Clone(l.addrs), Up: l.Up, Carrier: l.Carrier, Polled: l.polled})
		}
	}
	slices.SortFunc(s.Trackers, func(a, b status.Tracker) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(s.Links, func(a, b status.Link) int { return a.Index - b.Index })
	for i := range r.ports {
		p := &r.ports[i]
		s.Ports = append(s.Ports, status.Port{Link: p.Link, V6: p.V6, Header: p.Header, Buffer: p.Buffer + p.MTUs*r.MTU(p.Link)})
	}
}

func (r *Router) conversations(s *status.Router) {
	for why, n := range r.sessions.Dropped() {
		if n > 0 {
			s.Refused = append(s.Refused, status.Count{What: "BFD, " + bfd.NoteKind(why).String(), N: n})
		}
	}
	for _, v := range r.sessions.Views() {
		s.Sessions = append(s.Sessions, status.Session{
			Name: v.Name, Neighbour: v.Neighbour, Source: v.Source, MultiHop: v.MultiHop, Passive: v.Passive, TTL: v.TTL, LeastTTL: v.LeastTTL,
			MinRX: v.MinRX, MinTX: v.MinTX, IdleTX: v.IdleTX, Multiplier: v.Multiplier,
			State: v.State.String(), Diagnostic: v.Local.String(), Discriminator: v.Mine, Polling: v.Polling,
			RemoteState: v.RemoteState.String(), RemoteDiagnostic: v.Remote.String(), RemoteDiscriminator: v.Yours,
			Interval: v.Interval, Detection: v.Detection, Heard: v.Heard,
		})
	}
}

func (r *Router) instance(id vrrp.ID) status.Instance {
	v, p := r.set.View(id), &r.parts[id]
	standing := r.watch.standing(id)
	i := status.Instance{
		Name: v.Config.Name, Link: v.Config.Link, VRID: v.Config.VRID, V6: v.Config.V6, Version: v.Config.Version,
		Role: v.Role.String(), Want: v.Want.String(), Group: v.Group, Since: v.Since, Reason: v.Reason,
		Weights: standing.Sum, Faults: standing.Faults, Pending: standing.Pending, Deadline: v.Deadline, Down: v.Down,
		Priority: v.Config.Priority, Effective: v.Priority, Interval: v.Config.Interval, MasterInterval: v.Interval,
		Source: v.Source, MasterHeard: v.Master, MasterPriority: v.MasterPriority,
		Addrs: prefixes(p.addrs, v.Config.VIPs, true), Excluded: prefixes(p.addrs, v.Config.VIPs, false),
		Devices: r.devicesOf(id), Repairs: int(p.repairs), Stats: stats(&v.Stats),
	}
	if t := v.Trailers; t != nil {
		i.Stats.AuthExtMissing, i.Stats.AuthExtMalformed, i.Stats.AuthExtUnknownKey = uint64(t.Missing), uint64(t.Malformed), uint64(t.UnknownKey)
		i.Stats.AuthExtInvalidHMAC, i.Stats.AuthExtStale, i.Stats.AuthExtReplay = uint64(t.Invalid), uint64(t.Stale), uint64(t.Replay)
	}
	return i
}

// prefixes lists the addresses that are advertised, or those that are not.
func prefixes(addrs []config.Address, advertised []netip.Addr, in bool) []netip.Prefix {
	var list []netip.Prefix
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
	}
}
