// Package config is the vocabulary of keepalived.conf: the keyword tables, their
// defaults and ranges, the checks between blocks, and the typed Config that
// comes out. It opens no file and asks no kernel.
package config

import (
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
	Groups    []Group
	Instances []Instance
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
}

// Address is one entry of virtual_ipaddress or virtual_ipaddress_excluded.
type Address struct {
	host.Wish
	NoTrack bool
}

// Group is one vrrp_sync_group.
type Group struct {
	Name    string
	Members []string // names of instances, in the order written
	Notify  notify.Scripts
}

// Script is one vrrp_script.
type Script struct {
	Name     string
	Command  notify.Command
	Interval time.Duration
	Timeout  time.Duration
	Rise     int
	Fall     int
	InitFail bool
}

// Global is global_defs, as far as it is not copied into the blocks it gives
// defaults to.
type Global struct {
	RouterID string

	Mail Mail

	ScriptUser, ScriptGroup string
	ScriptSecurity          bool
	UseSymlinkPaths         bool
	SupplementaryGroups     bool

	NotifyFIFO, VRRPNotifyFIFO FIFO
	FIFOStatesOnReload         bool

	StartupDelay      time.Duration // vrrp_startup_delay
	DelayAfterBoot    time.Duration
	LogUnknownVRIDs   bool
	DynamicInterfaces bool
	GARPInterval      time.Duration // gap between gratuitous ARPs on an interface; 0: none
	GNAInterval       time.Duration

	ProcessNames          bool
	ProcessName, VRRPName string
	VRRPPriority          int // nice
	VRRPRealTime          int // 0: holdfast's own default
	ReloadCheck           bool
	ChildWait             time.Duration
	// Instance and NetNamespace name this copy of the daemon; fixed at start.
	Instance, NetNamespace string
	UsePIDDir              bool
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
}

// FIFO is a named pipe that state lines go to, and its reader.
type FIFO struct {
	Path        string
	User, Group string
	Script      *notify.Command
}
