package vrrp

import "holdfast/internal/mono"

// HandOver asks a MASTER, with its sync group, to let another take its place. It says good-bye
// and goes on answering, silently, until its successor was heard; so nobody loses a packet. If
// none comes it goes on as MASTER. Whoever has handed over does not preempt its successor
// before somebody says TakeBack. Others than a MASTER are left alone.
func (s *Set) HandOver(now mono.Instant, id ID, out *Out) {
	s.begin(out)
	r := s.routers[id]
	if s.stopping || !atWork(r) || !r.group.all(atWork) {
		return
	}
	for m := range s.team(r) {
		m.lent = true
		s.leave(now, m)
	}
}

// atWork tells a MASTER that has not overslept and does not leave.
func atWork(r *router) bool { return r.role == Master && r.mode == advertising }

// TakeBack ends what HandOver and Maintain have asked for: the router takes part in elections as
// it is configured to.
func (s *Set) TakeBack(now mono.Instant, id ID, out *Out) {
	s.begin(out)
	for m := range s.team(s.routers[id]) {
		m.lent = false
	}
}

// Maintain makes all routers hand over, and stand back for everybody, with priority 1, while on.
// They take over still if there is nobody else.
func (s *Set) Maintain(now mono.Instant, on bool, out *Out) {
	s.begin(out)
	s.modest = on
	for id := range s.All() {
		r := s.routers[id]
		r.modest = on
		s.reweigh(now, r, true)
		if on {
			s.HandOver(now, id, out)
		} else {
			s.TakeBack(now, id, out)
		}
	}
}

// relieved ends a hand-over: as BACKUP if the successor was heard, else as MASTER. A sync group
// stays together.
func (s *Set) relieved(now mono.Instant, r *router) {
	if !r.group.all(hasLeft) {
		return
	}
	if !r.group.all(hasSuccessor) || r.heard == 0 {
		for m := range s.team(r) {
			s.goOn(now, m)
		}
		return
	}
	s.toBackup(now, r, "handed over to "+r.rival.String())
	for m := range s.team(r) {
		m.master, m.masterPriority, m.outlook = m.rival, m.rivalPriority, silence
	}
}

func hasSuccessor(r *router) bool { return r.role != Master || r.heard != 0 }

// goOn is what a MASTER does whom nobody relieves.
func (s *Set) goOn(now mono.Instant, r *router) {
	if r.role != Master {
		return
	}
	s.note(r, Note{Kind: NoteNotRelieved})
	r.lent = false
	s.awake(now, r)
}
