package daemon

import (
	"holdfast/internal/config"
	"holdfast/internal/load"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
)

// told is the part of a configuration that the worker lives by: who is to be
// told what, and what is to be watched. The router's part is a router.Config.
type told struct {
	Global    config.Global
	Scripts   []config.Script
	Checks    []config.VRRPCheck
	Files     []config.File
	Processes []config.Process
	Polled    []config.Linkbeat
	// TrackGroups and Untracked, the routes and rules of no_track, are for the dumps.
	TrackGroups []config.TrackGroup
	Untracked   []string
	Webhooks    []config.Webhook
	Groups      []toldName
	Instances   []toldName
	Servers     servers
	// Text is the whole file, compressed. It is drawn last too.
	Text []byte
	// Standing is what the next configuration is judged by. It is drawn last.
	Standing load.Standing
}

// toldName is an instance or a sync group.
type toldName struct {
	Name   string
	Notify notify.Scripts
	// NoAccept and Promote of an instance are for the dumps.
	NoAccept, Promote bool
	// Linkbeat, SyncLink and StartMaster of an instance, Tracks and OwnWeights of a group are for SNMP.
	Linkbeat    bool
	StartMaster bool
	// Link, VRID and V6 of an instance are for D-Bus.
	Link       string
	VRID       uint8
	V6         bool
	SyncLink   string
	Tracks     []tracker.Track
	OwnWeights bool
}

func telling(r *load.Reading) *told {
	c := r.Config
	t := &told{Global: c.Global, Scripts: c.Scripts, Checks: c.Checks, Files: c.Files, Processes: c.Processes, Polled: c.Polled(), TrackGroups: c.TrackGroups, Webhooks: c.Webhooks, Servers: serversOf(c), Instances: make([]toldName, 0, len(c.Instances))}
	for i := range c.Groups {
		t.Groups = append(t.Groups, toldName{Name: c.Groups[i].Name, Notify: c.Groups[i].Notify, Tracks: c.Groups[i].Tracks, OwnWeights: c.Groups[i].OwnWeights})
	}
	for i := range c.Instances {
		inst := &c.Instances[i]
		t.Instances = append(t.Instances, toldName{Name: inst.VRRP.Name, Notify: inst.Notify, NoAccept: inst.NoAccept, Promote: inst.PromoteSecondaries, Linkbeat: inst.LinkbeatPolling, SyncLink: inst.SyncDaemonLink, StartMaster: inst.VRRP.StartMaster,
			Link: inst.VRRP.Link, VRID: inst.VRRP.VRID, V6: inst.VRRP.V6})
	}
	t.Untracked = untracked(c)
	return t
}

func untracked(c *config.Config) (list []string) {
	add := func(routes []config.Route, rules []config.Rule) {
		for i := range routes {
			if routes[i].NoTrack {
				list = append(list, routes[i].Route.String())
			}
		}
		for i := range rules {
			if rules[i].NoTrack {
				list = append(list, rules[i].Rule.String())
			}
		}
	}
	add(c.StaticRoutes, c.StaticRules)
	for i := range c.Instances {
		add(c.Instances[i].Routes, c.Instances[i].Rules)
	}
	return list
}
