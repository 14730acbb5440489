package router

import (
	"time"

	"holdfast/internal/config"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Config is the part of a config.Config that deciding about addresses needs.
// Its fields carry the names they have there, so that encoding/gob decodes one
// from an encoded config.Config and leaves the rest out.
type Config struct {
	Global    Global
	Groups    []Group
	Instances []Instance
}

// Global is what concerns the router of global_defs.
type Global struct {
	StartupDelay    time.Duration
	DelayAfterBoot  time.Duration
	LogUnknownVRIDs bool
	GARPInterval    time.Duration
	GNAInterval     time.Duration
	VRRPRealTime    int
	VRRPPriority    int
	ChildWait       time.Duration
}

// Group is a vrrp_sync_group.
type Group struct {
	Name    string
	Members []string
}

// Instance is a vrrp_instance.
type Instance struct {
	VRRP             vrrp.Config
	Addrs            []config.Address
	Tracks           []tracker.Track
	DontTrackPrimary bool
}

// Part takes out of a whole configuration what a Config holds.
func Part(c *config.Config) *Config {
	p := &Config{
		Global: Global{
			StartupDelay:    c.Global.StartupDelay,
			DelayAfterBoot:  c.Global.DelayAfterBoot,
			LogUnknownVRIDs: c.Global.LogUnknownVRIDs,
			GARPInterval:    c.Global.GARPInterval,
			GNAInterval:     c.Global.GNAInterval,
			VRRPRealTime:    c.Global.VRRPRealTime,
			VRRPPriority:    c.Global.VRRPPriority,
			ChildWait:       c.Global.ChildWait,
		},
	}
	for _, g := range c.Groups {
		p.Groups = append(p.Groups, Group{Name: g.Name, Members: g.Members})
	}
	for _, i := range c.Instances {
		p.Instances = append(p.Instances, Instance{
			VRRP: i.VRRP, Addrs: i.Addrs, Tracks: i.Tracks, DontTrackPrimary: i.DontTrackPrimary,
		})
	}
	return p
}

// groups names the members by their identity on the wire. Package config has
// reported members that do not exist; they are left out.
func (c *Config) groups() []vrrp.Group {
	keys := make(map[string]vrrp.Key, len(c.Instances))
	for i := range c.Instances {
		keys[c.Instances[i].VRRP.Name] = c.Instances[i].VRRP.Key
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
