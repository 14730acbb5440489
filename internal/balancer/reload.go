package balancer

import (
	"maps"
	"net/netip"

	"holdfast/internal/config"
	"holdfast/internal/ipvs"
	"holdfast/internal/lvs"
	"holdfast/internal/mono"
)

// Reload takes a configuration over. What is known again keeps its state, and the
// kernel sees only what differs.
func (b *Balancer) Reload(now mono.Instant, c *Config, out *Effects) {
	before := b.virtual
	known := make(map[identity]*virtual, len(before))
	for _, v := range before {
		known[v.identity] = v
	}
	b.config, b.virtual = *c, make([]*virtual, 0, len(c.Virtual))
	clear(b.checks)
	b.share()
	out.Table = ipvs.Table{} // it is drawn as a whole, below
	seen := map[identity]int{}
	for i := range c.Virtual {
		id := identify(&c.Virtual[i], seen)
		old := known[id]
		delete(known, id)
		b.virtual = append(b.virtual, b.take(now, &c.Virtual[i], id, old, out))
	}
	for _, v := range before {
		if known[v.identity] == v {
			b.remove(v, out)
		}
	}
	b.index()
	for _, v := range b.virtual {
		b.review(v, v.fresh, out)
		v.fresh = false
	}
	b.forget(out)
	b.left, b.known = nil, nil
	out.Table, out.Checks, out.Stands = b.table(), true, true
	out.Marked, out.Shares = b.marked(), maps.Clone(b.marks)
}

// take makes a virtual server of the configuration, with what is known of it.
func (b *Balancer) take(now mono.Instant, c *config.VirtualServer, id identity, old *virtual, out *Effects) *virtual {
	v := &virtual{identity: id, name: id.name(), config: c, service: serviceOf(c), entries: b.entries(c.Group)}
	if s, ok := b.markedAs(c); ok {
		v.mark = b.marks[s]
	}
	v.Quorum, v.Hysteresis, v.Sorry = c.Quorum, c.Hysteresis, sorryOf(c)
	v.suspended = c.HASuspend && !b.here[c.Addr]
	was := map[netip.AddrPort]*real{}
	if v.fresh = old == nil; v.fresh {
		v.left = b.remains(v)
	} else {
		v.Up = old.Up
		for _, r := range old.reals {
			was[r.At] = r
		}
		v.compare(old, out)
	}
	v.reals, v.Servers = make([]*real, 0, len(c.RealServers)), make([]*lvs.Server, 0, len(c.RealServers))
	for i := range c.RealServers {
		r := newReal(v, &c.RealServers[i])
		b.obey(r)
		b.inherit(now, r, was[r.At], out)
		delete(was, r.At)
		v.reals, v.Servers = append(v.reals, r), append(v.Servers, &r.Server)
	}
	if old != nil {
		old.dismiss(was, out)
	}
	v.resume()
	v.left = nil
	return v
}

// dismiss takes those of the real servers away that are left over from before.
func (v *virtual) dismiss(left map[netip.AddrPort]*real, out *Effects) {
	for _, r := range v.reals {
		if left[r.At] == r {
			out.log("service %s no longer exist", r.name())
			r.remove(out)
		}
	}
}

func (b *Balancer) entries(group string) []config.GroupEntry {
	for i := range b.config.Groups {
		if b.config.Groups[i].Name == group {
			return b.config.Groups[i].Entries
		}
	}
	return nil
}

func sorryOf(c *config.VirtualServer) *lvs.Sorry {
	s := c.Sorry
	if s == nil {
		return nil
	}
	return &lvs.Sorry{At: netip.AddrPortFrom(s.Addr, s.Port), Way: wayOf(s.Forwarding), Inhibit: s.Inhibit}
}

// compare says what a reload changes about the virtual server as such.
func (v *virtual) compare(old *virtual, out *Effects) {
	if old.Apologises() && (v.Sorry == nil || v.Sorry.At != old.Sorry.At) {
		old.sorryLeaves(out)
	}
	has := map[config.GroupEntry]bool{}
	for _, e := range old.entries {
		has[e] = true
	}
	for _, e := range v.entries {
		if !has[e] {
			out.log("VS [%s] added into group %s", v.entryName(e), v.config.Group)
		}
		delete(has, e)
	}
	for _, e := range old.entries {
		if has[e] {
			out.log("VS [%s] in group %s no longer exists", old.entryName(e), v.config.Group)
		}
	}
}

func newReal(v *virtual, c *config.RealServer) *real {
	return &real{of: v, config: c, Server: lvs.Server{
		At: netip.AddrPortFrom(c.Addr, c.Port), Way: wayThrough(c), Weight: int32(c.Weight), Inhibit: c.Inhibit,
	}}
}

// wayThrough is how packets get to a real server, and how many.
func wayThrough(c *config.RealServer) ipvs.Destination {
	d := wayOf(c.Forwarding)
	d.Upper, d.Lower = c.UpperThreshold, c.LowerThreshold
	return d
}

// inherit gives a real server its checks, with what is known from before.
func (b *Balancer) inherit(now mono.Instant, r, old *real, out *Effects) {
	var before []*check
	if old != nil {
		before = append(before, old.checks...)
	}
	for _, c := range r.config.Checks {
		r.checks = append(r.checks, b.check(now, r, c, &before))
	}
	if old == nil {
		told := r.adopt()
		if r.Alive = r.failed() == 0; r.Alive && b.config.NotifyAtStart && !told {
			out.tellReal(r, true)
		}
	} else {
		r.recover(old, out)
	}
	r.weighUp()
	for _, c := range r.checks {
		b.checks[c.id] = c
		if !c.ran {
			out.log("%s healthchecker for service %s for VS %s", r.of.activity("Deactivating"), r.name(), r.of.name)
		}
	}
	if old != nil && r.Effective() != old.Effective() {
		out.reweighed(r, old.Effective())
	}
}

// check is a check of the configuration: the same as one of those that are left
// over from before, or a new one.
func (b *Balancer) check(now mono.Instant, r *real, c *config.Check, left *[]*check) *check {
	for i, old := range *left {
		if old != nil && old.config.Same(c) {
			(*left)[i] = nil
			next := *old
			next.of, next.config = r, c
			return &next
		}
	}
	b.last++
	return &check{id: b.last, of: r, config: c, up: !c.Alpha, since: now}
}

// recover takes over whether a real server lives. A check that is new does not
// disturb one that does; beside one that has failed, or if nothing was ever found
// out, its alpha counts.
func (r *real) recover(old *real, out *Effects) {
	ran := false
	for _, c := range old.checks {
		ran = ran || c.ran
	}
	doubtful := old.failed() > 0 || !old.Alive && !ran
	for _, c := range r.checks {
		if !c.ran && !doubtful {
			c.up = true
		}
	}
	if r.Alive = r.failed() == 0; r.Alive != old.Alive {
		out.changed(r)
	}
}

// remove takes a virtual server away.
func (b *Balancer) remove(v *virtual, out *Effects) {
	if v.config.Group != "" {
		out.log("Removing Virtual Server Group [%s]", v.config.Group)
	} else {
		out.log("Removing Virtual Server %s", v.name)
	}
	if !b.config.Whole {
		v.sorryLeaves(out)
		for _, r := range v.reals {
			r.remove(out)
		}
	}
	if v.Up {
		v.Up = false
		out.turn(v, Turn{})
		out.tellVirtual(v, false, quorumWords(v, false, v.Threshold(), 0))
	}
}

// remove takes a real server away.
func (r *real) remove(out *Effects) {
	out.log("%s service %s from VS %s", r.verb("Removing", "Removing (inhibited)"), r.name(), r.of.name)
	if r.Alive {
		out.tellReal(r, false)
		out.mailReal(r, false, "Removing")
	}
}
