// Package status is the one picture of the daemon that every view is made
// from: plain values, copied out of the brains, safe to keep and to send. As JSON it
// is what the API answers: fields are added, and none is ever renamed or removed.
// Durations and instants are nanoseconds, instants those since the boot of the machine:
// Snapshot says what the clock on the wall showed at one of them.
package status

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/mono"
)

// Router is the state of everything that owns addresses.
type Router struct {
	At       mono.Instant `json:"at"`
	RealTime string       `json:"real_time"` // how the process is scheduled, in words
	// Lateness is the longest that a deadline waited for the loop.
	Lateness time.Duration `json:"lateness_ns"`
	// Late counts deadlines by how long they waited: place i is for less than 2^i
	// microseconds, and at least half of that.
	Late [24]uint64 `json:"late"`
	// Refused counts the datagrams that could not be read, Unknown the adverts for
	// routers that are not configured here.
	Refused   []Count    `json:"refused"`
	Unknown   uint64     `json:"unknown"`
	Instances []Instance `json:"instances"`
	Groups    []Group    `json:"groups"`
	Sessions  []Session  `json:"sessions"`
	Trackers  []Tracker  `json:"trackers"`
	Links     []Link     `json:"links"`
	Ports     []Port     `json:"ports"`
}

// Group is one sync group.
type Group struct {
	Name    string   `json:"name"`
	Role    string   `json:"role"`
	Members []string `json:"members"`
}

// Tracker is a thing that is watched, and what it said last.
type Tracker struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	State string `json:"state"` // unknown, good, bad
	Value int    `json:"value"` // of a file
	Why   string `json:"why"`
}

// Link is an interface of this machine, with the addresses that are not virtual.
type Link struct {
	Name    string         `json:"name"`
	Index   int            `json:"index"`
	MTU     int            `json:"mtu"`
	MAC     MAC            `json:"mac"`
	Addrs   []netip.Prefix `json:"addrs"`
	Up      bool           `json:"up"`
	Carrier bool           `json:"carrier"`
	Polled  bool           `json:"polled"` // it is asked for its carrier
}

// MAC is an Ethernet address.
type MAC [6]byte

// String is the usual form.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%02x:%02x:%02x:%02x:%02x:%02x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5])
	return err
}

// Port is a socket that adverts come in by. Buffer is its size in bytes; 0: as large
// as seemed good.
type Port struct {
	Link   string `json:"link"`
	V6     bool   `json:"v6"`
	Header bool   `json:"header"`
	Buffer int    `json:"buffer"`
}

// Count is how often something happened, and what.
type Count struct {
	What string `json:"what"`
	N    uint64 `json:"n"`
}

// Instance is one virtual router.
type Instance struct {
	Name      string       `json:"name"`
	Link      string       `json:"link"`
	VRID      uint8        `json:"vrid"`
	V6        bool         `json:"v6"`
	Version   uint8        `json:"version"`
	Role      string       `json:"role"`  // INIT, BACKUP, MASTER, FAULT
	Want      string       `json:"want"`  // what it would be without its group
	Group     string       `json:"group"` // its sync group; empty: none
	Since     mono.Instant `json:"since"`
	Reason    string       `json:"reason"`
	Priority  uint8        `json:"priority"` // configured
	Effective uint8        `json:"effective"`
	// Weights is the sum of those that apply, Faults how many trackers demand FAULT;
	// Pending: one has no result yet.
	Weights int  `json:"weights"`
	Faults  int  `json:"faults"`
	Pending bool `json:"pending"`
	// Deadline is the end of the down timer, or the next advert; Down is how long a
	// silent master is waited for.
	Deadline mono.Instant  `json:"deadline"`
	Down     time.Duration `json:"down_ns"`
	Interval time.Duration `json:"interval_ns"` // configured
	// MasterInterval is the one in use: learnt from the master in BACKUP.
	MasterInterval time.Duration  `json:"master_interval_ns"`
	Source         netip.Addr     `json:"source"`
	MasterHeard    netip.Addr     `json:"master_heard"`
	Heard          mono.Instant   `json:"heard"` // when; 0: never
	MasterPriority uint8          `json:"master_priority"`
	Addrs          []netip.Prefix `json:"addrs"`
	Excluded       []netip.Prefix `json:"excluded"`
	Devices        []string       `json:"devices"` // macvlans and ipvlans, as NAME@PARENT; that for its adverts first
	Repairs        int            `json:"repairs"` // addresses and devices put back after somebody removed or changed them
	Stats          Stats          `json:"stats"`
	// NoPreempt: one of lower priority stays MASTER. PreemptAt is the end of the delay
	// before it is relieved; 0: none runs.
	NoPreempt bool         `json:"no_preempt,omitempty"`
	PreemptAt mono.Instant `json:"preempt_at,omitempty"`
	// Lent: it has handed over and preempts nobody until it is told to, or is MASTER again.
	// Modest: it is under maintenance, and stands back for everybody.
	Lent   bool    `json:"lent,omitempty"`
	Modest bool    `json:"modest,omitempty"`
	Tracks []Track `json:"tracks,omitempty"`
}

// Track is what an instance makes of a tracker: its weight or, without one, a fault.
type Track struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Weight  int    `json:"weight"`
	Reverse bool   `json:"reverse,omitempty"`
	Hold    bool   `json:"hold,omitempty"` // while it is good, silence is not taken for the end of the master
}

// Session is one BFD session.
type Session struct {
	Name                string        `json:"name"`
	Neighbour           netip.Addr    `json:"neighbour"`
	Source              netip.Addr    `json:"source"`
	MultiHop            bool          `json:"multi_hop"`
	Passive             bool          `json:"passive"`
	TTL                 uint8         `json:"ttl"`
	LeastTTL            uint8         `json:"least_ttl"`
	MinRX               time.Duration `json:"min_rx_ns"`
	MinTX               time.Duration `json:"min_tx_ns"`
	IdleTX              time.Duration `json:"idle_tx_ns"`
	Multiplier          uint8         `json:"multiplier"`
	State               string        `json:"state"` // AdminDown, Down, Init, Up
	Diagnostic          string        `json:"diagnostic"`
	Discriminator       uint32        `json:"discriminator"`
	Polling             bool          `json:"polling"` // new parameters are not answered yet
	RemoteState         string        `json:"remote_state"`
	RemoteDiagnostic    string        `json:"remote_diagnostic"`
	RemoteDiscriminator uint32        `json:"remote_discriminator"` // 0: not known
	// Interval is from packet to packet, Detection the silence that ends the session.
	Interval  time.Duration `json:"interval_ns"`
	Detection time.Duration `json:"detection_ns"`
	Heard     mono.Instant  `json:"heard"` // 0: never
}

// Stats counts what happened to a virtual router. The fields are those of
// keepalived's JSON dump.
type Stats struct {
	AdvertRcvd         uint64 `json:"advert_rcvd"`
	AdvertSent         uint64 `json:"advert_sent"`
	BecomeMaster       uint64 `json:"become_master"`
	ReleaseMaster      uint64 `json:"release_master"`
	PacketLenErr       uint64 `json:"packet_len_err"`
	AdvertIntervalErr  uint64 `json:"advert_interval_err"`
	TTLErr             uint64 `json:"ttl_err"`
	InvalidTypeRcvd    uint64 `json:"invalid_type_rcvd"`
	AddrListErr        uint64 `json:"addr_list_err"`
	InvalidAuthtype    uint64 `json:"invalid_authtype"`
	AuthtypeMismatch   uint64 `json:"authtype_mismatch"`
	AuthFailure        uint64 `json:"auth_failure"`
	AuthExtMissing     uint64 `json:"auth_ext_missing"` // auth_hmac
	AuthExtMalformed   uint64 `json:"auth_ext_malformed"`
	AuthExtUnknownKey  uint64 `json:"auth_ext_unknown_key"`
	AuthExtInvalidHMAC uint64 `json:"auth_ext_invalid_hmac"`
	AuthExtStale       uint64 `json:"auth_ext_stale"`
	AuthExtReplay      uint64 `json:"auth_ext_replay"`
	PriZeroRcvd        uint64 `json:"pri_zero_rcvd"`
	PriZeroSent        uint64 `json:"pri_zero_sent"`
	// Not in keepalived's dump.
	VersionErr  uint64 `json:"version_err"`
	ChecksumErr uint64 `json:"checksum_err"`
	Overslept   uint64 `json:"overslept"` // pauses of the process after which others may have taken over
	// Contested is how long another MASTER was heard while this was one.
	Contested time.Duration `json:"contested_ns"`
}
