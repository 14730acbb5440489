package vrrp

import (
	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// A pause is not time. A process that was frozen (stopped, swapped out, on a
// suspended machine) for longer than even the weakest peer waits has been declared
// dead by all of them. A router that was MASTER then listens for one interval
// before it says a word; one that was BACKUP has not been listening and starts to.
// After a shorter pause nothing is lost yet, and the best a MASTER can do is to
// send its advert at once.

// overslept tells whether the timer is overdue by more than the down timer. For a
// MASTER the advert before was an interval earlier: the skew of no peer is longer.
func (s *Set) overslept(now mono.Instant, r *router) bool {
	late := now.Sub(r.timer)
	if late <= r.down() {
		return false
	}
	r.stats.Overslept++
	s.note(r, Note{Kind: NoteLate, A: int64(late)})
	return true
}

// supplanted tells whether the last advert is so old that a backup of the
// priority of timer_expired_backup has taken over.
func (r *router) supplanted(now mono.Instant) bool {
	p := r.cfg.LateBackup
	return p != 0 && r.sent != 0 && now.Sub(r.sent) > r.intervals()+r.skew(p)
}

// stepAside goes to BACKUP without a word: whoever took over is not to be disturbed.
func (s *Set) stepAside(now mono.Instant, r *router) {
	r.stats.Overslept++
	s.note(r, Note{Kind: NoteGaveWay, A: int64(now.Sub(r.timer))})
	s.toBackup(now, r, "overslept: silent for "+seconds(now.Sub(r.sent)))
}

// listen keeps the addresses, announces nothing and waits for one interval.
func (s *Set) listen(now mono.Instant, r *router) {
	r.mode = listening
	r.burst, r.refresh, r.again = 0, 0, 0
	r.timer = now.Add(r.own())
}

// wakeUp is asked before a MASTER hears an advert: those that waited in the
// sockets during the pause are handed in before Expire is called.
func (s *Set) wakeUp(now mono.Instant, r *router) {
	switch {
	case r.mode != advertising || r.timer >= now:
	case r.supplanted(now):
		s.stepAside(now, r)
	case s.overslept(now, r):
		s.listen(now, r)
		s.arm(r)
	}
}

// listeningHeard yields to whoever took over meanwhile. What was sent before the
// next advert of this router was due says nothing about that.
func (s *Set) listeningHeard(now mono.Instant, r *router, a *wire.Advert) {
	if a.At <= r.sent.Add(r.own()) || a.Src == r.source {
		return
	}
	slept := now.Sub(r.sent)
	s.toBackup(now, r, "overslept: silent for "+seconds(slept)+", "+a.Src.String()+" took over")
	a.At = now // timers count from now: before, nobody was listening
	s.backupHeard(now, r, a)
}

// awake goes on as MASTER: nobody took over.
func (s *Set) awake(now mono.Instant, r *router) {
	r.mode = advertising
	s.advertise(now, r)
	if r.held {
		s.announceFirst(now, r)
	}
}
