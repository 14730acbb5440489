package vrrp

import (
	"fmt"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// BACKUP (RFC 9568 section 6.4.2): watches the master and takes over when it is
// silent.

// becomeBackup changes role, timer and announcements. The timer runs from now.
func (s *Set) becomeBackup(now mono.Instant, r *router, timer time.Duration, reason string) {
	if r.role == Fault {
		s.introduce(r)
	}
	r.timer = now.Add(timer)
	r.preempt, r.wants = 0, false
	if r.role != Initial || r.outlook != unchallenged {
		r.outlook = silence
	}
	s.change(now, r, Backup, reason)
	s.arm(r)
}

// backupHeard is section 6.4.2, "If an ADVERTISEMENT is received".
func (s *Set) backupHeard(now mono.Instant, r *router, a *wire.Advert) {
	if r.reduced && (a.Src != r.rogue.addr || a.Priority < 255) {
		s.restoreOwner(now, r)
	}
	switch {
	case a.Priority == 0:
		s.backupZero(r, a)
	case s.accepts(now, r, a):
		s.follow(r, a)
	default:
		s.discard(r, a)
	}
	s.arm(r)
}

// backupZero: the master leaves, so only the skew keeps the backups apart.
func (s *Set) backupZero(r *router, a *wire.Advert) {
	s.note(r, Note{Kind: NoteBackupZero})
	r.stats.ZeroReceived++
	r.rival, r.rivalPriority, r.heard, r.outlook = a.Src, 0, a.At, handedOver
	r.timer = a.At.Add(r.skew(r.effective))
	if a.Src == r.master {
		r.masterID = a.ID()
	}
}

// accepts tells whether the sender may go on as master. The preempt delay is
// counted from the first advert of lower priority.
func (s *Set) accepts(now mono.Instant, r *router, a *wire.Advert) bool {
	if a.Priority >= r.effective {
		s.stopPreemptDelay(r)
		return true
	}
	if r.cfg.NoPreempt || r.lent {
		return true
	}
	if r.cfg.PreemptDelay == 0 {
		return false
	}
	if r.preempt == 0 {
		s.note(r, Note{Kind: NotePreemptStart, A: int64(r.cfg.PreemptDelay)})
		r.preempt = a.At.Add(r.cfg.PreemptDelay)
	}
	return a.At < r.preempt
}

func (s *Set) stopPreemptDelay(r *router) {
	if r.preempt == 0 {
		return
	}
	s.note(r, Note{Kind: NotePreemptStop})
	r.preempt = 0
}

// follow accepts the sender as master.
func (s *Set) follow(r *router, a *wire.Advert) {
	s.learnInterval(r, a)
	if a.Src != r.master {
		s.noteMaster(r, a)
	}
	r.master, r.masterPriority, r.masterID, r.heard = a.Src, a.Priority, a.ID(), a.At
	r.outlook, r.wants = silence, false
	r.timer = a.At.Add(r.down())
}

func (s *Set) noteMaster(r *router, a *wire.Advert) {
	r.complained = 0
	if r.master.IsValid() {
		s.note(r, Note{Kind: NoteMasterChanged, From: r.master, Addr: a.Src})
		return
	}
	s.note(r, Note{Kind: NoteMasterSet, Addr: a.Src})
}

// learnInterval is section 6.4.2: Active_Adver_Interval comes from the advert.
func (s *Set) learnInterval(r *router, a *wire.Advert) {
	if r.cfg.Version != 3 || a.Interval == 0 || a.Interval == r.interval {
		return
	}
	s.note(r, Note{Kind: NoteIntervalLearnt, A: int64(r.interval), B: int64(a.Interval)})
	r.interval = a.Interval
}

// discard leaves the timer running, so that this router takes over.
func (s *Set) discard(r *router, a *wire.Advert) {
	s.note(r, Note{Kind: NoteLowerDiscarded, A: int64(a.Priority), Addr: a.Src})
	r.rival, r.rivalPriority, r.heard, r.outlook = a.Src, a.Priority, a.At, preempting
}

// backupExpired is section 6.4.2, "If the Active_Down_Timer fires".
func (s *Set) backupExpired(now mono.Instant, r *router) {
	if r.deaf && r.outlook == silence {
		r.timer = mono.Never // until it hears
		return
	}
	if s.overslept(now, r) {
		// Nobody was listening: hear one interval before judging.
		r.timer = now.Add(r.interval + r.skew(r.effective))
		return
	}
	if r.heldBack() {
		s.holdBack(now, r)
		return
	}
	s.note(r, Note{Kind: NoteTimeout})
	reason := r.expiredBecause(now)
	if r.group == nil {
		s.becomeMaster(now, r, reason)
		return
	}
	r.wants = true
	if !r.group.all(wantsMaster) {
		r.timer = now.Add(r.down())
		return
	}
	s.groupToMaster(now, r, reason)
}

// heldBack says that a tracker knows the master to live although it is silent: its
// adverts are lost, and a second master would make two machines of one address.
// Who hands over, or can be preempted, is not silent.
func (r *router) heldBack() bool { return r.standing.Held && r.outlook == silence }

// holdBack lets another down interval pass. It is said once for each silence.
func (s *Set) holdBack(now mono.Instant, r *router) {
	if !r.wants {
		s.note(r, Note{Kind: NoteHeldBack})
	}
	r.wants = true
	r.timer = now.Add(r.down())
}

// release lets a router that was held back take over, after the skew that keeps
// several of them apart.
func (s *Set) release(now mono.Instant, r *router) {
	if r.role != Backup || !r.wants {
		return
	}
	r.timer = min(r.timer, now.Add(r.skew(r.effective)))
	s.arm(r)
}

// expiredBecause explains the end of the down timer.
func (r *router) expiredBecause(now mono.Instant) string {
	switch r.outlook {
	case handedOver:
		return fmt.Sprintf("handed over by %s with priority 0", r.rival)
	case preempting:
		return fmt.Sprintf("preempting %s priority %d with %d", r.rival, r.rivalPriority, r.effective)
	case unchallenged:
		return "owner of the addresses"
	}
	if r.heard == 0 {
		return fmt.Sprintf("master down: nothing heard for %s", seconds(now.Sub(r.since)))
	}
	return fmt.Sprintf("master down: nothing heard from %s for %s", r.master, seconds(now.Sub(r.heard)))
}

// seconds prints a duration with milliseconds, as the log has them.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }
