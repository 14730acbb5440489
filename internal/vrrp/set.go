package vrrp

import (
	"time"

	"holdfast/internal/index"
	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// Set is every virtual router of this host and the sync groups that bind them.
// It is an ordinary value without locks: one goroutine calls it.
type Set struct {
	byKey   *index.Index[Key, *router]
	routers []*router // by ID; nil is free
	free    []ID      // to be used by the next Apply
	groups  []*group
	links   map[string]*link
	wakes   mono.Wakes[ID]
	live    int // routers in existence
	leaving int // routers that have not yet let go, while stopping

	reason string // of the last change: thousands at a time have the same, once

	quiet      mono.Instant
	logUnknown bool
	stopping   bool
	modest     bool          // all stand back for everybody
	stamps     bool          // a router depends on the wall clock
	ahead      time.Duration // of the wall clock

	out     *Out                   // of the call in progress
	tail    [wire.TrailerSize]byte // of the advert being sent
	arena   []byte                 // what Sends point into, until a call that is given none
	unknown uint64
	refused [wire.Flaws]uint64
}

// New returns a Set without routers.
func New() *Set {
	return &Set{byKey: index.New(Key.hash, func(r *router) Key { return r.cfg.Key }), links: map[string]*link{}}
}

// begin is the first thing every call does.
func (s *Set) begin(out *Out) {
	s.out = out
	if len(out.Sends) > 0 {
		return // of an earlier call, not sent yet: their bytes stay
	}
	s.arena = s.arena[:0]
	if cap(s.arena) > everydayArena {
		s.arena = nil
	}
}

// everydayArena is how many bytes of adverts are sent at once in the steady
// state, with room to spare; what a mass take-over needed beyond that is let go.
const everydayArena = 256 << 10

// Expire does everything that is due. All packets that arrived before now must
// have been handed to Receive, so that lateness is not taken for silence.
func (s *Set) Expire(now mono.Instant, out *Out) {
	s.begin(out)
	for {
		w, ok := s.wakes.Top()
		if !ok || w.At > now {
			return
		}
		r := s.routers[w.ID]
		if r.next() <= now {
			s.expire(now, r)
		}
		s.wakes.Set(w.ID, r.next())
	}
}

// Deadline is when Expire wants to be called; Never when nothing is to come.
func (s *Set) Deadline() mono.Instant {
	return s.wakes.First(func(id ID) mono.Instant { return s.routers[id].next() })
}

// expire runs what of one router is due: first its role, which after a pause
// takes back what would still be announced.
func (s *Set) expire(now mono.Instant, r *router) {
	if r.timer <= now {
		s.timerExpired(now, r)
	}
	s.rogueDue(now, r)
	s.announceDue(now, r)
}

func (s *Set) timerExpired(now mono.Instant, r *router) {
	switch r.role {
	case Backup:
		s.backupExpired(now, r)
	case Master:
		s.masterExpired(now, r)
	default:
		r.timer = mono.Never
	}
}

// arm sees to it that r is woken in time. Moving a deadline to a later instant
// needs no call.
func (s *Set) arm(r *router) { s.wakes.Earlier(r.id, r.next()) }

// Weigh tells what the trackers of a router say now.
func (s *Set) Weigh(now mono.Instant, id ID, st Standing, out *Out) {
	s.begin(out)
	r := s.routers[id]
	if s.stopping || r == nil {
		return
	}
	released := r.heldBack() && !st.Held
	plainly := st.Faults == r.standing.Faults
	r.standing = st
	s.reweigh(now, r, plainly)
	s.judge(now, r)
	if released {
		s.release(now, r)
	}
}

// Link tells how a link is now. Links are told before the first Apply; one that
// was never told does not exist.
func (s *Set) Link(now mono.Instant, name string, l LinkState, out *Out) {
	s.begin(out)
	k := s.link(name)
	was := k.LinkState
	k.LinkState = l
	if was.Up != l.Up && len(k.routers) > 0 {
		s.noteLink(name, l.Up)
	}
	if s.stopping || was == l {
		return
	}
	for _, id := range k.routers {
		s.linkChanged(now, s.routers[id])
		if l.Up && !was.Up {
			s.linkReturned(now, s.routers[id])
		}
	}
}

// Held tells that the host now holds the addresses of a MASTER, all of them or
// new ones: they are announced, and the timers of the later rounds start.
func (s *Set) Held(now mono.Instant, id ID, out *Out) {
	s.begin(out)
	r := s.routers[id]
	switch {
	case r == nil || r.role != Master:
	case r.mode == advertising:
		s.announceFirst(now, r)
		s.arm(r)
	case r.mode == listening:
		r.held = true // announced once it is known that nobody took over
	}
}

// Speak lets a MASTER advertise at once: what it sends by was away and is back.
func (s *Set) Speak(now mono.Instant, id ID, out *Out) {
	s.begin(out)
	if r := s.routers[id]; r != nil && r.role == Master && r.mode == advertising && !s.stopping {
		s.advertise(now, r)
	}
}

// Lookup finds a router by its identity.
func (s *Set) Lookup(k Key) (ID, bool) {
	r, ok := s.byKey.Get(k)
	if !ok {
		return 0, false
	}
	return r.id, true
}

// Len is the number of routers.
func (s *Set) Len() int { return s.live }

// note appends a line about r.
func (s *Set) note(r *router, n Note) {
	n.ID, n.Name = r.id, r.cfg.Name
	s.out.Notes = append(s.out.Notes, n)
}

func (s *Set) noteLink(name string, up bool) {
	kind := NoteLinkDown
	if up {
		kind = NoteLinkUp
	}
	s.out.Notes = append(s.out.Notes, Note{Kind: kind, ID: NoID, Name: name})
}
