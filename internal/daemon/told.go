package daemon

import (
	"holdfast/internal/config"
	"holdfast/internal/load"
	"holdfast/internal/notify"
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
	Groups    []toldName
	Instances []toldName
	Servers   servers
	// Standing is what the next configuration is judged by. It is drawn last.
	Standing load.Standing
}

// toldName is an instance or a sync group.
type toldName struct {
	Name   string
	Notify notify.Scripts
}

func telling(r *load.Reading) *told {
	c := r.Config
	t := &told{Global: c.Global, Scripts: c.Scripts, Checks: c.Checks, Files: c.Files, Processes: c.Processes, Polled: c.Polled(), Servers: serversOf(c), Instances: make([]toldName, 0, len(c.Instances))}
	for i := range c.Groups {
		t.Groups = append(t.Groups, toldName{c.Groups[i].Name, c.Groups[i].Notify})
	}
	for i := range c.Instances {
		t.Instances = append(t.Instances, toldName{c.Instances[i].VRRP.Name, c.Instances[i].Notify})
	}
	return t
}
