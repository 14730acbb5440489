package vrrp

import "holdfast/internal/mono"

// Announcements: gratuitous ARP and unsolicited neighbour advertisements. The
// Set says when and how many rounds; sending and pacing are done elsewhere.

// announceFirst is for addresses the host has just come to hold: rounds at once,
// the same again after the delay, and from then on the refresh.
func (s *Set) announceFirst(now mono.Instant, r *router) {
	c := &r.cfg.Announce
	r.held = true
	s.announce(r, c.Repeat)
	r.burst, r.refresh = 0, 0
	if c.Delay > 0 {
		r.burst = now.Add(c.Delay)
	}
	if c.Refresh > 0 {
		r.refresh = now.Add(c.Delay + c.Refresh)
	}
}

// announceAgain answers another MASTER of lower priority, which may have taken
// the addresses in the neighbours' tables.
func (s *Set) announceAgain(now mono.Instant, r *router) {
	c := &r.cfg.Announce
	if !r.held || c.LowerRepeat == 0 {
		return
	}
	s.announce(r, c.LowerRepeat)
	if c.LowerDelay > 0 {
		r.again = now.Add(c.LowerDelay)
		s.arm(r)
	}
}

// introduce tells where a unicast router is that was in FAULT: who is to send it adverts
// may know its source from before, and wait for an answer that does not come.
func (s *Set) introduce(r *router) {
	if r.unicast() && r.source.IsValid() {
		s.out.Announces = append(s.out.Announces, Announce{ID: r.id, Rounds: 1, Source: r.source})
	}
}

// linkReturned is for a MASTER that stayed one while its link was down
// (dont_track_primary): who was reachable meanwhile may have taken the addresses in
// the neighbours' tables, and may give them up without ever being heard.
func (s *Set) linkReturned(now mono.Instant, r *router) {
	if r.role == Master && r.mode == advertising && r.held {
		s.announceFirst(now, r)
		s.arm(r)
	}
}

// announceDue runs the rounds whose time has come.
func (s *Set) announceDue(now mono.Instant, r *router) {
	c := &r.cfg.Announce
	if r.burst != 0 && r.burst <= now {
		r.burst = 0
		s.announce(r, c.Repeat)
	}
	if r.again != 0 && r.again <= now {
		r.again = 0
		s.announce(r, c.LowerRepeat)
	}
	if r.refresh != 0 && r.refresh <= now {
		missed := now.Sub(r.refresh) / c.Refresh
		r.refresh = r.refresh.Add((missed + 1) * c.Refresh)
		s.announce(r, c.RefreshRepeat)
	}
}

func (s *Set) announce(r *router, rounds int) {
	if rounds > 0 {
		s.out.Announces = append(s.out.Announces, Announce{ID: r.id, Rounds: rounds})
	}
}
