package vrrp

import (
	"iter"

	"holdfast/internal/mono"
)

// group is a sync group: its members change role in one step.
type group struct {
	name    string
	members []*router
	role    Role
	joined  bool // its first role was told
}

// all tells whether every member satisfies is; without a group there is no
// member who does not.
func (g *group) all(is func(*router) bool) bool {
	if g == nil {
		return true
	}
	for _, m := range g.members {
		if !is(m) {
			return false
		}
	}
	return true
}

func wantsMaster(r *router) bool { return r.wants && !r.heldBack() }

// mixed tells whether some members are configured to start as MASTER and some
// are not, so that the group is held in BACKUP.
func (g *group) mixed() bool {
	if g == nil {
		return false
	}
	starters := 0
	for _, m := range g.members {
		if m.cfg.StartMaster {
			starters++
		}
	}
	return starters > 0 && starters < len(g.members)
}

// team is the router itself or all members of its sync group.
func (s *Set) team(r *router) iter.Seq[*router] {
	return func(yield func(*router) bool) {
		if r.group == nil {
			yield(r)
			return
		}
		for _, m := range r.group.members {
			if !yield(m) {
				return
			}
		}
	}
}

// pulls is why the other members of r's group change their role with it.
func (r *router) pulls(reason string) string {
	return "sync group " + r.group.name + ": " + r.cfg.Name + ": " + reason
}

// groupToMaster: r was the last member to be ready and pulls the rest.
func (s *Set) groupToMaster(now mono.Instant, r *router, reason string) {
	s.becomeMaster(now, r, reason)
	pulled := r.pulls(reason)
	for m := range s.team(r) {
		if m.role != Master {
			s.becomeMaster(now, m, pulled)
		}
	}
	s.groupChange(now, r.group, Master, r.cfg.Name+": "+reason)
}

// toBackup takes a MASTER to BACKUP; its sync group leaves with it, without
// priority 0.
func (s *Set) toBackup(now mono.Instant, r *router, reason string) {
	s.becomeBackup(now, r, r.down(), reason)
	if r.group == nil {
		return
	}
	pulled := r.pulls(reason)
	for m := range s.team(r) {
		if m.role == Master {
			s.becomeBackup(now, m, m.down(), pulled)
		}
	}
	s.groupChange(now, r.group, Backup, r.cfg.Name+": "+reason)
}

// groupChange tells the role of a group after that of its members.
func (s *Set) groupChange(now mono.Instant, g *group, to Role, reason string) {
	if g == nil || g.role == to {
		return
	}
	s.out.Changes = append(s.out.Changes, Change{
		At: now, ID: NoID, Name: g.name, Group: true, From: g.role, To: to, Reason: reason,
		Silent: g.role == Initial || to == Stopped,
	})
	g.role = to
}
