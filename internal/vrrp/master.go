package vrrp

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// MASTER (RFC 9568 section 6.4.3, there "Active"): advertises and holds the
// addresses.

const (
	// crowd is from how many routers on adverts are spread over the interval.
	crowd = 32
	// slots is how many instants of an interval adverts are spread over.
	slots = 32
	// block is how many routers, next to one another in memory, have a slot in
	// common: what one of them brings into the cache is of use to the next.
	block = 16
)

// becomeMaster changes role, timer and announcements. Addresses are announced
// when the host reports that it holds them.
func (s *Set) becomeMaster(now mono.Instant, r *router, reason string) {
	s.restoreOwner(now, r)
	if r.interval != r.own() {
		s.note(r, Note{Kind: NoteIntervalReverted, A: int64(r.interval), B: int64(r.own())})
		r.interval = r.own()
	}
	r.preempt, r.wants, r.mode, r.lent = 0, true, advertising, false
	r.stats.BecomeMaster++
	s.advertise(now, r)
	s.change(now, r, Master, reason)
}

// masterHeard is section 6.4.3, "If an ADVERTISEMENT is received". An advert that
// is not answered does not restart the interval: otherwise whoever sends a
// stream of them could silence a MASTER.
func (s *Set) masterHeard(now mono.Instant, r *router, a *wire.Advert) {
	s.noteInterval(r, a)
	r.contest(a)
	switch {
	case a.Priority == 0:
		s.note(r, Note{Kind: NoteMasterZero})
		r.stats.ZeroReceived++
		s.advertise(now, r)
		s.announceAgain(now, r)
	case a.Src == r.source:
		s.complain(r, Note{Kind: NoteSameSource, Addr: a.Src})
	case a.Priority == 255 && r.effective == 255:
		s.twoOwners(now, r, a)
	case a.Priority < r.effective, a.Priority == r.effective && a.Src.Less(r.source):
		s.heardLower(now, r, a)
	default:
		s.heardHigher(now, r, a)
	}
}

// contest counts the time that another MASTER is heard: from advert to advert, so that
// one who takes over, and is heard once, does not count.
func (r *router) contest(a *wire.Advert) {
	if a.Priority == 0 || a.Src == r.source {
		return
	}
	if since := a.At.Sub(r.rivalled); r.rivalled != 0 && since > 0 && since < r.patience() {
		r.stats.Contested += uint32(since / time.Millisecond)
	}
	r.rivalled = a.At
}

func (s *Set) noteInterval(r *router, a *wire.Advert) {
	if r.cfg.Version == 3 && a.Interval != r.interval {
		s.complain(r, Note{Kind: NoteIntervalDiffers, A: int64(r.interval), B: int64(a.Interval), Addr: a.Src})
	}
}

// heardLower answers another MASTER that has to give way, and announces the
// addresses again because it may have announced them too.
func (s *Set) heardLower(now mono.Instant, r *router, a *wire.Advert) {
	kind := NoteLowerHeardElection
	if r.cfg.LowerPrioNoAdvert {
		kind = NoteLowerHeard
	}
	s.note(r, Note{Kind: kind, Addr: a.Src, A: int64(a.Priority), B: int64(r.effective)})
	s.out.Signals = append(s.out.Signals, s.signal(r, LowerHeard))
	if !r.cfg.LowerPrioNoAdvert {
		s.advertise(now, r)
	}
	for m := range s.team(r) {
		s.announceAgain(now, m)
	}
}

// heardHigher yields, as a rule in silence: who has only come does not need to be told.
func (s *Set) heardHigher(now mono.Instant, r *router, a *wire.Advert) {
	kind, reason := NoteHigherHeard, fmt.Sprintf("preempted by %s priority %d", a.Src, a.Priority)
	if a.Priority == r.effective {
		kind, reason = NoteSameHigherAddress, fmt.Sprintf("yielding to %s: same priority %d, higher address", a.Src, a.Priority)
	}
	s.note(r, Note{Kind: kind, Addr: a.Src, A: int64(a.Priority), B: int64(r.effective)})
	if r.cfg.HigherPrioSendAdvert || r.parted(a) && !r.cfg.Strict {
		s.advertise(now, r)
	}
	s.yield(now, r, a, reason)
}

// parted tells whether the sender of a was MASTER all the while that nothing was heard of
// it: the network was parted, and there were two. Hearing one advert of ours it knows that
// too, and announces its addresses to those who were on our side. It is told from a sender
// that has come back by the identification of IPv4, which keepalived and holdfast count up
// with each advert. After a fault it has gone on by three at most, after a restart it
// counts anew.
func (r *router) parted(a *wire.Advert) bool {
	if a.Src != r.master || r.heard == 0 || a.Interval == 0 {
		return false
	}
	const afterFault = 3 // two of priority 0, and the present one
	sent, due := int(a.ID()-r.masterID), int(a.At.Sub(r.heard)/a.Interval)
	return sent > afterFault && sent >= due/2 && sent <= 2*due
}

// yield goes to BACKUP behind the sender of a.
func (s *Set) yield(now mono.Instant, r *router, a *wire.Advert, reason string) {
	s.toBackup(now, r, reason)
	s.follow(r, a)
	s.arm(r)
}

// masterExpired is section 6.4.3, "If the Adver_Timer fires".
func (s *Set) masterExpired(now mono.Instant, r *router) {
	switch {
	case r.mode == leaving:
		s.leftAlone(now, r)
	case r.mode == left:
		r.timer = mono.Never
	case r.mode == listening:
		s.awake(now, r)
	case r.supplanted(now):
		s.stepAside(now, r)
	case s.overslept(now, r):
		s.listen(now, r)
	default:
		s.advertiseDue(now, r)
	}
}

// advertise sends an advert out of turn; the next one follows an interval later.
func (s *Set) advertise(now mono.Instant, r *router) {
	s.sendAdvert(now, r)
	r.timer = s.nextAdvert(now, now, r)
	s.arm(r)
}

// advertiseDue sends the advert that is due and keeps to the rate: the next one
// is counted from when this one should have been, not from when it was.
func (s *Set) advertiseDue(now mono.Instant, r *router) {
	due := r.timer
	s.sendAdvert(now, r)
	r.timer = s.nextAdvert(now, due, r)
}

// nextAdvert is when the advert after that of due is sent: an interval later, or
// with many routers at the next occurrence of the router's own slot of the interval,
// which is never later. Missed ones are not made up for.
func (s *Set) nextAdvert(now, due mono.Instant, r *router) mono.Instant {
	interval := r.own()
	if s.live > crowd {
		phase := interval * time.Duration(r.id/block%slots) / slots
		due = mono.Instant(phase)
	}
	missed := now.Sub(due) / interval
	if now < due {
		missed = -((due.Sub(now) + interval - 1) / interval)
	}
	return due.Add((missed + 1) * interval)
}

// sendAdvert sends an advert with the present priority.
func (s *Set) sendAdvert(now mono.Instant, r *router) {
	s.send(now, r, r.effective)
	r.sent = now
	s.rogueAdvert(now, r)
}

// sendZero tells the backups that this master leaves (section 6.4.3, Shutdown).
func (s *Set) sendZero(now mono.Instant, r *router, times int) {
	for range times {
		s.send(now, r, 0)
		r.stats.ZeroSent++
	}
	s.note(r, Note{Kind: NoteSentZero})
}

// send puts one advert into Out, one copy for every peer of a unicast router.
func (s *Set) send(now mono.Instant, r *router, priority uint8) {
	if !r.packet.Ready() || !r.source.IsValid() || !s.number(now, r) {
		return
	}
	if r.ipid++; r.ipid == 0 {
		r.ipid = 1 // the kernel would put its own in place of 0
	}
	r.stats.AdvertSent++
	trailer := s.trailer(now, r, priority) // the same for all
	if h := r.header; h != nil && !h.known {
		h.ttl = true
		s.sendCopies(r, priority, trailer)
		h.ttl = false
	}
	s.sendCopies(r, priority, trailer)
}

func (s *Set) sendCopies(r *router, priority uint8, trailer []byte) {
	if !r.unicast() {
		s.sendTo(r, r.cfg.Group, priority, trailer)
		return
	}
	for i := range r.cfg.Peers {
		s.sendTo(r, r.cfg.Peers[i].Addr, priority, trailer)
	}
}

func (s *Set) sendTo(r *router, dst netip.Addr, priority uint8, trailer []byte) {
	start := len(s.arena)
	s.arena = r.packet.Append(s.arena, dst, priority, r.ipid, trailer)
	data := s.arena[start:len(s.arena):len(s.arena)]
	if h := r.header; h != nil {
		h.key.Sign(data, h.sequence, h.ttl)
	}
	s.out.Sends = append(s.out.Sends, Send{
		ID: r.id, Link: r.cfg.Link, V6: r.cfg.V6, Dst: dst, Src: r.source,
		Data: data, HopLimit: r.ttl(), Priority: priority,
	})
}
