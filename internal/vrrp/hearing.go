package vrrp

import "holdfast/internal/mono"

// Deafen tells whether a router can hear nothing, because a socket or a device is still
// missing. A BACKUP that is deaf does not take silence for a dead master: what is left of
// its timer runs when it hears.
func (s *Set) Deafen(now mono.Instant, id ID, deaf bool, out *Out) {
	s.begin(out)
	r := s.routers[id]
	switch {
	case r == nil || deaf == r.deaf:
	case deaf:
		r.deaf, r.deafAt = true, now
	default:
		s.hears(now, r)
	}
}

// hears lets a BACKUP wait for as long as it was deaf.
func (s *Set) hears(now mono.Instant, r *router) {
	r.deaf = false
	switch {
	case r.role != Backup || r.outlook != silence:
	case r.timer == mono.Never:
		r.timer = now.Add(r.down())
	default:
		r.timer = r.timer.Add(now.Sub(max(r.deafAt, r.since)))
	}
	s.arm(r)
}
