// Package router is everything that owns addresses, as a value: virtual
// routers, trackers, links and the addresses wanted of the host. It is stepped
// with events and answers with effects; it has no means to act.
package router

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Router decides who owns the addresses. Make one with New.
type Router struct {
	set      *vrrp.Set
	sessions *bfd.Set
	parts    []part // by vrrp.ID
	holdings holdings
	things   thingClaims
	static   *Static
	links    links
	watch    watch
	past     func(vrrp.Key) (vrrp.Memory, bool)
	ports    []Port
	deaf     map[Ear]bool // those of the ports that are not open
	// found are the addresses the kernel held before the first configuration.
	found    map[host.Addr]bool
	ready    bool // there is a configuration
	quarters quarters
	extras   []extra
	// The least time between two announcements on one link.
	garpGap, naGap time.Duration
	// paces are those of the links of a garp_group; clocks number the groups.
	paces map[string]pace
	spare atomic.Pointer[Glance] // the memory of the last one
}

// part is what the router knows of a virtual router beside its state machine.
type part struct {
	cfg     *vrrp.Config // nil: the ID is not in use
	addrs   []config.Address
	routing *Routing
	pending int32 // addresses the kernel has not answered for yet
	repairs int32 // what was put back after somebody removed them
	holds   bool
	// hushed: it became MASTER and says so when it holds its addresses.
	hushed bool
}

// key is the identity; the zero Key for an ID that is not in use.
func (p *part) key() vrrp.Key {
	if p.cfg == nil {
		return vrrp.Key{}
	}
	return p.cfg.Key
}

// New returns a Router without a configuration. Past tells what an earlier run
// remembered of a virtual router: its role and the instant of its last advert;
// it may be nil. Random is what nobody can foretell of BFD.
func New(past func(vrrp.Key) (vrrp.Memory, bool), random bfd.Random) *Router {
	return &Router{
		set:      vrrp.New(),
		sessions: bfd.New(random),
		holdings: newHoldings(),
		things:   thingClaims{},
		links:    links{byName: map[string]*link{}, virtual: func(netip.Addr) bool { return false }},
		watch:    newWatch(),
		past:     past,
		found:    map[host.Addr]bool{},
	}
}

// handOver passes the wish on for those that there are.
func (r *Router) handOver(now mono.Instant, ev HandOver, out *Effects) {
	for i := range r.parts {
		c := r.parts[i].cfg
		switch {
		case c == nil || !slices.Contains(ev.Names, c.Name):
		case ev.Back:
			r.set.TakeBack(now, vrrp.ID(i), &out.Out)
		default:
			r.set.HandOver(now, vrrp.ID(i), &out.Out)
		}
	}
}

// Deadline is when the Router wants to be stepped with Expired.
func (r *Router) Deadline() mono.Instant {
	return min(r.set.Deadline(), r.sessions.Deadline(), r.links.deadline(), r.repeatDeadline())
}

// Wall tells how far the wall clock is ahead of instants. It matters to routers that
// stamp their adverts only: Stamps tells whether there are such.
func (r *Router) Wall(ahead time.Duration) { r.set.Wall(ahead) }

// Stamps reports whether Wall is to be told before each step.
func (r *Router) Stamps() bool { return r.set.Stamps() }

// Stopped reports whether everything has been given up after Stop.
func (r *Router) Stopped() bool { return r.set.Stopped() }

// Step takes one event at the instant now and appends to out what it asks for.
func (r *Router) Step(now mono.Instant, ev Event, out *Effects) {
	first, unsent := len(out.Changes), len(out.Sends)
	switch ev := ev.(type) {
	case Advert:
		r.set.Receive(now, r.home(ev.Datagram), &out.Out)
	case Expired:
		r.expire(now, out)
		r.calmed(now, out)
		r.repeated(now, out)
	case Packet:
		r.packet(now, ev.Datagram, out)
	case Hearing:
		r.hearing(now, ev.Deaf, out)
	case NoSocket:
		r.noSocket(now, ev.Name, out)
	case Settled:
		r.settled(now, ev, out)
	case Moored:
		r.moored(now, ev.Name, out)
	case Sampled:
		r.sampled(now, ev, out)
	case Seen:
		r.appeared(now, ev.Change, out)
		r.linkChanged(now, r.links.see(ev.Change), out)
	case Observed:
		r.observed(now, ev, out)
	case Reload:
		r.reload(now, &ev, out)
	case Ask:
		ev.Look(r)
	case Repeat:
		r.sayAgain(ev.Name, out)
	case HandOver:
		r.handOver(now, ev, out)
	case Maintain:
		r.set.Maintain(now, ev.On, &out.Out)
	case Stop:
		r.set.Stop(now, &out.Out)
	}
	for i := first; i < len(out.Changes); i++ { // following one may append another
		r.follow(now, out.Changes[i], out)
	}
	if r.ready && r.found != nil {
		r.release(out)
	}
	if r.static != nil && r.set.Stopped() {
		r.holdStatic(nil, &out.Host)
	}
	r.net(&out.Host)
	r.announce(out)
	out.Sends = append(out.Sends[:unsent], r.route(out.Sends[unsent:], out.Changes[first:])...)
	if r.Stopped() {
		r.vacate(out)
	}
}

// follow gives a virtual router its addresses, routes and rules, or takes them from it.
func (r *Router) follow(now mono.Instant, c vrrp.Change, out *Effects) {
	if c.Group || int(c.ID) >= len(r.parts) {
		return
	}
	p := &r.parts[c.ID]
	switch {
	case c.To == vrrp.Master && !p.holds:
		p.holds = true
		p.pending = r.holdings.take(c.ID, p.addrs, nil, &out.Host)
		p.noteShield(c.ID, vrrp.NoteShield, out)
		r.things.take(c.ID, p.routing.things(), &out.Host)
		r.heldWhenSettled(now, c.ID, out)
	case c.To != vrrp.Master && p.holds:
		p.holds = false
		r.holdings.leave(c.ID, p.addrs, &out.Host)
		p.noteShield(c.ID, vrrp.NoteUnshield, out)
		r.things.leave(c.ID, p.routing.things(), nil, &out.Host)
		out.Hush = append(out.Hush, c.ID)
		r.fallSilent(p, out)
	}
}

// noteShield says that the addresses are shielded from now on, or no more.
func (p *part) noteShield(id vrrp.ID, kind vrrp.NoteKind, out *Effects) {
	if len(p.addrs) > 0 && p.addrs[0].Shield != host.Unshielded {
		out.Notes = append(out.Notes, vrrp.Note{Kind: kind, ID: id, Name: p.cfg.Name})
	}
}

func (r *Router) heldWhenSettled(now mono.Instant, id vrrp.ID, out *Effects) {
	p := &r.parts[id]
	if !p.holds || p.pending > 0 {
		return
	}
	r.set.Held(now, id, &out.Out)
	if p.hushed {
		p.hushed = false
		r.set.Speak(now, id, &out.Out)
	}
}

func (r *Router) settled(now mono.Instant, ev Settled, out *Effects) {
	if ev.Thing != nil {
		r.thingRepaired(ev)
		return
	}
	if r.isStatic(ev.Addr) { // it may be the source of adverts, as any that is there
		seen := host.Change{Gone: !ev.Held, Addr: &host.Wish{Addr: ev.Addr}}
		r.linkChanged(now, r.links.see(seen), out)
	}
	c, waited := r.holdings.settle(ev.Addr, ev.Held)
	if waited {
		c.owners(func(id vrrp.ID) {
			r.parts[id].pending--
			r.heldWhenSettled(now, id, out)
		})
	}
	if ev.Repaired {
		r.repaired(ev.Addr, out)
	}
}

func (r *Router) thingRepaired(ev Settled) {
	for _, id := range r.things[ev.Thing.String()] {
		if id != static && ev.Repaired {
			r.parts[id].repairs++
		}
	}
}

// repaired announces again what somebody had removed: neighbours may have
// learnt in the meantime that nobody answers.
func (r *Router) repaired(a host.Addr, out *Effects) {
	c, claimed := r.holdings.of(a)
	if !claimed {
		return
	}
	c.owners(func(id vrrp.ID) {
		r.parts[id].repairs++
		r.say(id, a, r.parts[id].cfg.Announce.Repeat, out)
	})
}

// say asks for one address to be announced.
func (r *Router) say(id vrrp.ID, a host.Addr, rounds int, out *Effects) {
	gap, clock := r.pace(a)
	n := Announcement{ID: id, Link: r.links.get(a.Link).Link, Addr: a.Prefix.Addr(), Rounds: rounds, Gap: gap, Clock: clock}
	if r.quarters.devices[a.Link] {
		n.Reply, n.Gap, n.Widen = true, max(gap, firstGap(rounds, len(r.parts[id].addrs))), gap == 0
	}
	out.Announcements = append(out.Announcements, n)
}

// pace is the gap between announcements of a garp_group.
type pace struct {
	config.GARPGroup
	clock int32
}

// pace says how announcements of an address are to be spaced: by the garp_group
// of its link, if that speaks of their kind.
func (r *Router) pace(a host.Addr) (gap time.Duration, clock int32) {
	p := r.paces[a.Link]
	gap, own := r.garpGap, p.GARP
	if a.V6() {
		gap, own = r.naGap, p.NA
	}
	if own > 0 {
		return own, p.clock
	}
	return gap, 0
}

// announce spells out, address by address, what the machine asked for. An
// address that the host does not hold is not announced.
func (r *Router) announce(out *Effects) {
	for _, a := range out.Announces {
		if a.Source.IsValid() {
			r.introduce(a, out)
			continue
		}
		for i := range r.parts[a.ID].addrs {
			addr := r.parts[a.ID].addrs[i].Addr
			if c, _ := r.holdings.of(addr); !c.held {
				continue
			}
			r.say(a.ID, addr, a.Rounds, out)
		}
	}
	out.Announces = out.Announces[:0]
}

// sayAgain announces the addresses of an instance as often as it does as a new MASTER.
func (r *Router) sayAgain(name string, out *Effects) {
	for i := range r.parts {
		p := &r.parts[i]
		if v := r.set.View(vrrp.ID(i)); p.cfg != nil && v.Config.Name == name && v.Role == vrrp.Master {
			out.Announces = append(out.Announces, vrrp.Announce{ID: vrrp.ID(i), Rounds: max(v.Config.Announce.Repeat, 1)})
		}
	}
}

// introduce announces the source of a router, which is on its own link.
func (r *Router) introduce(a vrrp.Announce, out *Effects) {
	if link := r.parts[a.ID].cfg.Link; link != "" {
		r.say(a.ID, host.Addr{Link: link, Prefix: netip.PrefixFrom(a.Source, a.Source.BitLen())}, a.Rounds, out)
	}
}

func (r *Router) sampled(now mono.Instant, ev Sampled, out *Effects) {
	if ev.Sample.Kind == tracker.Linkbeat {
		r.links.get(ev.Sample.Tracker).beat = ev.Sample.State
		r.linkChanged(now, ev.Sample.Tracker, out)
	}
	was := r.watch.known(ev.Sample.Kind, ev.Sample.Tracker)
	for _, id := range r.watch.sampled(ev.Sample) {
		r.noteFile(id, was, ev.Sample, out)
		r.weigh(now, id, out)
	}
}

// noteFile tells that a file that was known demands a fault now, or no more.
func (r *Router) noteFile(id vrrp.ID, was, is tracker.Sample, out *Effects) {
	if is.Kind != tracker.File || was.State == tracker.Unknown {
		return
	}
	for _, t := range r.watch.tracks[id] {
		if t.Kind != is.Kind || t.Name != is.Tracker || t.Demands(was.Value) == t.Demands(is.Value) {
			continue
		}
		kind := vrrp.NoteFileGood
		if t.Demands(is.Value) {
			kind = vrrp.NoteFileFault
		}
		out.Notes = append(out.Notes, vrrp.Note{Kind: kind, ID: id, Name: r.set.View(id).Config.Name, Thing: t.Name})
	}
}

func (r *Router) weigh(now mono.Instant, id vrrp.ID, out *Effects) {
	r.set.Weigh(now, id, r.watch.standing(id), &out.Out)
}

func (r *Router) observed(now mono.Instant, ev Observed, out *Effects) {
	if !r.ready {
		for a := range ev.Addrs {
			r.found[a] = true
		}
	}
	for _, name := range r.links.observe(ev.State) {
		r.linkChanged(now, name, out)
	}
}

// linkChanged tells everybody on a link, or following it, how it is.
func (r *Router) linkChanged(now mono.Instant, name string, out *Effects) {
	if name == "" {
		return
	}
	l := r.links.get(name)
	l.look(now)
	out.Ports = true
	r.parentChanged(name, out)
	r.set.Link(now, name, r.links.state(l), &out.Out)
	for _, id := range append(r.watch.linked(name, l.good()), r.watch.sourced(l)...) {
		r.weigh(now, id, out)
	}
	r.deviceChanged(now, name, out) // last: what it sends is valid until the next call of the Set
}

// MTU is that of a link, 0 if it does not exist.
func (r *Router) MTU(name string) int {
	if l := r.links.byName[name]; l != nil && l.exists {
		return l.MTU
	}
	return 0
}

// calmed lets changes of links count that have lasted.
func (r *Router) calmed(now mono.Instant, out *Effects) {
	for _, l := range r.links.calm {
		if l.calm.due != 0 && l.calm.due <= now {
			r.linkChanged(now, l.Name, out)
		}
	}
}

// IfIndex is the kernel's number of a link, 0 if it does not exist.
func (r *Router) IfIndex(name string) int {
	if l := r.links.byName[name]; l != nil && l.exists {
		return l.Index
	}
	return 0
}
