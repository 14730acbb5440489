package router

import (
	"cmp"
	"slices"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Config is the part of a config.Config that deciding about addresses needs.
type Config struct {
	Global Global
	Groups []Group
	// Routers are the virtual routers, Details what else is known of the one
	// with the same index.
	Routers []vrrp.Config
	Details []Detail
	// LinkDelays are as written; Prepare cuts them.
	LinkDelays []config.LinkDelay
	// Polled are the links that are asked; nil for most.
	Polled     []string
	GARPGroups []config.GARPGroup
	Extras     []Extra // nil for most
	// Static is held whatever the roles; nil: nothing.
	Static *Static
	// Sessions are those of BFD.
	Sessions []bfd.Config
}

// Global is what concerns the router of global_defs.
type Global struct {
	StartupDelay    time.Duration
	DelayAfterBoot  time.Duration
	LogUnknownVRIDs bool
	GARPInterval    time.Duration
	GNAInterval     time.Duration
	ChildWait       time.Duration
	Filter          host.FilterConfig
	RxPolicy        config.BufferPolicy // how buffers are sized that adverts come in by
	RxBytes         uint32              // for BufferBytes
	RxFactor        uint32              // for BufferMTU and BufferAdvert
	Commands        config.Buffer       // of the netlink socket for orders
	Monitor         config.Buffer       // of the netlink socket for changes
	NoLocalIGMP     bool                // no reports for link-local groups
	Mark            string              // the alias of devices that are ours
	// Process is how the process that runs VRRP is scheduled; without real-time
	// priority and nice value it is the daemon's own choice.
	Process config.ProcessSettings
	Auto    config.AutoPriority
}

// Group is a vrrp_sync_group.
type Group struct {
	Name    string
	Members []string
}

// Detail is what a vrrp_instance holds and follows.
type Detail struct {
	Addrs  []config.Address
	Tracks []tracker.Track
	// RxBuffer is its share of the receive buffer in bytes; 0: by the policy for all.
	RxBuffer uint32
	// Devices are the macvlans or ipvlans of its own, that for its adverts first; nil: none.
	Devices []Device
	Routing *Routing // nil for most
}

// sourceTrack follows the source address of a router.
func sourceTrack(v *vrrp.Config) tracker.Track {
	return tracker.Track{Kind: tracker.Address, Name: v.Source.WithZone("").String() + sourceOn + v.Link}
}

// sourceOn stands between an address and its link.
const sourceOn = " on "

// Part takes out of a whole configuration what a Config holds.
func Part(c *config.Config) *Config {
	p := &Config{
		Global: Global{
			StartupDelay:    c.Global.StartupDelay,
			DelayAfterBoot:  c.Global.DelayAfterBoot,
			LogUnknownVRIDs: c.Global.LogUnknownVRIDs,
			GARPInterval:    c.Global.GARPInterval,
			GNAInterval:     c.Global.GNAInterval,
			ChildWait:       timeToStop(&c.Global),
			Filter:          filter(&c.Global.Filter),
			RxPolicy:        c.Global.Sockets.Adverts,
			RxBytes:         c.Global.Sockets.AdvertBytes,
			RxFactor:        c.Global.Sockets.AdvertFactor,
			Commands:        c.Global.Sockets.VRRPCommands,
			Monitor:         c.Global.Sockets.VRRPMonitor,
			NoLocalIGMP:     c.Global.NoLocalIGMP,
			Mark:            host.Mark(c.Global.Copy.Instance),
			Process:         c.Global.VRRP,
			Auto:            c.Global.AutoPriority,
		},
		Routers: make([]vrrp.Config, 0, len(c.Instances)),
		Details: make([]Detail, 0, len(c.Instances)),

		LinkDelays: c.LinkDelays,
		GARPGroups: c.GARPGroups,
	}
	p.Global.Process.Name = c.Global.NameOf(&c.Global.VRRP, "keepalived_vrrp")
	p.Global.Process.RealTime = realTime(c)
	for i := range c.BFDs {
		p.Sessions = append(p.Sessions, c.BFDs[i].Config)
	}
	for _, l := range c.Polled() {
		p.Polled = append(p.Polled, l.Link)
	}
	for _, g := range c.Groups {
		p.Groups = append(p.Groups, Group{Name: g.Name, Members: g.Members})
	}
	grouped := groupedLinks(c)
	for i := range c.Instances {
		inst := &c.Instances[i]
		p.Routers = append(p.Routers, inst.VRRP)
		p.Routers[i].DontTrackPrimary = inst.DontTrackPrimary
		p.Routers[i].HMAC = sealing(inst.HMAC)
		p.Routers[i].LateBackup = inst.LateBackup
		p.addExtra(inst)
		tracks := append(slices.Clip(inst.Tracks), deviceTracks(inst, grouped)...)
		if inst.TrackSource {
			tracks = append(tracks, sourceTrack(&inst.VRRP))
		}
		p.Details = append(p.Details, Detail{Addrs: inst.Addrs, Tracks: tracks, RxBuffer: inst.RxBuffer, Routing: routingOf(inst)})
	}
	p.lodge(c)
	p.Static = staticOf(c)
	return p
}

// sealing is auth_hmac with the secrets of key files read. Keys without are left out:
// package load has said why.
func sealing(h *config.HMAC) *vrrp.HMAC {
	if h == nil {
		return nil
	}
	part := &vrrp.HMAC{Active: h.Active, Window: h.Window, Monotonic: h.Monotonic, Mode: h.Mode}
	for _, k := range h.Keys {
		if k.Secret != "" {
			part.Keys = append(part.Keys, vrrp.HMACKey{ID: k.ID, Secret: k.Secret})
		}
	}
	return part
}

// realTime is the higher of vrrp_rt_priority and, where there are sessions,
// bfd_rt_priority: both run in one process.
func realTime(c *config.Config) int {
	if len(c.BFDs) == 0 {
		return c.Global.VRRP.RealTime
	}
	return max(c.Global.VRRP.RealTime, c.Global.BFD.RealTime)
}

// filter is where addresses are shielded that are not to be reached.
func filter(f *config.Filter) host.FilterConfig {
	return host.FilterConfig{Table: cmp.Or(f.Table, "keepalived"), Priority: f.Priority, Counters: f.Counters}
}

// timeToStop is how long the worker may take: child_wait_time, and what
// shutdown_script may take to run and to be killed.
func timeToStop(g *config.Global) time.Duration {
	if g.Shutdown == nil {
		return g.ChildWait
	}
	return g.ChildWait + g.ShutdownTimeout + 5*time.Second
}

// groups names the members by their identity on the wire. Package config has
// reported members that do not exist; they are left out.
func (c *Config) groups() []vrrp.Group {
	if len(c.Groups) == 0 {
		return nil
	}
	keys := make(map[string]vrrp.Key, len(c.Routers))
	for i := range c.Routers {
		keys[c.Routers[i].Name] = c.Routers[i].Key
	}
	var groups []vrrp.Group
	for _, g := range c.Groups {
		group := vrrp.Group{Name: g.Name}
		for _, name := range g.Members {
			if key, ok := keys[name]; ok {
				group.Members = append(group.Members, key)
			}
		}
		groups = append(groups, group)
	}
	return groups
}

// index finds the place of a router among the Routers.
func (c *Config) index() map[vrrp.Key]int {
	at := make(map[vrrp.Key]int, len(c.Routers))
	for i := range c.Routers {
		at[c.Routers[i].Key] = i
	}
	return at
}
