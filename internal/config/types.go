// Package config is the vocabulary of keepalived.conf: the keyword tables, their
// defaults and ranges, the checks between blocks, and the typed Config that
// comes out. It opens no file and asks no kernel.
package config

import (
	"net/netip"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Config is a whole configuration, typed. It is plain data: encoding/gob
// carries it from the worker to the router.
type Config struct {
	Global    Global
	Scripts   []Script
	Files     []File
	Processes []Process
	Checks    []VRRPCheck
	Webhooks  []Webhook
	BFDs      []BFD
	// What is said of interfaces outside of instances.
	TrackGroups []TrackGroup
	GARPGroups  []GARPGroup
	Linkbeats   []Linkbeat
	LinkDelays  []LinkDelay

	Groups    []Group
	Instances []Instance
	// Held from start to stop, whatever the roles.
	StaticAddresses []StaticAddress
	StaticRoutes    []Route
	StaticRules     []Rule
	// ServerGroups, VirtualServers and SSL are read and checked; nothing runs
	// them yet.
	ServerGroups   []ServerGroup
	VirtualServers []VirtualServer
	// SSL is nil without a block SSL.
	SSL *SSL
}

// Instance is one vrrp_instance.
type Instance struct {
	VRRP vrrp.Config
	// Addrs are held while MASTER: virtual_ipaddress, then
	// virtual_ipaddress_excluded, as configured.
	Addrs  []Address
	Tracks []tracker.Track // those of its sync group included
	Notify notify.Scripts
	// DontTrackPrimary ignores link changes of the interface itself.
	DontTrackPrimary bool
	// VMAC is use_vmac, IPVLAN use_ipvlan; nil: without, and one at most is there.
	VMAC   *VMAC
	IPVLAN *IPVLAN
	// VMACAddresses is use_vmac_addr: addresses on other interfaces than the
	// instance's get a macvlan there. OnVMAC are those that ask for one themselves.
	VMACAddresses bool
	OnVMAC        []netip.Addr
	// OnParent are those that name the interface of use_vmac or use_ipvlan and stay there.
	OnParent []netip.Addr
	// VRF says that the link is a VRF, to which the sockets of an instance without
	// interface are bound.
	VRF bool
	// TrackSource: FAULT while the configured source is not on the interface.
	TrackSource bool
	// FaultWithoutPeers: FAULT, and not multicast, when unicast_peer names nobody.
	FaultWithoutPeers bool
	// NoAccept: what is sent to the addresses is dropped, but for neighbour discovery.
	NoAccept bool
	// PromoteSecondaries sets the sysctl of the interface.
	PromoteSecondaries bool
	// Routes and Rules are there while MASTER, in the order written.
	Routes []Route
	Rules  []Rule
	// HMAC is auth_hmac; nil: without.
	HMAC *HMAC
	// LateBackup is timer_expired_backup: a MASTER that ran so late that a backup
	// of this priority took over gives way. 0: off.
	LateBackup uint8
	ExtraGARP  ExtraGARP
	// RxBuffer is kernel_rx_buf_size in bytes; 0: vrrp_rx_bufs_policy.
	RxBuffer uint32
	// LinkbeatPolling is linkbeat_use_polling for the interface of this instance.
	LinkbeatPolling bool
	// SyncDaemonLink is lvs_sync_daemon_interface: IPVS synchronises by this
	// interface while this instance is MASTER. Empty: not said here.
	SyncDaemonLink string
	// Debug is the keyword debug, 0..4: shown in the state dump, without effect.
	Debug uint8
}

// Address is one entry of virtual_ipaddress or virtual_ipaddress_excluded.
type Address struct {
	host.Wish
	NoTrack bool
}

// ExtraGARP is garp_extra_if: announcements on other interfaces than the one
// of the instance that have addresses of it.
type ExtraGARP struct {
	Every time.Duration // 0: none
	All   bool          // on all of them, not only on macvlans
}

// String writes g as a file does.
func (g ExtraGARP) String() string {
	switch {
	case g.Every == 0:
		return "0"
	case g.All:
		return "all " + seconds(g.Every)
	}
	return seconds(g.Every)
}

// Group is one vrrp_sync_group.
type Group struct {
	Name    string
	Members []string // names of instances, in the order written
	Notify  notify.Scripts
	// Tracks are those of the group itself, which its members have too.
	Tracks []tracker.Track
	// OwnWeights is sync_group_tracking_weight: members may follow weights of their own.
	OwnWeights bool
}

// Script is one vrrp_script.
type Script struct {
	Name     string
	Command  notify.Command
	Interval time.Duration
	Timeout  time.Duration
	Rise     int
	Fall     int
	// Weight is what the priority changes by where a track gives no weight; Reverse
	// negates it.
	Weight  int
	Reverse bool
	// InitFail is init_fail; tracking a script takes its effect away (reference,
	// vrrp-behaviour section 8), so it is shown only.
	InitFail bool
}

// Global is global_defs, as far as it is not copied into the blocks it gives
// defaults to.
type Global struct {
	RouterID string

	Mail Mail

	ScriptUser, ScriptGroup string
	// ScriptSupplementary: script_user names its group with a colon before it.
	ScriptSupplementary bool
	ScriptSecurity      bool
	UseSymlinkPaths     bool
	// SupplementaryGroups is set_supplementary_groups.
	SupplementaryGroups bool

	NotifyFIFO, VRRPNotifyFIFO, LVSNotifyFIFO FIFO
	FIFOStatesOnReload                        bool

	StartupDelay      time.Duration // vrrp_startup_delay
	DelayAfterBoot    time.Duration
	LogUnknownVRIDs   bool
	DynamicInterfaces bool
	GARPInterval      time.Duration // gap between gratuitous ARPs on an interface; 0: none
	GNAInterval       time.Duration
	// AllowIfChanges is dynamic_interfaces with its argument.
	AllowIfChanges bool

	API API
	Log Log
	// Hooks are the webhooks that are told of everything; nil: none.
	Hooks *notify.Hooks

	// ProcessNames is process_names; ProcessName is that of the main process.
	ProcessNames bool
	ProcessName  string
	VRRP         ProcessSettings
	Checker      ProcessSettings
	BFD          ProcessSettings
	AutoPriority AutoPriority
	Umask        Umask
	// RandomSeed is random_seed, shown only: it has no effect.
	RandomSeed uint32
	ChildWait  time.Duration

	// Startup runs before everything else, Shutdown after it, each no longer than
	// its timeout; nil: nothing does.
	Startup, Shutdown               *notify.Command
	StartupTimeout, ShutdownTimeout time.Duration

	// VMACPrefix and VMACAddrPrefix are how the names of macvlan interfaces begin
	// that are made for instances and for addresses; the second may be empty: as
	// the first.
	VMACPrefix, VMACAddrPrefix string
	// DefaultLink is where static addresses go that name no interface.
	DefaultLink string
	// NoLocalIGMP is disable_local_igmp.
	NoLocalIGMP bool
	// LinkbeatPolling is linkbeat_use_polling for the interfaces of all instances.
	LinkbeatPolling bool

	Copy    Copy
	Reload  Reload
	Paths   Paths
	Sockets Sockets
	Filter  Filter
	LVS     LVS
	SNMP    SNMP
	DBus    DBus
}

// Mail is how alert mail leaves.
type Mail struct {
	From    string
	To      []string
	Server  string // address or host name; empty: no mail
	Port    uint16
	HELO    string
	Timeout time.Duration
	NoFault bool // no_email_faults
	// TLS is smtp_tls: never (or empty), starttls or always. User and Password are
	// smtp_auth; they are not sent without it, except within the machine.
	TLS            string
	User, Password string
}

// FIFO is a named pipe that state lines go to, and its reader.
type FIFO struct {
	Path        string
	User, Group string
	Script      *notify.Command
}
