// Package balancer is everything about real servers as an ordinary value: it is
// given what checks find out, and answers with what the kernel's table of virtual
// servers is to hold, which checks are to run, and what is to be told.
package balancer

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"holdfast/internal/checker"
	"holdfast/internal/config"
	"holdfast/internal/ipvs"
	"holdfast/internal/mono"
)

// Config is the part of a configuration that a Balancer lives by.
type Config struct {
	Virtual []config.VirtualServer
	Groups  []config.ServerGroup
	// NotifyAtStart: servers that begin up are told to be up. NoCheckMail: mail
	// speaks of servers only, not of single checks.
	NotifyAtStart, NoCheckMail bool
	// Whole: virtual servers that go take their real servers along, of which
	// nothing is said.
	Whole bool
	// FirstMark is that of nftables_ipvs; 0: groups have a service for each address.
	FirstMark uint32
}

// Part draws it from a configuration.
func Part(c *config.Config) *Config {
	g := &c.Global.LVS
	part := &Config{Virtual: c.VirtualServers, Groups: c.ServerGroups, NotifyAtStart: g.NotifyAtStart, NoCheckMail: g.NoCheckerMail,
		Whole: g.FlushOnStop != config.FlushNothing}
	if c.Global.Filter.IPVSTable != "" {
		part.FirstMark = c.Global.Filter.IPVSMark
	}
	return part
}

// Balancer is all that is known and decided about real servers.
type Balancer struct {
	config  Config
	virtual []*virtual
	// users are the virtual servers of each service, in the order of the file: two
	// may have real servers in one.
	users   map[ipvs.Key][]*virtual
	checks  map[checker.ID]*check
	last    checker.ID
	here    map[netip.Addr]bool // the addresses of this machine
	left    ipvs.Table          // by an earlier run, until the first reload
	known   map[string]stood    // to the worker before, until then; nil: there was none
	orders  map[orderID]Order
	marks   marks
	stopped bool
}

// New returns one without virtual servers.
func New() *Balancer {
	return &Balancer{users: map[ipvs.Key][]*virtual{}, checks: map[checker.ID]*check{}, orders: map[orderID]Order{}}
}

// Adopt takes in what an earlier run left in the kernel, before the first Reload. A real server
// that is missing there was down, one that is there was up: it is taken to be so until it is
// checked.
func (b *Balancer) Adopt(left ipvs.Table) { b.left = left }

// Resume takes in how the servers stood when the worker died that this one goes on for, before
// the first Reload: nobody is told that again.
func (b *Balancer) Resume(s Standing) { b.known = s.byVirtual() }

// Remark takes in which marks an earlier run gave out.
func (b *Balancer) Remark(shares map[ipvs.Share]uint32) { b.marks = shares }

// Step takes in what happened.
func (b *Balancer) Step(now mono.Instant, ev Event, out *Effects) {
	if b.stopped {
		return
	}
	switch ev := ev.(type) {
	case Checked:
		b.checked(now, ev, out)
	case Addressed:
		b.addressed(ev, out)
	}
}

// Checks lists the checks that are to run.
func (b *Balancer) Checks() []Check {
	list := make([]Check, 0, len(b.checks))
	for _, v := range b.virtual {
		for _, r := range v.reals {
			for _, c := range r.checks {
				list = append(list, Check{ID: c.id, Config: c.config, Virtual: v.name, Real: r.name(), At: r.At, Weight: r.config.Weight, Suspended: v.suspended})
			}
		}
	}
	return list
}

// Stop gives everything up. With omega, what goes down is told.
func (b *Balancer) Stop(now mono.Instant, out *Effects) {
	for _, v := range b.virtual {
		if b.config.Whole {
			continue
		}
		v.sorryLeaves(out)
		gone := 0
		for _, r := range v.reals {
			out.log("%s service %s from VS %s", r.verb("Shutting down", "Shutting down (inhibited)"), r.name(), v.name)
			if !r.Alive {
				continue
			}
			gone++
			out.turn(v, Turn{Real: r.config, Gone: gone})
			if v.config.Omega {
				out.tellScript(r, false)
				out.mailReal(r, false, "Shutting down")
			}
		}
		if v.config.Omega {
			out.tellVirtual(v, false, "Shutting down")
		}
		out.turn(v, Turn{Ends: true, Gone: gone})
	}
	b.stopped, b.virtual = true, nil
	clear(b.users)
	clear(b.checks)
	out.Table, out.Checks, out.Stands = ipvs.Table{}, true, true
}

// addressed suspends the checks of those whose address has gone, and resumes them when it
// has come.
func (b *Balancer) addressed(ev Addressed, out *Effects) {
	b.here = ev.Here
	for _, v := range b.virtual {
		if suspended := v.config.HASuspend && !b.here[v.config.Addr]; suspended != v.suspended {
			v.suspended = suspended
			out.checksChange(v)
		}
	}
}

// put states anew what the services of a virtual server are to hold.
func (b *Balancer) put(v *virtual, out *Effects) {
	if out.Table != nil {
		return // it will be drawn as a whole
	}
	if out.Pools == nil {
		out.Pools = map[ipvs.Key]ipvs.Pool{}
	}
	for k := range v.keys() {
		out.Pools[k] = b.pool(k)
	}
}

// pool is what a service is to hold. The first virtual server says how it
// schedules; all of them put their real servers into it.
func (b *Balancer) pool(k ipvs.Key) ipvs.Pool {
	users := b.users[k]
	p := ipvs.Pool{Service: users[0].service, Servers: users[0].Pool(k)}
	for _, v := range users[1:] {
		p.Servers = joined(p.Servers, v.Pool(k))
	}
	return p
}

// joined are the real servers of both, of each the first that is used.
func joined(a, b []ipvs.Server) []ipvs.Server {
	all := slices.Concat(b, a)
	slices.SortStableFunc(all, func(x, y ipvs.Server) int { return cmp.Compare(min(x.Weight, 1), min(y.Weight, 1)) })
	return ipvs.Sorted(all)
}

// table is all that the kernel is to hold.
func (b *Balancer) table() ipvs.Table {
	t := make(ipvs.Table, len(b.users))
	for k := range maps.Keys(b.users) {
		t[k] = b.pool(k)
	}
	return t
}

// index notes who uses which service.
func (b *Balancer) index() {
	clear(b.users)
	for _, v := range b.virtual {
		for k := range v.keys() {
			if !slices.Contains(b.users[k], v) {
				b.users[k] = append(b.users[k], v)
			}
		}
	}
}
