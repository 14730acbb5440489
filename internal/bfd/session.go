package bfd

import (
	"time"

	"holdfast/internal/bfd/wire"
	"holdfast/internal/mono"
)

// session is one end of a session: the variables of RFC 5880, section 6.8.1.
type session struct {
	Config
	id    ID
	state wire.State
	why   wire.Diagnostic // of leaving Up
	mine  uint32          // local discriminator
	// polling: the poll bit is set until a final comes. Until then minTX and minRX,
	// which are in force, may differ from what is wanted: a longer interval between
	// our packets and a shorter one between theirs must be known to both ends first
	// (RFC 5880, section 6.8.3).
	polling      bool
	minTX, minRX time.Duration
	remote       remote

	// interval is from packet to packet before jitter; agreed the longer of what we
	// take and what the other end wants to send.
	interval, agreed time.Duration
	heard            mono.Instant
	sentAt           mono.Instant

	sendAt   mono.Instant // Never: nothing is sent
	expireAt mono.Instant // detection
	forgetAt mono.Instant // of what is left of the remote state
	retryAt  mono.Instant // for a socket
}

// remote is what the other end said last.
type remote struct {
	state      wire.State
	why        wire.Diagnostic
	number     uint32
	minTX      time.Duration
	minRX      time.Duration
	multiplier uint8
	demand     bool
}

// reset forgets the other end (RFC 5880, section 6.8.1).
func (r *remote) reset() { *r = remote{state: wire.Down, minRX: time.Microsecond} }

func (one *session) next() mono.Instant {
	return min(one.sendAt, one.expireAt, one.forgetAt, one.retryAt)
}

// detection is how long a silence ends the session (RFC 5880, section 6.8.4).
func (one *session) detection() time.Duration {
	return time.Duration(one.remote.multiplier) * one.agreed
}

// desired is how often this end wants to send: slowly until both are up (RFC
// 5880, section 6.8.3).
func (one *session) desired() time.Duration {
	if one.remote.state == wire.Up && (one.state == wire.Up || one.state == wire.Init) {
		return one.minTX
	}
	return one.IdleTX
}

// change takes over a new configuration of the same name.
func (one *session) change(now mono.Instant, s *Set, c Config) {
	old := one.Config
	one.Config = c
	if old.MinRX != c.MinRX || old.MinTX != c.MinTX {
		one.startPoll(s)
	}
	one.minTX, one.minRX = min(one.minTX, c.MinTX), max(one.minRX, c.MinRX)
	if !one.polling {
		one.settle()
	}
	one.retime(now)
	switch {
	case one.state == wire.AdminDown:
		s.revive(now, one)
	case !c.Passive && one.sendAt == mono.Never && one.state == wire.Down:
		one.sendAt = now
	case c.Passive && one.state == wire.Down:
		one.sendAt = mono.Never
	}
}

// startPoll announces new parameters until they are answered (RFC 5880, section 6.5).
func (one *session) startPoll(s *Set) {
	if one.state != wire.Up {
		return
	}
	one.polling = true
	s.note(Note{Kind: PollStarted, Name: one.Name})
}

// settle ends a poll: what is wanted is in force.
func (one *session) settle() {
	one.polling, one.minTX, one.minRX = false, one.MinTX, one.MinRX
}

// retime computes both intervals anew. A shorter interval holds at once.
func (one *session) retime(now mono.Instant) {
	one.agreed = max(one.minRX, one.remote.minTX)
	was := one.interval
	one.interval = max(one.desired(), one.remote.minRX)
	if one.interval < was && one.sendAt != mono.Never {
		one.sendAt = max(now, min(one.sendAt, one.sentAt.Add(one.interval)))
	}
}

// expire does what of the session is due.
func (one *session) expire(now mono.Instant, s *Set) {
	if one.expireAt <= now {
		silence := now.Sub(one.heard)
		one.expireAt = mono.Never
		one.remote.number = 0
		s.expired(now, one, silence)
	}
	if one.forgetAt <= now {
		one.forgetAt = mono.Never
		one.remote.reset()
		one.retime(now)
	}
	if one.retryAt <= now {
		s.revive(now, one)
	}
	if one.ready(now) {
		s.send(now, one, false)
		one.sendAt = one.following(now, s.random)
	}
}

// ready reports whether the next packet may leave now: a little early, so that
// the packets of many sessions leave together.
func (one *session) ready(now mono.Instant) bool { return one.sendAt <= now.Add(one.early()) }

// early is how long before its time a packet may leave.
func (one *session) early() time.Duration { return min(one.interval/20, time.Millisecond) }

// following is when the next packet is due: an interval after the last one was, so
// that lateness does not add up, less a part, so that ends do not fall into step
// (RFC 5880, section 6.8.7): with what it may be early, 10 to 25 percent.
func (one *session) following(now mono.Instant, r Random) mono.Instant {
	if one.remote.demand && one.state == wire.Up && one.remote.state == wire.Up {
		return mono.Never
	}
	due := one.sendAt
	if due.Add(one.interval/8) < now {
		due = now
	}
	spread := one.interval*15/100 - one.early()
	return due.Add(one.interval*9/10 - spread*time.Duration(r.Uint32()>>16)>>16)
}

// send puts the packet of a session into the output. A final one answers a poll.
func (s *Set) send(now mono.Instant, one *session, final bool) {
	desired := one.IdleTX
	if one.state == wire.Up {
		desired = one.MinTX
	}
	p := wire.Packet{
		Diagnostic: one.why, State: one.state, Poll: one.polling && !final, Final: final, Multiplier: one.Multiplier,
		Mine: one.mine, Yours: one.remote.number, DesiredMinTx: desired, RequiredMinRx: one.MinRX,
	}
	from := len(s.arena)
	s.arena = p.Append(s.arena)
	one.sentAt = now
	s.out.Sends = append(s.out.Sends, Send{one.id, s.arena[from:len(s.arena):len(s.arena)]})
}

// expired ends a session that heard nothing for its detection time.
func (s *Set) expired(now mono.Instant, one *session, silence time.Duration) {
	if one.state != wire.Init && one.state != wire.Up {
		return
	}
	overdue := silence - one.detection()
	s.enter(now, one, wire.Down, wire.DetectionExpired)
	c := &s.out.Changes[len(s.out.Changes)-1]
	c.Silence, c.Overdue = silence, overdue
}

// enter changes the state. The other end is told at once, which RFC 5880,
// section 6.8.7, recommends.
func (s *Set) enter(now mono.Instant, one *session, to wire.State, why wire.Diagnostic) {
	from := one.state
	one.state, one.why = to, why
	s.out.Changes = append(s.out.Changes, Change{Session: one.id, Name: one.Name, From: from, To: to, Local: why, Remote: one.remote.why})
	switch to {
	case wire.Up:
		s.entersUp(now, one)
	case wire.Init:
		one.retime(now)
		one.sendAt = now // a passive one begins to speak
	default:
		s.leaves(now, one, from)
	}
	// What the other end does on purpose is no failure of the path (RFC 5882,
	// section 3.2), and keepalived does not tell it.
	if to == wire.Up || from == wire.Up && one.remote.state != wire.AdminDown {
		s.tell(one)
	}
}

func (s *Set) entersUp(now mono.Instant, one *session) {
	one.retime(now)
	if one.IdleTX != one.MinTX {
		one.startPoll(s)
	}
	one.sendAt = now
}

// leaves is what Down and AdminDown have in common.
func (s *Set) leaves(now mono.Instant, one *session, from wire.State) {
	if from == wire.Up {
		s.renumber(one)
	}
	one.settle()
	one.expireAt = mono.Never
	one.forgetAt = now.Add(one.detection())
	one.retime(now)
	one.sendAt = now
	if one.state == wire.AdminDown || one.Passive {
		one.sendAt = mono.Never
	}
}
