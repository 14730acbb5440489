package vrrp

import (
	"net/netip"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// router is one virtual router. There may be thousands: it points to its
// configuration, and what few routers need is behind a pointer.
type router struct {
	cfg   *Config
	link  *link
	group *group // nil without one

	packet wire.Packet
	source netip.Addr // adverts leave with it; zero: none

	// timer is the one deadline of the role: BACKUP the down timer, MASTER the
	// next advert or the end of listening or leaving. Never in the others.
	timer   mono.Instant
	preempt mono.Instant // end of the running preempt delay; 0: not running
	burst   mono.Instant // second round of announcements
	refresh mono.Instant // next round of refreshing announcements
	again   mono.Instant // second round after a lower priority advert
	deafAt  mono.Instant // since when it has been deaf, if it is

	// interval is the master's: learnt in BACKUP (version 3), own as MASTER.
	interval time.Duration

	since  mono.Instant // of the role
	reason string       // for the role

	sent   mono.Instant // last advert of a MASTER; 0: none
	heard  mono.Instant // last valid advert of another master; 0: none
	master netip.Addr   // who is followed
	rival  netip.Addr   // who leaves or is to be preempted, according to outlook

	standing Standing
	rivalled mono.Instant // another MASTER was heard while this is one; 0: not
	rogue    *rogue       // a second address owner is about
	seal     *seal        // auth_hmac; nil: without
	header   *header      // auth_type AH; nil: without

	stats Stats

	id             ID
	complained     uint64 // kinds of Note already logged in this state
	ipid           uint16
	masterID       uint16 // identification of the last advert of the master
	masterPriority uint8
	rivalPriority  uint8
	role           Role
	mode           mode
	outlook        outlook
	effective      uint8
	faults         faults
	reduced        bool // an owner that gave way to another: 254
	wants          bool // would be MASTER if its sync group were
	held           bool // the host holds the addresses and they are announced
	oldSum         bool // old_unicast_checksum is in force
	deaf           bool // nothing can be heard
	waited         bool // for the first result of a script, at start
	lent           bool // it has handed over, and preempts nobody
	modest         bool // it stands back for everybody
}

// mode refines MASTER.
type mode uint8

const (
	advertising mode = iota
	listening        // overslept: silent until it is known whether somebody took over
	leaving          // stopping or handing over: addresses held until the successor is heard
	left             // done, waiting for the rest of its sync group
)

// outlook is what a BACKUP's timer stands for, so that a transition can be explained.
type outlook uint8

const (
	silence      outlook = iota // nothing heard
	handedOver                  // priority 0 heard
	preempting                  // a lower priority is being discarded
	unchallenged                // the owner starts
)

// owner says that the router has the addresses by right (RFC 9568, priority 255).
func (r *router) owner() bool { return r.cfg.Priority == 255 }

// unicast says that adverts go to peers.
func (r *router) unicast() bool { return len(r.cfg.Peers) > 0 }

// alive says that the router takes part in elections.
func (r *router) alive() bool { return r.role == Backup || r.role == Master }

// own is the configured interval. One of zero would never let time pass.
func (r *router) own() time.Duration { return max(r.cfg.Interval, time.Millisecond) }

// skew delays lower priorities (RFC 9568 section 6.1): version 2 divides a second,
// version 3 the master's interval. keepalived counts in whole microseconds.
func (r *router) skew(priority uint8) time.Duration {
	unit := time.Second
	if r.cfg.Version == 3 {
		unit = r.interval
	}
	return time.Duration(256-int(priority)) * (unit / time.Microsecond) / 256 * time.Microsecond
}

// smallestSkew is that of the strongest possible peer.
func (r *router) smallestSkew() time.Duration { return r.skew(255) }

// down is Master_Down_Interval (RFC 9568 section 6.1) for the effective priority.
func (r *router) down() time.Duration {
	return r.intervals() + r.skew(r.effective)
}

// intervals is how long a master may be silent before the skew counts.
func (r *router) intervals() time.Duration {
	return time.Duration(max(r.cfg.DownAdverts, 1)) * r.interval
}

// patience is how long the strongest peer waits for a silent MASTER.
func (r *router) patience() time.Duration { return r.intervals() + r.smallestSkew() }

// next is when the router has something to do.
func (r *router) next() mono.Instant {
	at := r.timer
	for _, t := range [...]mono.Instant{r.burst, r.refresh, r.again} {
		if t != 0 && t < at {
			at = t
		}
	}
	if r.rogue != nil && r.rogue.until != 0 && r.rogue.until < at {
		at = r.rogue.until
	}
	return at
}

// describe prebuilds the advert from the configuration and the source, and
// tells whether a receiver would see a difference.
func (r *router) describe() (changed bool) {
	if !r.source.IsValid() {
		return false
	}
	c := r.cfg
	p := wire.Build(&wire.Spec{
		V6: c.V6, Version: c.Version, VRID: c.VRID, Interval: r.own(), VIPs: c.VIPs,
		HasPass: c.HasPass, Password: c.Password, Header: c.Header, Sealed: r.seal.signs(), Src: r.source, TTL: r.ttl(),
		MTU: r.link.MTU, Form: r.form(), Group: c.Group,
	})
	changed = !p.Equal(&r.packet)
	r.packet = p
	return changed
}

// secure prepares what seals and signs adverts as configured.
func (s *Set) secure(r *router) {
	r.seal, r.header = sealed(r.seal, r.cfg.HMAC), headed(r.header, r.cfg)
	s.stamps = s.stamps || r.seal != nil || r.header != nil
}

// form is how this router's checksums are made.
func (r *router) form() wire.Form {
	switch {
	case r.cfg.ChecksumAsV2:
		return wire.Plain
	case r.oldSum && r.unicast():
		return wire.OldUnicast
	}
	return wire.Standard
}

// ttl is 255 unless a unicast router is told otherwise; the kernel's own
// default for IPv6 unicast is 64, which keepalived leaves alone.
func (r *router) ttl() uint8 {
	switch {
	case !r.unicast():
		return 255
	case r.cfg.UnicastTTL != 0:
		return r.cfg.UnicastTTL
	case r.cfg.V6:
		return 64
	}
	return 255
}
