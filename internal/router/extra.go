package router

import (
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
)

// Extra is garp_extra_if of a router: switches learn where it is from its adverts, and
// on the other interfaces that have addresses of it from these announcements alone.
type Extra struct {
	Key   vrrp.Key
	Every time.Duration
	All   bool // on all of them, not only on macvlans
}

// extra is one of the configuration in force.
type extra struct {
	Extra
	id    vrrp.ID
	addrs []host.Addr // the first of each interface
	due   mono.Instant
}

// addExtra takes over what an instance says.
func (p *Config) addExtra(inst *config.Instance) {
	if g := inst.ExtraGARP; g.Every > 0 {
		p.Extras = append(p.Extras, Extra{inst.VRRP.Key, g.Every, g.All})
	}
}

// repeat makes the announcements of a configuration those that are due from now on.
// One that went on before keeps its time.
func (r *Router) repeat(now mono.Instant, c *Reload) {
	old := r.extras
	r.extras = nil
	for _, e := range c.Extras {
		id, ok := r.set.Lookup(e.Key)
		if !ok {
			continue
		}
		next := extra{e, id, r.elsewhere(id, e.All), now.Add(e.Every)}
		if at := slices.IndexFunc(old, func(o extra) bool { return o.Extra == e }); at >= 0 {
			next.due = old[at].due
		}
		r.extras = append(r.extras, next)
	}
}

// elsewhere is the first address on each interface that adverts do not leave by.
func (r *Router) elsewhere(id vrrp.ID, all bool) (addrs []host.Addr) {
	p := &r.parts[id]
	own := r.deviceOf(id)
	if own == "" {
		own = p.cfg.Link
	}
	for i := range p.addrs {
		a := p.addrs[i].Addr
		known := slices.ContainsFunc(addrs, func(o host.Addr) bool { return o.Link == a.Link })
		if a.Link != own && !known && (all || r.quarters.devices[a.Link]) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// repeated announces what is due.
func (r *Router) repeated(now mono.Instant, out *Effects) {
	for i := range r.extras {
		e := &r.extras[i]
		if e.due > now {
			continue
		}
		e.due = e.due.Add((now.Sub(e.due)/e.Every + 1) * e.Every)
		for _, a := range e.addrs {
			if c, _ := r.holdings.of(a); c.held && r.parts[e.id].holds {
				r.say(e.id, a, 1, out)
			}
		}
	}
}

// repeatDeadline is when the next announcement is due.
func (r *Router) repeatDeadline() mono.Instant {
	at := mono.Never
	for i := range r.extras {
		at = min(at, r.extras[i].due)
	}
	return at
}
