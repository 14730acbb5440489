package vrrp

import (
	"net/netip"

	"holdfast/internal/vrrp/wire"
)

// check is RFC 9568 section 7.1 in keepalived's order. What is found wrong is
// counted each time and logged once.
func (s *Set) check(r *router, a *wire.Advert) bool {
	if r.seal != nil {
		a.Unseal()
	}
	return s.checkLength(r, a) &&
		s.checkTTL(r, a) &&
		s.checkVersion(r, a) &&
		s.checkTrailer(r, a) &&
		s.checkAuth(r, a) &&
		s.checkInterval(r, a) &&
		s.checkType(r, a) &&
		s.checkTotal(r, a) &&
		s.checkSum(r, a) &&
		s.checkDestination(r, a) &&
		s.checkOwner(r) &&
		s.checkAddresses(r, a) &&
		s.checkPeer(r, a)
}

// refuse counts and complains; it is always false.
func (s *Set) refuse(r *router, counter *uint32, n Note) bool {
	*counter++
	s.complain(r, n)
	return false
}

// complain logs each kind of note once until the router changes its role or
// follows a new master.
func (s *Set) complain(r *router, n Note) {
	bit := uint64(1) << n.Kind
	if r.complained&bit != 0 {
		return
	}
	r.complained |= bit
	s.note(r, n)
}

// checkLength reads the message as its own version has it; another version than
// ours is judged later.
func (s *Set) checkLength(r *router, a *wire.Advert) bool {
	if a.Length() == wire.Sound {
		return true
	}
	have, want := a.Sizes()
	return s.refuse(r, &r.stats.LengthErrors, Note{Kind: NoteLength, Addr: a.Src, A: int64(have), B: int64(want)})
}

func (s *Set) checkTTL(r *router, a *wire.Advert) bool {
	if a.HopLimit == 255 || !a.Dst.IsMulticast() {
		return true
	}
	return s.refuse(r, &r.stats.TTLErrors, Note{Kind: NoteTTL, Addr: a.Src, A: int64(a.HopLimit)})
}

func (s *Set) checkVersion(r *router, a *wire.Advert) bool {
	if a.Version == r.cfg.Version {
		return true
	}
	return s.refuse(r, &r.stats.VersionErrors,
		Note{Kind: NoteVersion, Addr: a.Src, A: int64(a.Version), B: int64(r.cfg.Version)})
}

func (s *Set) checkAuth(r *router, a *wire.Advert) bool {
	if a.Version != 2 {
		return true
	}
	want := r.authType()
	mismatch := Note{Kind: NoteAuthType, Addr: a.Src, A: int64(a.AuthType), B: int64(want)}
	switch {
	case a.AuthType > wire.Header:
		return s.refuse(r, &r.stats.AuthTypeInvalid, mismatch)
	case a.AuthType != want, a.HasHeader() != (want == wire.Header):
		return s.refuse(r, &r.stats.AuthTypeMismatch, mismatch)
	case want == wire.Pass && !samePassword(a.Password(), r.cfg.Password):
		return s.refuse(r, &r.stats.AuthFailures, Note{Kind: NotePassword, Addr: a.Src})
	case want == wire.Header:
		return s.checkHeader(r, a)
	}
	return true
}

// authType is what version 2 is to carry.
func (r *router) authType() uint8 {
	switch {
	case r.cfg.Header:
		return wire.Header
	case r.cfg.HasPass:
		return wire.Pass
	}
	return wire.NoAuth
}

// samePassword takes the same time wherever the difference is.
func samePassword(a, b [8]byte) bool {
	var diff byte
	for i := range a {
		diff |= a[i] ^ b[i]
	}
	return diff == 0
}

// checkInterval: version 2 has no means to learn the master's interval.
func (s *Set) checkInterval(r *router, a *wire.Advert) bool {
	if a.Version != 2 || a.Interval == r.cfg.Interval {
		return true
	}
	return s.refuse(r, &r.stats.IntervalErrors,
		Note{Kind: NoteInterval, Addr: a.Src, A: int64(r.cfg.Interval), B: int64(a.Interval)})
}

func (s *Set) checkType(r *router, a *wire.Advert) bool {
	if a.Kind() == wire.Sound {
		return true
	}
	return s.refuse(r, &r.stats.TypeErrors, Note{Kind: NoteType, Addr: a.Src, A: int64(a.Type)})
}

func (s *Set) checkTotal(r *router, a *wire.Advert) bool {
	if a.Total() == wire.Sound {
		return true
	}
	total, have := a.Totals()
	return s.refuse(r, &r.stats.LengthErrors, Note{Kind: NoteTotalLength, Addr: a.Src, A: int64(total), B: int64(have)})
}

// checkSum verifies the checksum in the form in force. With v3_checksum_as_v2
// keepalived verifies none, and so do we.
func (s *Set) checkSum(r *router, a *wire.Advert) bool {
	if r.cfg.ChecksumAsV2 && a.Version == 3 && !a.V6 {
		return true
	}
	if a.Verify(r.form(), r.cfg.Group) == wire.Sound || s.oldChecksum(r, a) {
		return true
	}
	return s.refuse(r, &r.stats.ChecksumErrors, Note{Kind: NoteChecksum, Addr: a.Src, A: int64(a.Version)})
}

// oldChecksum switches to the form of old versions of keepalived once it is heard.
func (s *Set) oldChecksum(r *router, a *wire.Advert) bool {
	if !r.unicast() || a.Version != 3 || a.V6 || r.oldSum || r.cfg.OldUnicastChecksum == OldChecksumNever {
		return false
	}
	if a.Verify(wire.OldUnicast, r.cfg.Group) != wire.Sound {
		return false
	}
	s.note(r, Note{Kind: NoteOldChecksum})
	r.oldSum = true
	r.describe()
	return true
}

// checkDestination: a unicast router was found by its address; a multicast one
// listens to its own group, even where the socket hears those of others.
func (s *Set) checkDestination(r *router, a *wire.Advert) bool {
	if r.unicast() && !a.Dst.IsMulticast() || !r.unicast() && a.Dst == r.cfg.Group {
		return true
	}
	n := Note{Kind: NoteDestination, Addr: a.Src, From: a.Dst}
	if r.unicast() {
		n.A = 1
	}
	s.complain(r, n)
	return false
}

func (s *Set) checkOwner(r *router) bool {
	return !r.cfg.OwnerIgnoreAdverts || r.effective != 255
}

// checkAddresses only counts and complains: an advert with other addresses is
// used all the same.
func (s *Set) checkAddresses(r *router, a *wire.Advert) bool {
	if r.role != Master && r.cfg.SkipCheckAdvAddr && a.Src == r.master {
		return true
	}
	want := min(len(r.cfg.VIPs), 255)
	if want != int(a.Count) {
		s.addressError(r, Note{Kind: NoteCount, Addr: a.Src, A: int64(want), B: int64(a.Count)})
	}
	for i, vip := range r.cfg.VIPs[:want] {
		if !carries(a, i, vip) {
			s.addressError(r, Note{Kind: NoteAddress, Addr: a.Src, From: vip, A: int64(r.cfg.VRID)})
			break
		}
	}
	return true
}

func (s *Set) addressError(r *router, n Note) {
	r.stats.AddressErrors++
	s.complain(r, n)
}

// carries looks for an address, first where it is expected.
func carries(a *wire.Advert, at int, vip netip.Addr) bool {
	if at < int(a.Count) && a.Addr(at) == vip {
		return true
	}
	for i := range int(a.Count) {
		if a.Addr(i) == vip {
			return true
		}
	}
	return false
}

// checkPeer: only a unicast router with check_unicast_src knows whom to expect,
// and from how far away.
func (s *Set) checkPeer(r *router, a *wire.Advert) bool {
	if !r.unicast() || !r.cfg.CheckUnicastSource {
		return true
	}
	p := r.peer(a.Src)
	switch {
	case p == nil:
		s.complain(r, Note{Kind: NoteUnicastSource, Addr: a.Src})
		return false
	case a.HopLimit < p.MinTTL || p.MaxTTL != 0 && a.HopLimit > p.MaxTTL:
		return s.refuse(r, &r.stats.TTLErrors, Note{Kind: NoteUnicastTTL, Addr: a.Src,
			A: int64(a.HopLimit), B: int64(p.MinTTL)<<8 | int64(p.MaxTTL)})
	}
	return true
}
