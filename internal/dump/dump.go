// Package dump writes down the state of the daemon in keepalived's forms, for the
// programs that read those: statistics, the state with the configuration, JSON. It is
// given everything, and opens no file.
package dump

import (
	"time"

	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/notify"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Source is what dumps are made of: one snapshot, and the configuration in force.
type Source struct {
	*status.Router
	// Wall is what the clock on the wall showed at the instant of the snapshot.
	Wall time.Time
	// Wanted is the router's part of the configuration, the rest the worker's.
	Wanted    *router.Config
	Global    *config.Global
	Scripts   []config.Script
	Files     []config.File
	Processes []config.Process
	// TrackGroups are those of static addresses, routes and rules.
	TrackGroups []config.TrackGroup
	// Untracked are the routes and rules of no_track.
	Untracked []string
	Instances map[string]Told
	Groups    map[string]Told
	// Tallies are those of the Processes, by name.
	Tallies map[string]tracker.Tally
	// Phases are those of the Scripts, by name.
	Phases map[string]tracker.Phase
	// Owner says as whom a command runs, "uid:gid 0:0".
	Owner func(*notify.Command) string
}

// Told is what the worker knows of an instance or a group.
type Told struct {
	notify.Scripts
	// Of instances: NoAccept and Promote as configured, Linkbeat where the link is asked
	// for its carrier, and the interface of lvs_sync_daemon_interface.
	NoAccept, Promote, Linkbeat bool
	SyncLink                    string
	// Of groups: what they track themselves, and whether members may have weights of
	// their own.
	Tracks     []tracker.Track
	OwnWeights bool
}

// at is what the clock on the wall shows at an instant.
func (s *Source) at(i mono.Instant) time.Time { return s.Wall.Add(i.Sub(s.At)) }

// instance is one of them, with everything that is known of it.
type instance struct {
	*router.Detail
	config *vrrp.Config
	now    *status.Instance
	told   Told
}

// each yields the instances in the order of the configuration. One that the snapshot
// does not have was made, or is gone, in the meantime.
func (s *Source) each(do func(*instance)) {
	now := make(map[string]*status.Instance, len(s.Router.Instances))
	for i := range s.Router.Instances {
		now[s.Router.Instances[i].Name] = &s.Router.Instances[i]
	}
	for i := range s.Wanted.Routers {
		v := &s.Wanted.Routers[i]
		if n := now[v.Name]; n != nil {
			do(&instance{Detail: &s.Wanted.Details[i], config: v, now: n, told: s.Instances[v.Name]})
		}
	}
}

// device is the macvlan of use_vmac; nil without.
func (i *instance) device() *router.Device {
	if len(i.Devices) > 0 && i.Devices[0].Parent == i.config.Link {
		return &i.Devices[0]
	}
	return nil
}

// hears is the interface that adverts come in by.
func (i *instance) hears() string {
	if d := i.device(); d != nil && d.Sends {
		return d.Name
	}
	return i.config.Link
}

// parent is the interface below a device of the instance; empty if it is none.
func (i *instance) parent(link string) string {
	for j := range i.Devices {
		if i.Devices[j].Name == link {
			return i.Devices[j].Parent
		}
	}
	return ""
}

// tracks are those of a kind.
func (i *instance) tracks(k tracker.Kind) (list []tracker.Track) {
	for _, t := range i.Tracks {
		if t.Kind == k && !t.Hold {
			list = append(list, t)
		}
	}
	return list
}

// split tells the addresses that are advertised from those that are not.
func (i *instance) split() (advertised, excluded []config.Address) {
	n := min(len(i.config.VIPs), len(i.Addrs))
	return i.Addrs[:n], i.Addrs[n:]
}
