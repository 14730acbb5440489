package vrrp

import (
	"net/netip"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// Receive hands in one datagram. Timers count from d.At, the time of arrival.
func (s *Set) Receive(now mono.Instant, d *wire.Datagram, out *Out) {
	s.begin(out)
	a, flaw := wire.Decode(d)
	if flaw != wire.Sound {
		s.refused[flaw]++
		return
	}
	r := s.find(d.Link, &a)
	if r == nil {
		s.stranger(d.Link, &a)
		return
	}
	if a.At == 0 || a.At > now {
		a.At = now // no time stamp, or one from a clock that runs ahead
	}
	if !r.alive() || now < s.quiet || !s.check(r, &a) {
		return
	}
	r.stats.AdvertReceived++
	s.heard(now, r, &a)
}

// heard gives a valid advert to the role.
func (s *Set) heard(now mono.Instant, r *router, a *wire.Advert) {
	if r.role == Backup {
		s.backupHeard(now, r, a)
		return
	}
	if s.wakeUp(now, r); r.role == Backup {
		a.At = now // timers count from now: before, nobody was listening
		s.backupHeard(now, r, a)
		return
	}
	switch r.mode {
	case advertising:
		s.masterHeard(now, r, a)
	case listening:
		s.listeningHeard(now, r, a)
	case leaving:
		s.leavingHeard(r, a)
	}
}

// find is the router an advert is for. Unicast routers are told apart by the
// address the advert was sent to, which is theirs; one without a configured
// source takes what is left.
func (s *Set) find(name string, a *wire.Advert) *router {
	k := Key{Link: name, VRID: a.VRID, V6: a.V6}
	if !a.Dst.IsMulticast() {
		k.From = a.Dst
	}
	if r, ok := s.byKey.Get(k); ok || !k.From.IsValid() {
		return r
	}
	k.From = netip.Addr{}
	r, _ := s.byKey.Get(k)
	return r
}

// stranger counts an advert for a VRID nobody here has. Who hears by every link, for
// routers without one, hears what is for the routers on the links, too.
func (s *Set) stranger(name string, a *wire.Advert) {
	if name == "" {
		return
	}
	s.unknown++
	k := s.links[name]
	if !s.logUnknown || k == nil || !k.strange(a.V6, a.VRID) {
		return
	}
	s.out.Notes = append(s.out.Notes, Note{Kind: NoteUnknownVRID, ID: NoID, Name: name, A: int64(a.VRID)})
}

// Refused is how many datagrams were not even readable, by flaw.
func (s *Set) Refused() [wire.Flaws]uint64 { return s.refused }

// Unknown is how many adverts had a VRID that no router here has.
func (s *Set) Unknown() uint64 { return s.unknown }

// peer finds a unicast peer.
func (r *router) peer(addr netip.Addr) *Peer {
	for i := range r.cfg.Peers {
		if r.cfg.Peers[i].Addr == addr {
			return &r.cfg.Peers[i]
		}
	}
	return nil
}
