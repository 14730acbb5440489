package vrrp

import (
	"time"

	"holdfast/internal/mono"
)

// weighed is the priority of a router with the weights of its trackers: limited
// to 1..254, and 1 for one that stands back, except that an owner stays 255 (or 254 after giving way to another).
func (r *router) weighed() uint8 {
	switch {
	case r.modest:
		return 1
	case r.owner() && r.reduced:
		return 254
	case r.owner():
		return 255
	}
	return uint8(min(max(int(r.cfg.Priority)+r.standing.Sum, 1), 254))
}

// reweigh brings the effective priority up to date. A BACKUP's running timer
// shifts by the difference of the two down timers. Plainly is not how the weight of
// a file comes and goes with a fault of the same file: keepalived has other words for
// that, and none for the FIFOs.
func (s *Set) reweigh(now mono.Instant, r *router, plainly bool) {
	before, from := r.down(), r.effective
	r.effective = r.weighed()
	if r.effective == from {
		return
	}
	if plainly {
		s.notePriority(r, from)
	} else {
		s.note(r, Note{Kind: NotePrioritySet, A: int64(r.effective)})
	}
	if r.role == Backup {
		s.shift(now, r, before)
	}
}

// shift moves a BACKUP's timer after its down timer changed from before. A
// router that waits only for its skew, or for its first millionth of a second as
// an owner, is not made to wait longer than its whole down timer.
func (s *Set) shift(now mono.Instant, r *router, before time.Duration) {
	r.timer = max(now, r.timer.Add(r.down()-before))
	s.arm(r)
}

func (s *Set) notePriority(r *router, from uint8) {
	s.note(r, Note{Kind: NotePriority, A: int64(from), B: int64(r.effective)})
	s.out.Signals = append(s.out.Signals, s.signal(r, PriorityChanged))
}

func (s *Set) signal(r *router, kind SignalKind) Signal {
	return Signal{ID: r.id, Name: r.cfg.Name, Kind: kind, Role: r.role, Priority: r.effective}
}
