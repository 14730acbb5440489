// Package status is the one picture of the daemon that every view is made
// from: plain values, copied out of the brains, safe to keep and to send.
package status

import (
	"net/netip"
	"time"

	"holdfast/internal/mono"
)

// Router is the state of everything that owns addresses.
type Router struct {
	At       mono.Instant
	RealTime string // how the process is scheduled, in words
	// Lateness is the longest that a deadline waited for the loop.
	Lateness time.Duration
	// Late counts deadlines by how long they waited: place i is for less than 2^i
	// microseconds, and at least half of that.
	Late [24]uint64
	// Refused counts the datagrams that could not be read, Unknown the adverts for
	// routers that are not configured here.
	Refused   []Count
	Unknown   uint64
	Instances []Instance
	Groups    []Group
	Sessions  []Session
	Trackers  []Tracker
	Links     []Link
	Ports     []Port
}

// Group is one sync group.
type Group struct {
	Name, Role string
	Members    []string
}

// Tracker is a thing that is watched, and what it said last.
type Tracker struct {
	Kind, Name string
	State      string // unknown, good, bad
	Value      int    // of a file
	Why        string
}

// Link is an interface of this machine, with the addresses that are not virtual.
type Link struct {
	Name        string
	Index, MTU  int
	MAC         [6]byte
	Addrs       []netip.Prefix
	Up, Carrier bool
	Polled      bool // it is asked for its carrier
}

// Port is a socket that adverts come in by. Buffer is its size in bytes; 0: as large
// as seemed good.
type Port struct {
	Link       string
	V6, Header bool
	Buffer     int
}

// Count is how often something happened, and what.
type Count struct {
	What string
	N    uint64
}

// Instance is one virtual router.
type Instance struct {
	Name, Link string
	VRID       uint8
	V6         bool
	Version    uint8
	Role       string // INIT, BACKUP, MASTER, FAULT
	Want       string // what it would be without its group
	Group      string // its sync group; empty: none
	Since      mono.Instant
	Reason     string
	Priority   uint8 // configured
	Effective  uint8
	// Weights is the sum of those that apply, Faults how many trackers demand FAULT;
	// Pending: one has no result yet.
	Weights, Faults int
	Pending         bool
	// Deadline is the end of the down timer, or the next advert; Down is how long a
	// silent master is waited for.
	Deadline mono.Instant
	Down     time.Duration
	Interval time.Duration // configured
	// MasterInterval is the one in use: learnt from the master in BACKUP.
	MasterInterval time.Duration
	Source         netip.Addr
	MasterHeard    netip.Addr
	MasterPriority uint8
	Addrs          []netip.Prefix
	Excluded       []netip.Prefix
	Devices        []string // macvlans and ipvlans, as NAME@PARENT; that for its adverts first
	Repairs        int      // addresses and devices put back after somebody removed or changed them
	Stats          Stats
}

// Session is one BFD session.
type Session struct {
	Name                 string
	Neighbour, Source    netip.Addr
	MultiHop, Passive    bool
	TTL, LeastTTL        uint8
	MinRX, MinTX, IdleTX time.Duration
	Multiplier           uint8
	State, Diagnostic    string // state: AdminDown, Down, Init, Up
	Discriminator        uint32
	Polling              bool // new parameters are not answered yet
	RemoteState          string
	RemoteDiagnostic     string
	RemoteDiscriminator  uint32 // 0: not known
	// Interval is from packet to packet, Detection the silence that ends the session.
	Interval, Detection time.Duration
	Heard               mono.Instant // 0: never
}

// Stats counts what happened to a virtual router. The fields are those of
// keepalived's JSON dump.
type Stats struct {
	AdvertRcvd, AdvertSent      uint64
	BecomeMaster, ReleaseMaster uint64
	PacketLenErr                uint64
	AdvertIntervalErr           uint64
	TTLErr                      uint64
	InvalidTypeRcvd             uint64
	AddrListErr                 uint64
	InvalidAuthtype             uint64
	AuthtypeMismatch            uint64
	AuthFailure                 uint64
	AuthExtMissing              uint64 // auth_hmac
	AuthExtMalformed            uint64
	AuthExtUnknownKey           uint64
	AuthExtInvalidHMAC          uint64
	AuthExtStale                uint64
	AuthExtReplay               uint64
	PriZeroRcvd, PriZeroSent    uint64
	// Not in keepalived's dump.
	VersionErr, ChecksumErr uint64
	Overslept               uint64 // pauses of the process after which others may have taken over
}
