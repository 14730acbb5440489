package vrrp

import (
	"time"

	"holdfast/internal/mono"
)

// INITIAL (RFC 9568 section 6.4.1): a router that has not yet joined the
// elections, because it is new or because a script has no first result yet.

// ready tells whether nothing keeps the team out of the elections.
func (s *Set) ready(r *router) bool {
	for m := range s.team(r) {
		if m.faults != 0 || m.standing.Pending {
			return false
		}
	}
	return true
}

// join takes those of a ready team who are not there yet into the elections. The
// group they join may be MASTER already, when a reload added a member to it.
func (s *Set) join(now mono.Instant, r *router, reason string) {
	role := Backup
	if r.group != nil && r.group.role == Master {
		role = Master
	}
	s.joinAs(now, r, role, reason)
}

func (s *Set) joinAs(now mono.Instant, r *router, role Role, reason string) {
	for m := range s.team(r) {
		switch {
		case m.alive():
		case role == Master:
			s.becomeMaster(now, m, "sync group "+m.group.name+" is MASTER")
		default:
			s.becomeBackup(now, m, s.joinDelay(now, m), reason)
		}
	}
	s.groupChange(now, r.group, role, reason)
}

// joinDelay is the first timer of a BACKUP: the down timer, `state MASTER` or
// not. An owner goes at once, a millionth of a second later, unless it was held
// up or its sync group is not all owners.
func (s *Set) joinDelay(now mono.Instant, r *router) time.Duration {
	quiet := max(0, s.quiet.Sub(now))
	switch {
	case r.role != Initial || r.waited:
		return quiet + r.down()
	case r.cfg.StartMaster && r.owner() && r.group.all(ownerAtOnce):
		r.outlook = unchallenged
		return quiet + time.Microsecond
	case r.cfg.StartMaster && r.group.mixed():
		return quiet + r.own() + r.smallestSkew()
	}
	return quiet + r.down()
}

func ownerAtOnce(r *router) bool { return r.owner() && r.cfg.StartMaster }

// resume takes a team back to where a crash of the process left it: MASTER, if
// the peers cannot have missed more adverts than they forgive and the kernel
// still holds the addresses. It tells whether it did.
func (s *Set) resume(now mono.Instant, r *router, past func(Key) (Memory, bool)) bool {
	for m := range s.team(r) {
		if !m.canResume(now, past) {
			return false
		}
	}
	for m := range s.team(r) {
		s.becomeMaster(now, m, "resumed")
	}
	s.groupChange(now, r.group, Master, "resumed")
	return true
}

func (r *router) canResume(now mono.Instant, past func(Key) (Memory, bool)) bool {
	if past == nil || r.role != Initial || r.faults != 0 {
		return false
	}
	m, ok := past(r.cfg.Key)
	return ok && m.Role == Master && m.Holding && m.LastAdvert <= now && now < m.LastAdvert.Add(r.patience())
}
