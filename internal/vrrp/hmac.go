package vrrp

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// Sealed adverts (keyword auth_hmac): a trailer that only those who share a key can
// make, and that nobody can play again later.

// Secret is what nobody is to read: it does not print itself.
type Secret string

// hidden stands where a secret is.
const hidden = "********"

// String tells nothing but whether there is a secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String: encoders for people use it, encoding/gob does not.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// HMACMode is what is done about adverts without trailer.
type HMACMode uint8

// The modes.
const (
	// Enforce drops them.
	Enforce HMACMode = iota
	// Permissive accepts them.
	Permissive
	// ReceiveOnly accepts them and sends none with one.
	ReceiveOnly
)

// HMAC is how adverts are sealed.
type HMAC struct {
	// Keys verify, each by its id.
	Keys []HMACKey
	// Active is the id of the key that signs.
	Active uint8
	// Window is how old or how far ahead a stamp may be.
	Window time.Duration
	// Monotonic lets stamps be of any time, as long as they grow.
	Monotonic bool
	Mode      HMACMode
}

// HMACKey is one key.
type HMACKey struct {
	ID     uint8
	Secret Secret
}

// TrailerStats counts the adverts that were dropped for their trailer, by the names
// of keepalived's dump (auth_ext_missing ...).
type TrailerStats struct {
	Missing, Malformed, UnknownKey, Invalid, Stale, Replay uint32
}

// seal is what a router under auth_hmac knows beside its configuration.
type seal struct {
	cfg   *HMAC
	keys  []*wire.Key
	last  wire.Stamp // of the adverts sent; 0: none
	marks []mark     // the latest first
	stats TrailerStats
}

// mark is the last stamp of a sender, and when it came.
type mark struct {
	from  netip.Addr
	stamp wire.Stamp
	at    mono.Instant
}

// senders is how many a multicast router remembers.
const senders = 4

// sealed is the seal of a router under a new configuration. What was sent and heard
// stays known; keys that stay the same are not prepared again.
func sealed(old *seal, cfg *HMAC) *seal {
	switch {
	case cfg == nil:
		return nil
	case old == nil:
		old = &seal{}
	case slices.Equal(old.cfg.Keys, cfg.Keys):
		old.cfg = cfg
		return old
	}
	old.cfg, old.keys = cfg, make([]*wire.Key, len(cfg.Keys))
	for i, k := range cfg.Keys {
		old.keys[i] = wire.NewKey(k.ID, []byte(k.Secret))
	}
	return old
}

// key finds a key; nil: there is none of that id.
func (g *seal) key(id uint8) *wire.Key {
	for _, k := range g.keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}

// signs tells whether adverts leave sealed.
func (g *seal) signs() bool { return g != nil && g.cfg.Mode != ReceiveOnly }

// stamp is that of the next advert: the wall clock, or one more than the last if the
// clock has not moved on. A clock that was set back by more than the window is
// believed: nobody would accept the stamps from before.
func (g *seal) stamp(wall time.Duration) wire.Stamp {
	now := wire.StampOf(wall)
	lost := !g.cfg.Monotonic && g.last.Ahead(now) > g.cfg.Window
	if g.last == 0 || lost || now.After(g.last) {
		g.last = now
	} else {
		g.last++
	}
	return g.last
}

// Wall tells how far the wall clock is ahead of instants at present. Nothing but the
// stamps of sealed adverts depends on it; without them it need not be told.
func (s *Set) Wall(ahead time.Duration) { s.ahead = ahead }

// Stamps tells whether a router depends on Wall.
func (s *Set) Stamps() bool { return s.stamps }

// wall is the wall clock at an instant, since 1970.
func (s *Set) wall(at mono.Instant) time.Duration { return time.Duration(at) + s.ahead }

// trailer seals the next advert of r; nil: it leaves without.
func (s *Set) trailer(now mono.Instant, r *router, priority uint8) []byte {
	if !r.seal.signs() {
		return nil
	}
	k := r.seal.key(r.seal.cfg.Active)
	if k == nil {
		return nil
	}
	s.tail = r.packet.Seal(k, r.source, priority, r.seal.stamp(s.wall(now)))
	return s.tail[:]
}

// checkTrailer is the order of keepalived: presence, form, age, key, signature, and
// whether it was heard before.
func (s *Set) checkTrailer(r *router, a *wire.Advert) bool {
	if r.seal == nil {
		return true
	}
	g, t := r.seal, a.Trailer()
	if t == nil {
		return g.cfg.Mode != Enforce || s.refuse(r, &g.stats.Missing, Note{Kind: NoteTrailerMissing, Addr: a.Src})
	}
	skew := t.Stamp().Ahead(wire.StampOf(s.wall(a.At)))
	if g.cfg.Monotonic {
		skew = 0
	}
	k := g.key(t.KeyID())
	switch {
	case !t.Sound():
		return s.refuse(r, &g.stats.Malformed, Note{Kind: NoteTrailerForm, Addr: a.Src})
	case skew.Abs() > g.cfg.Window:
		return s.refuse(r, &g.stats.Stale, Note{Kind: NoteTrailerStale, Addr: a.Src, A: int64(skew), B: int64(g.cfg.Window)})
	case k == nil:
		return s.refuse(r, &g.stats.UnknownKey, Note{Kind: NoteTrailerKey, Addr: a.Src, A: int64(t.KeyID())})
	case !a.Sealed(k, t):
		return s.refuse(r, &g.stats.Invalid, Note{Kind: NoteTrailerInvalid, Addr: a.Src, A: int64(t.KeyID())})
	case !g.fresh(a, t.Stamp(), max(senders, len(r.cfg.Peers))):
		return s.refuse(r, &g.stats.Replay, Note{Kind: NoteTrailerReplay, Addr: a.Src})
	}
	if skew.Abs() > g.cfg.Window/2 {
		s.complain(r, Note{Kind: NoteClockSkew, Addr: a.Src, A: int64(skew), B: int64(g.cfg.Window)})
	}
	return true
}

// fresh tells whether a stamp is later than the last one of its sender, and remembers
// it. Of more senders than limit the one that was not heard for longest is forgotten.
func (g *seal) fresh(a *wire.Advert, stamp wire.Stamp, limit int) bool {
	i := slices.IndexFunc(g.marks, func(m mark) bool { return m.from == a.Src })
	if i >= 0 && g.remembers(&g.marks[i], a.At) && !stamp.After(g.marks[i].stamp) {
		return false
	}
	if i < 0 && len(g.marks) < limit {
		g.marks = append(g.marks, mark{})
	}
	if i < 0 {
		i = len(g.marks) - 1
	}
	copy(g.marks[1:], g.marks[:i])
	g.marks[0] = mark{from: a.Src, stamp: stamp, at: a.At}
	return true
}

// remembers tells whether a mark still counts: what is older than the window is
// refused for its age.
func (g *seal) remembers(m *mark, now mono.Instant) bool {
	return g.cfg.Monotonic || now.Sub(m.at) <= g.cfg.Window
}
