package vrrp

import (
	"net/netip"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// Two address owners. RFC 9568 knows no such thing; keepalived settles it: the
// one with the lower address yields at once, the other one waits whether that
// happens and otherwise lowers its own priority.

// rogue is another owner of the same addresses.
type rogue struct {
	addr     netip.Addr
	interval time.Duration
	adverts  int          // of ours still to be sent before the other must be quiet
	until    mono.Instant // then it must have been; 0: not yet waiting
}

// patienceWithOwner is how many of our adverts the other owner gets to hear.
const patienceWithOwner = 2

// twoOwners is a MASTER with priority 255 hearing 255.
func (s *Set) twoOwners(now mono.Instant, r *router, a *wire.Advert) {
	switch {
	case r.source.Less(a.Src):
		s.note(r, Note{Kind: NoteTwoOwners, Addr: a.Src})
		s.yield(now, r, a, "two address owners: yielding to "+a.Src.String()+" with the higher address")
	case r.rogue == nil || r.rogue.addr != a.Src:
		s.note(r, Note{Kind: NoteTwoOwners, Addr: a.Src})
		r.rogue = &rogue{addr: a.Src, interval: a.Interval, adverts: patienceWithOwner}
	case r.rogue.until != 0:
		s.giveWay(now, r, a)
	}
}

// giveWay: the other owner goes on in spite of our adverts.
func (s *Set) giveWay(now mono.Instant, r *router, a *wire.Advert) {
	s.note(r, Note{Kind: NoteOwnerStill, Addr: a.Src})
	r.reduced, r.rogue.until = true, 0
	s.reweigh(now, r, true)
	s.yield(now, r, a, "two address owners: "+a.Src.String()+" does not yield")
}

// rogueAdvert counts our adverts and then starts the wait of 1.2 times the
// longer interval.
func (s *Set) rogueAdvert(now mono.Instant, r *router) {
	if r.rogue == nil || r.rogue.adverts == 0 {
		return
	}
	if r.rogue.adverts--; r.rogue.adverts == 0 {
		r.rogue.until = now.Add(max(r.own(), r.rogue.interval) * 6 / 5)
		s.arm(r)
	}
}

// rogueDue: the other owner has been quiet.
func (s *Set) rogueDue(now mono.Instant, r *router) {
	if r.rogue == nil || r.rogue.until == 0 || r.rogue.until > now {
		return
	}
	s.note(r, Note{Kind: NoteOwnerStopped, Addr: r.rogue.addr})
	r.rogue = nil
}

// restoreOwner gives a router back the 255 it had lowered.
func (s *Set) restoreOwner(now mono.Instant, r *router) {
	if r.reduced {
		s.note(r, Note{Kind: NoteOwnerRestored})
		r.reduced = false
		s.reweigh(now, r, true)
	}
	r.rogue = nil
}
