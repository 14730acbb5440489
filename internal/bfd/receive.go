package bfd

import (
	"cmp"
	"net/netip"
	"time"

	"holdfast/internal/bfd/wire"
	"holdfast/internal/mono"
)

// Receive takes a packet in, by the checks of RFC 5880, section 6.8.6, in
// keepalived's order (reference: bfd-behaviour, section 5).
func (s *Set) Receive(now mono.Instant, d *Datagram, out *Out) {
	s.begin(out)
	p, flaw := wire.Decode(d.Data)
	if flaw != wire.Sound {
		s.discard(now, Note{Kind: Bogus, Flaw: flaw, From: d.Src})
		return
	}
	one := s.find(&p, d)
	if one == nil {
		s.discard(now, Note{Kind: Stranger, From: d.Src})
		return
	}
	if d.TTL >= 0 && d.TTL < int(one.LeastTTL) {
		s.discard(now, Note{Kind: FarAway, Name: one.Name, From: d.Src, TTL: uint8(d.TTL), Least: one.LeastTTL})
		return
	}
	if p.Auth {
		s.discard(now, Note{Kind: Authenticated, Name: one.Name, From: d.Src})
		return
	}
	if one.state == wire.AdminDown && one.retryAt.Sub(now) <= patience-haste {
		s.revive(now, one)
	}
	if one.state != wire.AdminDown {
		one.heard = max(one.heard, cmp.Or(d.At, now))
		s.heed(now, one, &p)
	}
	s.arm(one)
}

// find looks for the session of a packet: by the number that its sender knows,
// else by its addresses.
func (s *Set) find(p *wire.Packet, d *Datagram) *session {
	if p.Yours != 0 {
		if id, known := s.byNumber[p.Yours]; known {
			return s.sessions[id]
		}
		return nil
	}
	for _, local := range [...]netip.Addr{d.Dst, {}} { // the zero Addr: any source
		if id, known := s.byKey[key{local, d.Src, d.MultiHop}]; known {
			return s.sessions[id]
		}
	}
	return nil
}

// heed takes over what the packet says and moves the session.
func (s *Set) heed(now mono.Instant, one *session, p *wire.Packet) {
	settled := one.state == wire.Up && !p.Poll && !p.Final
	one.remote = remote{
		state: p.State, why: p.Diagnostic, number: p.Mine, minTX: p.DesiredMinTx, minRX: p.RequiredMinRx,
		multiplier: p.Multiplier, demand: p.Demand,
	}
	one.forgetAt = mono.Never
	if p.Final {
		one.settle()
	}
	before := one.detection()
	if !settled { // in between, intervals change only by a poll (section 6.8.3)
		one.retime(now)
	}
	s.move(now, one)
	if one.state == wire.Init || one.state == wire.Up {
		one.expireAt = one.heard.Add(one.detection())
	}
	s.noteDetection(one, before)
	s.answer(now, one, p)
	one.resume(now)
}

func (s *Set) noteDetection(one *session, before time.Duration) {
	if after := one.detection(); after != before {
		s.note(Note{Kind: DetectionChanged, Name: one.Name, Now: after, Was: before})
	}
}

// move is the state machine of RFC 5880, section 6.2.
func (s *Set) move(now mono.Instant, one *session) {
	switch r := one.remote.state; {
	case r == wire.AdminDown && one.state != wire.Down:
		s.enter(now, one, wire.Down, wire.NeighbourDown)
	case one.state == wire.Down && r == wire.Down:
		s.enter(now, one, wire.Init, wire.NoDiagnostic)
	case one.state == wire.Down && r == wire.Init:
		s.enter(now, one, wire.Up, wire.NoDiagnostic)
	case one.state == wire.Init && (r == wire.Init || r == wire.Up):
		s.enter(now, one, wire.Up, wire.NoDiagnostic)
	case one.state == wire.Up && r == wire.Down:
		s.enter(now, one, wire.Down, wire.NeighbourDown)
	}
}

// answer sends a final at once. What it says of our own parameters makes a poll
// of ours superfluous.
func (s *Set) answer(now mono.Instant, one *session, p *wire.Packet) {
	if p.Poll {
		one.settle()
		one.retime(now)
		s.send(now, one, true)
	}
}

// resume goes on sending when the other end no longer asks for silence.
func (one *session) resume(now mono.Instant) {
	silent := one.remote.demand && one.state == wire.Up && one.remote.state == wire.Up
	switch {
	case silent:
		one.sendAt = mono.Never
	case one.sendAt == mono.Never && (one.state == wire.Up || one.state == wire.Init):
		one.sendAt = now
	}
}
