package vrrp

import (
	"math"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// The authentication header of version 2 (auth_type AH, RFC 2338 section 5.3.6.3).
// The routers of one VRID share one sequence of numbers: who becomes MASTER goes on
// where the one before was last heard. Who has heard nobody, perhaps because it
// crashed as MASTER, starts from the seconds of the wall clock: at one advert a second
// or less no number of an earlier life is above them.

// header is what a router under AH knows beside its configuration.
type header struct {
	password [8]byte
	key      *wire.HeaderKey
	sequence uint32 // of the last advert, sent or accepted; 0: neither
	// spent: no number is left. Nothing is sent until MASTER is left, or somebody
	// else is heard who counts anew.
	spent bool
	// ttl is how the others sign. Until one of them was heard it is not known, and each
	// advert is sent in both ways, with one number: who waits in silence understands one
	// of them, and never hears the other.
	ttl   wire.Lifetime
	known bool
}

// headed is the header of a router under a new configuration; the sequence goes on.
func headed(old *header, c *Config) *header {
	switch {
	case !c.Header:
		return nil
	case old == nil:
		old = &header{}
	case old.password == c.Password:
		return old
	}
	old.password, old.key = c.Password, wire.NewHeaderKey(c.Password)
	return old
}

// number takes the next number for an advert of r, and tells whether there is one.
func (s *Set) number(now mono.Instant, r *router) bool {
	h := r.header
	switch {
	case h == nil:
		return true
	case h.spent:
		return false
	case h.sequence == math.MaxUint32:
		h.spent = true
		s.note(r, Note{Kind: NoteSequenceSpent})
		return false
	case h.sequence == 0:
		h.sequence = uint32(s.wall(now) / time.Second)
	}
	h.sequence++
	return true
}

// checkHeader verifies signature and number. A MASTER that hears a greater number
// goes on behind it, or the one it has to convince would not listen.
func (s *Set) checkHeader(r *router, a *wire.Advert) bool {
	h := r.header
	ttl, signed := a.Signed(h.key)
	switch {
	case !a.SPI() || !signed:
		return s.refuse(r, &r.stats.AuthFailures, Note{Kind: NoteHeader, Addr: a.Src})
	case a.Sequence() == h.sequence && ttl != h.ttl:
		return false // the same advert, for those who sign otherwise
	case a.Sequence() <= h.sequence && !h.spent:
		return s.refuse(r, &r.stats.AuthFailures, Note{Kind: NoteSequence, Addr: a.Src, A: int64(a.Sequence()), B: int64(h.sequence)})
	}
	h.sequence, h.spent, h.ttl, h.known = a.Sequence(), false, ttl, true
	return true
}
