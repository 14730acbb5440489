package vrrp

import (
	"fmt"
	"net/netip"

	"holdfast/internal/mono"
)

// FAULT: something on this host makes the router unfit. RFC 9568 has only
// Initialize; keepalived's FAULT is left by itself when the reasons are gone.

// faults is the set of reasons; empty is fit.
type faults uint8

const (
	linkMissing faults = 1 << iota
	linkDown
	noSource
	trackerBad
	noPeers
)

// examine finds the faults of a router.
func (r *router) examine() (f faults) {
	switch {
	case !r.link.Exists:
		f |= linkMissing
	case !r.link.Up && !r.cfg.DontTrackPrimary:
		f |= linkDown
	case !r.sourceOf().IsValid():
		f |= noSource
	}
	if r.standing.Faults > 0 {
		f |= trackerBad
	}
	if r.cfg.NoPeers {
		f |= noPeers
	}
	return f
}

// because puts the faults into words, the most telling first.
func (r *router) because() string {
	f := r.faults
	switch {
	case f&linkMissing != 0:
		return "interface " + r.cfg.Link + " does not exist"
	case f&linkDown != 0:
		return "interface " + r.cfg.Link + " is down"
	case f&noSource != 0:
		return fmt.Sprintf("no %s address for interface %s", r.family(), r.cfg.Link)
	case f&noPeers != 0:
		return "no unicast peers"
	case r.standing.Reason != "":
		return r.standing.Reason
	}
	return "tracker failed"
}

// stillBecause is what keeps a router in FAULT at present: its own fault, or
// that of a member of its sync group.
func (s *Set) stillBecause(r *router) string {
	if r.faults != 0 {
		return r.because()
	}
	for m := range s.team(r) {
		if m.faults != 0 {
			return m.pulls(m.because())
		}
	}
	return waiting
}

// waiting is the reason of a router that has not yet a role of its own.
const waiting = "waiting for the first result of a tracker"

// over puts the end of faults into words.
func (r *router) over(f faults) string {
	switch {
	case f&linkMissing != 0:
		return "interface " + r.cfg.Link + " exists"
	case f&linkDown != 0:
		return "interface " + r.cfg.Link + " is up"
	case f&noSource != 0:
		return fmt.Sprintf("%s address for interface %s", r.family(), r.cfg.Link)
	}
	return "trackers are good"
}

func (r *router) family() string {
	if r.cfg.V6 {
		return "IPv6"
	}
	return "IPv4"
}

// judge looks at a router's faults anew and moves it, with its sync group, into
// FAULT or out of it.
func (s *Set) judge(now mono.Instant, r *router) {
	was := r.faults
	r.faults = r.examine()
	if r.role == Fault {
		r.reason = s.stillBecause(r)
	}
	switch {
	case r.faults != 0 && r.role != Fault:
		s.fail(now, r)
	case (r.role == Initial || r.role == Fault) && s.ready(r):
		s.recover(now, r, was)
	}
}

// recover leaves FAULT, always for BACKUP and with the whole down timer, owners
// included.
func (s *Set) recover(now mono.Instant, r *router, was faults) {
	s.join(now, r, r.over(was))
}

// fail takes a router into FAULT and pulls its sync group along.
func (s *Set) fail(now mono.Instant, r *router) {
	reason := r.because()
	s.becomeFault(now, r, 2, reason)
	if r.group != nil {
		s.failGroup(now, r)
	}
}

// failGroup takes all members of a faulty router's sync group into FAULT.
func (s *Set) failGroup(now mono.Instant, r *router) {
	reason := r.because()
	pulled := r.pulls(reason)
	for m := range s.team(r) {
		switch {
		case m.role == Fault:
		case m.faults != 0:
			s.becomeFault(now, m, 2, m.because())
		default:
			s.becomeFault(now, m, 1, pulled)
		}
	}
	s.groupChange(now, r.group, Fault, r.cfg.Name+": "+reason)
}

// becomeFault changes role, timer and announcements. A MASTER says good-bye
// twice when the fault is its own, once when its group pulls it.
func (s *Set) becomeFault(now mono.Instant, r *router, goodbyes int, reason string) {
	if r.role == Master {
		s.sendZero(now, r, goodbyes)
	}
	r.timer, r.preempt, r.wants = mono.Never, 0, false
	s.change(now, r, Fault, reason)
}

// linkChanged brings a router up to date with its link.
func (s *Set) linkChanged(now mono.Instant, r *router) {
	s.readdress(now, r)
	s.judge(now, r)
}

// readdress takes the source adverts are to leave with. A MASTER uses a new one
// at once.
func (s *Set) readdress(now mono.Instant, r *router) {
	r.source = r.sourceOr(r.source)
	if r.describe() && r.role == Master && r.mode == advertising {
		s.advertise(now, r)
	}
}

// sourceOr is the source adverts are to leave with. When there is none, IPv4
// keeps the last one for its good-bye, which carries it in its own header; IPv6
// cannot send from an address that does not exist.
func (r *router) sourceOr(last netip.Addr) netip.Addr {
	source := r.sourceOf()
	if !source.IsValid() && !r.cfg.V6 {
		return last
	}
	return source
}
