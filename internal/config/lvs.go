package config

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/notify"
)

// VirtualServer is one virtual_server: a service of IPVS, or one for each entry
// of a group.
type VirtualServer struct {
	// Addr and Port are set for a service by address (port 0: every port), Mark
	// for one by firewall mark, Group for one by virtual_server_group.
	Addr  netip.Addr
	Port  uint16
	Mark  uint32
	Group string
	// V6 is the family: of the address, or what ip_family, the granularity and
	// the real servers say.
	V6 bool

	Protocol  string // TCP, UDP, SCTP; empty where marks alone decide
	Scheduler string // kernel name: rr, wlc, ...
	Flags     ServiceFlags
	// Forwarding is that of real servers that do not say themselves.
	Forwarding Forwarding
	// Persistence is persistence_timeout in whole seconds; 0: none.
	Persistence time.Duration
	// PersistenceEngine is a kernel name, at most 16 bytes; empty: none. It counts
	// only together with Persistence.
	PersistenceEngine string
	// Netmask is persistence_granularity as IPVS has it: the mask as a number for
	// IPv4, the prefix length for IPv6. The whole address is all ones, or 128.
	Netmask uint32

	// Handed is what all checks are handed down, but by the real servers that say something of
	// it themselves: they are in Own, in order.
	Handed
	Own []Own
	// Weight and Inhibit are those of real servers that do not say themselves.
	Weight  int
	Inhibit bool
	// Omega: what a stop takes down is told as going down.
	Omega bool
	// HASuspend: no checks while the address is not on this machine.
	HASuspend bool

	// Quorum is the least sum of the weights of live real servers, Hysteresis
	// the margin on both sides of it. Both are as settled: no larger than the
	// sum of all weights, and below Quorum.
	Quorum, Hysteresis    uint32
	QuorumUp, QuorumDown  *notify.Command
	Hooks                 *notify.Hooks
	Mail                  bool
	VirtualHost, SNMPName string

	// Sorry is the sorry_server; nil: none.
	Sorry       *SorryServer
	RealServers []RealServer
}

// Handed is what a block says about all checks below it.
type Handed struct {
	// Where a block is silent, these are 0, and each kind of check decides.
	Retry                    uint32
	DelayBeforeRetry, Warmup time.Duration
	DelayLoop, Connect       time.Duration
	// Alpha: before the first check, a server is down.
	Alpha bool
}

// Own is what a real server hands down, by its place.
type Own struct {
	Server int
	Handed
}

// HandedBy is what a real server hands down, by its place.
func (v *VirtualServer) HandedBy(server int) *Handed {
	i, found := slices.BinarySearchFunc(v.Own, server, func(o Own, n int) int { return o.Server - n })
	if found {
		return &v.Own[i].Handed
	}
	return &v.Handed
}

// ServiceFlags are the flags of a service, as the kernel numbers them.
type ServiceFlags uint8

// The flags. What the numbered ones mean depends on the scheduler: for sh and mh
// the first is fallback, the second is port.
const (
	OnePacket ServiceFlags = 0x04
	Sched1    ServiceFlags = 0x08
	Sched2    ServiceFlags = 0x10
	Sched3    ServiceFlags = 0x20
)

// Forwarding is how packets get to a real server.
type Forwarding struct {
	Method Method
	// Tunnel, Checksum and Port say how TUN wraps packets. Port is the UDP port
	// that GUE sends to, 1..65535.
	Tunnel   Tunnel
	Checksum Checksum
	Port     uint16
}

// Method is a way of forwarding, as the kernel numbers them.
type Method uint8

// The methods.
const (
	NAT Method = 0
	TUN Method = 2
	DR  Method = 3
)

// String is the word of the configuration.
func (m Method) String() string {
	switch m {
	case NAT:
		return "NAT"
	case TUN:
		return "TUN"
	case DR:
		return "DR"
	}
	return "unknown"
}

// Tunnel is an encapsulation, as the kernel numbers them.
type Tunnel uint8

// The encapsulations.
const (
	IPIP Tunnel = iota
	GUE
	GRE
)

// Checksum is what a tunnel does about the outer checksum, as the kernel numbers it.
type Checksum uint8

// The ways.
const (
	NoChecksum Checksum = iota
	OuterChecksum
	RemoteChecksum
)

// SorryServer takes the connections while the quorum is lost.
type SorryServer struct {
	Addr       netip.Addr
	Port       uint16 // 0: that of the service
	Forwarding Forwarding
	// Inhibit keeps it in the table with weight 0 while it is not needed.
	Inhibit bool
}

// RealServer is one real_server.
type RealServer struct {
	Addr netip.Addr
	// Port is settled for services by address and mark. For those by group it is
	// as written: DR and TUN take that of the entry.
	Port       uint16
	Forwarding Forwarding
	Weight     int // 0..2147483647
	// UpperThreshold and LowerThreshold are numbers of connections; 0: none.
	UpperThreshold, LowerThreshold uint32
	// Inhibit: a server that fails stays, with weight 0.
	Inhibit bool
	Mail    bool
	// VirtualHost is the Host header of checks that have none of their own; it
	// is in them already.
	VirtualHost, SNMPName string
	NotifyUp, NotifyDown  *notify.Command
	Hooks                 *notify.Hooks
	// Checks must all be good. Equal checks of several servers are one value, so
	// nobody may change them.
	Checks []*Check
}

// ServerGroup is one virtual_server_group.
type ServerGroup struct {
	Name    string
	Entries []GroupEntry
}

// GroupEntry is one line of a virtual_server_group: the addresses From to To, or
// a firewall mark when From is the zero Addr.
type GroupEntry struct {
	From, To netip.Addr
	Port     uint16 // 0: every port
	Mark     uint32
	// Family is 4 or 6; 0 for a mark that does not say.
	Family uint8
}

// SSL is what SSL_GET shows to servers: PEM files, and the password of the key.
type SSL struct {
	Password, CA, Certificate, Key string
}

// ServerCommands lists the programs that virtual servers, real servers and their
// checks run, each once.
func (c *Config) ServerCommands() iter.Seq[*notify.Command] {
	return func(yield func(*notify.Command) bool) {
		told := map[*notify.Command]bool{nil: true}
		fresh := func(c *notify.Command) bool {
			if told[c] {
				return true
			}
			told[c] = true
			return yield(c)
		}
		for i := range c.VirtualServers {
			if !c.VirtualServers[i].commands(fresh) {
				return
			}
		}
	}
}

// commands hands each program to yield until that answers false.
func (v *VirtualServer) commands(yield func(*notify.Command) bool) bool {
	if !yield(v.QuorumUp) || !yield(v.QuorumDown) {
		return false
	}
	for i := range v.RealServers {
		r := &v.RealServers[i]
		if !yield(r.NotifyUp) || !yield(r.NotifyDown) {
			return false
		}
		for _, check := range r.Checks {
			if check.Misc != nil && !yield(check.Misc.Command) {
				return false
			}
		}
	}
	return true
}
