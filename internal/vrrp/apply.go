package vrrp

import (
	"slices"

	"holdfast/internal/mono"
)

// Apply starts the Set or gives it a new configuration. Routers are matched by
// their Key: one that stays keeps role, timers, counters and ID, whatever else
// of it changes; one that is gone says good-bye. The Set keeps setup.Routers and
// reads it until the next Apply, so that nothing is stored twice.
func (s *Set) Apply(now mono.Instant, setup *Setup, out *Out) {
	s.begin(out)
	if s.stopping {
		return
	}
	s.quiet, s.logUnknown = setup.Quiet, setup.LogUnknownVRIDs
	freed := s.removeMissing(now, setup)
	s.live, s.stamps = len(setup.Routers), false
	for i := range setup.Routers {
		s.adopt(now, &setup.Routers[i], setup)
	}
	s.regroup(setup)
	s.settleAll(now, setup)
	// Only now: within one Apply no two routers have the same ID.
	s.free = append(s.free, freed...)
}

// removeMissing deletes the routers that setup does not have.
func (s *Set) removeMissing(now mono.Instant, setup *Setup) (freed []ID) {
	kept := make([]bool, len(s.routers))
	for i := range setup.Routers {
		if r, ok := s.byKey.Get(setup.Routers[i].Key); ok {
			kept[r.id] = true
		}
	}
	for id := range s.All() {
		if !kept[id] {
			s.remove(now, s.routers[id])
			freed = append(freed, id)
		}
	}
	return freed
}

func (s *Set) remove(now mono.Instant, r *router) {
	if r.role == Master {
		s.sendZero(now, r, 1)
	}
	s.change(now, r, Deleted, "no longer configured")
	s.wakes.Remove(r.id)
	s.byKey.Delete(r.cfg.Key)
	r.link.routers = slices.DeleteFunc(r.link.routers, func(id ID) bool { return id == r.id })
	s.routers[r.id] = nil
}

// adopt makes a new router of c, or hands c to the one that has its Key.
func (s *Set) adopt(now mono.Instant, c *Config, setup *Setup) {
	r, known := s.byKey.Get(c.Key)
	if !known {
		s.add(now, c, setup)
		return
	}
	if setup.Standing != nil {
		r.standing = setup.Standing(c.Key)
	}
	s.become(now, r, c)
}

func (s *Set) add(now mono.Instant, c *Config, setup *Setup) {
	r := &router{cfg: c, id: s.nextID(), modest: s.modest, link: s.link(c.Link), timer: mono.Never, since: now}
	if setup.Standing != nil {
		r.standing = setup.Standing(c.Key)
	}
	r.interval, r.oldSum = r.own(), c.OldUnicastChecksum == OldChecksumAlways
	r.effective = r.weighed()
	s.secure(r)
	r.link.routers = append(r.link.routers, r.id)
	s.byKey.Put(r)
	s.routers[r.id] = r
	if c.Priority != r.effective {
		s.notePriority(r, c.Priority)
	}
	s.wakes.Earlier(r.id, mono.Never)
	s.readdress(now, r)
}

func (s *Set) nextID() ID {
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		return id
	}
	id := ID(len(s.routers))
	s.routers = append(s.routers, nil)
	s.wakes.Grow(len(s.routers))
	return id
}

// become is the question of a reload: can you be this without a restart? A
// BACKUP's timer shifts as the down timer does; a MASTER says at once what has
// changed in its adverts, and nothing if nothing has.
func (s *Set) become(now mono.Instant, r *router, c *Config) {
	before, learnt, priority := r.down(), r.interval != r.own(), r.effective
	r.cfg = c
	s.secure(r)
	if !learnt || c.Version != 3 || r.role == Master {
		r.interval = r.own()
	}
	r.oldSum = r.oldSum && c.OldUnicastChecksum != OldChecksumNever || c.OldUnicastChecksum == OldChecksumAlways
	r.reduced = r.reduced && r.owner()
	if r.role == Backup {
		s.shift(now, r, before)
	}
	s.reweigh(now, r, true)
	s.reannounce(now, r)
	r.source = r.sourceOr(r.source)
	changed := r.describe()
	if r.role == Master && r.mode == advertising && (changed || r.effective != priority) {
		s.advertise(now, r)
	}
}

// reannounce fits the running announcement timers to the configuration.
func (s *Set) reannounce(now mono.Instant, r *router) {
	c := &r.cfg.Announce
	switch {
	case !r.held:
		return
	case c.Refresh == 0:
		r.refresh = 0
	case r.refresh == 0 || r.refresh > now.Add(c.Delay+c.Refresh):
		r.refresh = now.Add(c.Refresh)
	}
	s.arm(r)
}

// regroup forms the sync groups anew. A group is known by its name.
func (s *Set) regroup(setup *Setup) {
	roles := make(map[string]Role, len(s.groups))
	for _, g := range s.groups {
		roles[g.name] = g.role
	}
	s.groups = make([]*group, 0, len(setup.Groups))
	for id := range s.All() {
		s.routers[id].group = nil
	}
	for i := range setup.Groups {
		c := &setup.Groups[i]
		s.groups = append(s.groups, s.form(c, roles[c.Name]))
	}
}

func (s *Set) form(c *Group, role Role) *group {
	g := &group{name: c.Name, role: role, members: make([]*router, 0, len(c.Members))}
	for _, k := range c.Members {
		if r, ok := s.byKey.Get(k); ok && r.group == nil {
			r.group = g
			g.members = append(g.members, r)
		}
	}
	return g
}

// settleAll finds the role of every router and group under the new configuration.
func (s *Set) settleAll(now mono.Instant, setup *Setup) {
	for id := range s.All() {
		r := s.routers[id]
		was := r.faults
		r.faults = r.examine()
		if r.group == nil {
			s.settle(now, r, was, setup)
		}
	}
	for _, g := range s.groups {
		if len(g.members) > 0 {
			s.settleGroup(now, g, setup)
		}
	}
}

// settle starts a router without a group, or looks at its faults anew.
func (s *Set) settle(now mono.Instant, r *router, was faults, setup *Setup) {
	switch {
	case r.faults != 0:
		if r.role != Fault {
			s.fail(now, r)
		}
		r.reason = r.because()
	case r.alive():
	case r.role == Initial && s.resume(now, r, setup.Past):
	case r.standing.Pending:
		r.wait()
	case r.role == Initial:
		s.join(now, r, atStart)
	default:
		s.join(now, r, r.over(was))
	}
}

// wait notes that a new router is held up; what it becomes later is not its start.
func (r *router) wait() {
	if r.role == Initial {
		r.waited, r.reason = true, waiting
	}
}

// settleGroup brings the members of a new or changed group to one role.
func (s *Set) settleGroup(now mono.Instant, g *group, setup *Setup) {
	first := g.members[0]
	if i := slices.IndexFunc(g.members, isFaulty); i >= 0 {
		s.failGroup(now, g.members[i])
		return
	}
	fresh := g.all(isInitial)
	if fresh && s.resume(now, first, setup.Past) {
		return
	}
	if !s.ready(first) {
		for _, m := range g.members {
			m.wait()
		}
		return
	}
	reason := "sync group formed anew"
	if fresh {
		reason = atStart
	}
	s.even(now, g, reason)
}

// even makes one role of several: a group is MASTER only if every member that
// was there before is.
func (s *Set) even(now mono.Instant, g *group, reason string) {
	role := Master
	for _, m := range g.members {
		if m.role == Backup || g.all(isNotMaster) {
			role = Backup
		}
	}
	if role == Backup {
		for _, m := range g.members {
			if m.role == Master {
				s.becomeBackup(now, m, m.down(), reason)
			}
		}
	}
	s.joinAs(now, g.members[0], role, reason)
}

func isFaulty(r *router) bool    { return r.faults != 0 }
func isInitial(r *router) bool   { return r.role == Initial }
func isNotMaster(r *router) bool { return r.role != Master }
