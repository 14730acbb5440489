package vrrp

import (
	"net/netip"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// linger is how long a stopping MASTER keeps its addresses after its successor's
// first advert, so that the successor's announcements have arrived.
const linger = 50 * time.Millisecond

// Stop ends all routers (RFC 9568 section 6.4.3, Shutdown). A MASTER says so with
// priority 0 and then goes on answering for its addresses, silently, until its
// successor was heard; so nobody loses a packet. Expire and Receive have to be
// called until Stopped.
func (s *Set) Stop(now mono.Instant, out *Out) {
	s.begin(out)
	if s.stopping {
		return
	}
	s.stopping = true
	for _, r := range s.routers {
		if r == nil {
			continue
		}
		s.leaving++
		if r.role == Master {
			s.leave(now, r)
		}
	}
	for _, r := range s.routers {
		if r != nil && r.role != Master && r.role != Stopped && r.group.all(isNotMaster) {
			s.stopTeam(now, r, "stopping")
		}
	}
}

// Stopped tells whether all routers have let go.
func (s *Set) Stopped() bool { return s.stopping && s.leaving == 0 }

// leave says good-bye and waits for the successor: at most the skew of the
// weakest possible one and one interval.
func (s *Set) leave(now mono.Instant, r *router) {
	s.sendZero(now, r, 1)
	r.mode = leaving
	r.burst, r.refresh, r.again, r.rogue = 0, 0, 0, nil
	r.heard, r.rival = 0, netip.Addr{}
	r.timer = now.Add(r.skew(1) + r.own())
	s.arm(r)
}

// leavingHeard shortens the wait once the successor is there.
func (s *Set) leavingHeard(r *router, a *wire.Advert) {
	if r.heard != 0 || a.Priority == 0 || a.Src == r.source {
		return
	}
	r.heard, r.rival, r.rivalPriority = a.At, a.Src, a.Priority
	r.timer = min(r.timer, a.At.Add(linger))
	s.arm(r)
}

// leftAlone: the wait is over. A sync group lets go in one step.
func (s *Set) leftAlone(now mono.Instant, r *router) {
	r.mode, r.timer = left, mono.Never
	if !s.stopping {
		s.relieved(now, r)
		return
	}
	if r.group.all(hasLeft) {
		s.stopTeam(now, r, r.stoppedBecause())
	}
}

func hasLeft(r *router) bool { return r.mode == left || r.role != Master }

func (r *router) stoppedBecause() string {
	if r.heard == 0 {
		return "stopping, no successor heard"
	}
	return "stopping, " + r.rival.String() + " took over"
}

// stopTeam ends a router, or its whole sync group.
func (s *Set) stopTeam(now mono.Instant, r *router, reason string) {
	for m := range s.team(r) {
		if m.role == Master {
			m.stats.ReleaseMaster++
		}
		m.timer = mono.Never
		s.leaving--
		s.change(now, m, Stopped, reason)
		s.wakes.Remove(m.id)
	}
	s.groupChange(now, r.group, Stopped, reason)
}
