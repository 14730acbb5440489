// Package vrrp is the virtual router state machine: roles, timers,
// priorities, sync groups. It owns no socket, no clock and no goroutine. It is
// told what happened and when, and answers with what is to be done.
package vrrp

import (
	"net/netip"
	"time"

	"holdfast/internal/index"
	"holdfast/internal/mono"
)

// Key is the identity of a virtual router on the wire; its name is a label.
type Key struct {
	Link string
	VRID uint8
	V6   bool
	// From is the source address; unicast routers only, else the zero Addr.
	From netip.Addr
}

func (k Key) hash() index.Hash {
	n := uint64(k.VRID) << 1
	if k.V6 {
		n |= 1
	}
	return index.Of(k.Link).With(n).WithAddr(k.From)
}

// ID numbers a router within one Set: small, dense, stable for one Key as long
// as the router exists, across Apply.
type ID int32

// Role is what a virtual router is at present. The numbers are those of
// keepalived's JSON dump.
type Role uint8

// The roles. Stopped and Deleted are told to people and programs only.
const (
	Initial Role = 0
	Backup  Role = 1
	Master  Role = 2
	Fault   Role = 3
	Deleted Role = 97
	Stopped Role = 98
)

// Config is one virtual router as configured: every default filled in, every
// contradiction settled by package config.
type Config struct {
	Key
	Name     string
	Version  uint8 // 2 or 3
	Priority uint8 // 1..255; 255 owns the addresses
	Interval time.Duration
	// StartMaster says that `state MASTER` was written, or, with priority 255, no
	// state at all.
	StartMaster bool
	// Source is mcast_src_ip or unicast_src_ip; zero: the link's own address.
	Source netip.Addr
	// Group is where multicast adverts go.
	Group netip.Addr
	// Peers makes the router a unicast one when not empty.
	Peers []Peer
	// UnicastTTL is the TTL or hop limit of unicast adverts; 0 is the default
	// (255 for IPv4, the kernel's, 64, for IPv6).
	UnicastTTL uint8
	// CheckUnicastSource drops unicast adverts from who is not a peer.
	CheckUnicastSource bool
	// VIPs are advertised, in this order.
	VIPs []netip.Addr
	// Password is that of VRRPv2, zero padded: in clear text if HasPass.
	Password [8]byte
	HasPass  bool
	// Header signs adverts with the password, in an authentication header (AH).
	Header bool
	// HMAC seals adverts with a trailer; nil: without.
	HMAC *HMAC

	NoPreempt    bool
	PreemptDelay time.Duration
	// DownAdverts is how many intervals without adverts make a dead master.
	DownAdverts int

	LowerPrioNoAdvert    bool
	HigherPrioSendAdvert bool
	OwnerIgnoreAdverts   bool
	Strict               bool
	// NoPeers is a unicast router whose peers are not named: FAULT.
	NoPeers bool
	// OwnSource is a router on a link of its own that is not Link: without Source
	// adverts leave, with IPv6, from the Sibling of the link's address, and else not.
	OwnSource bool
	// LateBackup is timer_expired_backup: a MASTER so late that a backup of this
	// priority took over gives way. 0: it listens first.
	LateBackup       uint8
	SkipCheckAdvAddr bool
	// DontTrackPrimary ignores that the link is down; only its absence counts.
	DontTrackPrimary   bool
	ChecksumAsV2       bool
	OldUnicastChecksum OldChecksum

	Announce Announcing
}

// Peer is one unicast peer with the bounds of the TTL its adverts may carry.
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8
}

// OldChecksum is the keyword old_unicast_checksum.
type OldChecksum uint8

// Auto switches to the old form when it is heard; Always starts with it.
const (
	OldChecksumAuto OldChecksum = iota
	OldChecksumAlways
	OldChecksumNever
)

// Announcing says how often gratuitous ARP and unsolicited NA are sent.
type Announcing struct {
	Repeat        int           // rounds at once and again after Delay
	Delay         time.Duration // 0: no second burst
	Refresh       time.Duration // 0: never
	RefreshRepeat int
	LowerRepeat   int // after a lower priority advert
	LowerDelay    time.Duration
}

// Group is a sync group.
type Group struct {
	Name    string
	Members []Key
}

// Setup is everything a Set can be configured with.
type Setup struct {
	Routers []Config
	Groups  []Group
	// Quiet is vrrp_startup_delay: until then adverts are discarded and timers
	// stand still. The zero Instant means no delay.
	Quiet mono.Instant
	// Past tells what an earlier run of the daemon remembered of a router. It
	// is asked for routers that are new to the Set; nil remembers nothing.
	Past func(Key) (Memory, bool)
	// Standing tells what the trackers of a router say at present, so that a
	// router that waits for a script does not start before. It is asked for
	// every router; nil leaves it to Weigh.
	Standing func(Key) Standing
	// LogUnknownVRIDs notes, once per link, adverts for a VRID no router has.
	LogUnknownVRIDs bool
}

// Memory is what outlives a crash of the process.
type Memory struct {
	Role       Role
	LastAdvert mono.Instant // sent, by a MASTER
	Holding    bool         // the kernel still holds the marked addresses
}

// LinkState is what a router needs to know of a link.
type LinkState struct {
	Exists bool
	Up     bool // administratively up and with carrier
	// Source4 and Source6 are the addresses that adverts leave with unless
	// configured: the first that is not virtual (link-local for IPv6). Zero: none.
	Source4, Source6 netip.Addr
	MTU              int
}

// Standing is what all trackers of a router say together.
type Standing struct {
	Sum     int  // of the weights that apply
	Faults  int  // trackers that demand FAULT
	Pending bool // an unweighted tracker has no result yet
	Held    bool // a tracker says that the master lives although it is silent
	Reason  string
}

// Send is one advert to be sent. Data is valid until the next call of the Set
// with an Out that holds no Send.
type Send struct {
	ID   ID
	Link string
	V6   bool
	Dst  netip.Addr
	// Src is needed for IPv6; IPv4 carries it in the header.
	Src netip.Addr
	// Data is, for IPv4, the whole datagram with header, and for IPv6 the payload.
	Data     []byte
	HopLimit uint8 // IPv6
	Priority uint8
}

// Change is a transition of a router, or of a sync group when Group is set.
type Change struct {
	At       mono.Instant
	ID       ID
	Name     string
	Group    bool
	From, To Role
	Priority uint8 // effective; 0 for groups
	// Reason says why in a few words: "master down", "preempted by 10.0.0.2 priority 150".
	Reason string
	// Silent transitions are not logged, only notified.
	Silent bool
}

// Signal is something a notification exists for beside transitions.
type Signal struct {
	ID       ID
	Name     string
	Kind     SignalKind
	Role     Role
	Priority uint8
}

// SignalKind is a closed set.
type SignalKind uint8

// PriorityChanged is sent when the effective priority changes, LowerHeard when
// a MASTER hears an advert of lower priority.
const (
	PriorityChanged SignalKind = iota
	LowerHeard
)

// Announce asks for Rounds of gratuitous ARP or unsolicited NA for every
// address the router holds. What is queued is dropped when the router leaves MASTER.
type Announce struct {
	ID     ID
	Rounds int
	// Source is to be announced in place of those addresses; zero: they are.
	Source netip.Addr
}

// Out is what one call asks of the world, appended to by the Set and emptied by
// its caller. A router wants its addresses exactly from a Change to Master
// until the next Change.
type Out struct {
	Sends     []Send
	Changes   []Change
	Announces []Announce
	Signals   []Signal
	Notes     []Note
}

// Reset empties o. It keeps the memory of everyday work, and lets go of what a
// thousand routers that changed their role at once made of it.
func (o *Out) Reset() {
	o.Sends, o.Changes, o.Announces = emptied(o.Sends), emptied(o.Changes), emptied(o.Announces)
	o.Signals, o.Notes = emptied(o.Signals), emptied(o.Notes)
}

func emptied[T any](list []T) []T {
	const everyday = 1024
	if cap(list) > everyday {
		return nil
	}
	return list[:0]
}
