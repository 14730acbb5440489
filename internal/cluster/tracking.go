package cluster

import (
	"fmt"
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/tracker"
)

// checkTracking finds what is watched for an instance on some nodes only.
// Scripts are one when they have one name or one command; interfaces have other
// names on other machines, so only their number counts.
func (c *checker) checkTracking(s *shared) {
	for _, m := range s.members {
		for _, o := range others(s, m) {
			c.compareTracks(s, m, o)
		}
	}
}

func (c *checker) compareTracks(s *shared, m, o *member) {
	for i := range m.inst.Tracks {
		if t := &m.inst.Tracks[i]; !t.Hold && !c.watched(m, o, t) {
			c.advise("tracked-on-one-node", m.trackLine(t),
				fmt.Sprintf("%s %s is tracked for %s on %s and not on %s (%s): %s", t.Kind, t.Name, m.inst.VRRP.Name, c.name(m), c.name(o), o.at(), c.unwatched(s, m, o)),
				"track the same on all nodes")
		}
	}
}

// unwatched is what it means that a node is not looked at.
func (c *checker) unwatched(s *shared, m, o *member) string {
	if ranks(s)[0] == m {
		return fmt.Sprintf("%s takes over without anybody asking whether it works there", c.name(o))
	}
	return fmt.Sprintf("nobody notices when it fails on %s", c.name(o))
}

// watched reports whether o follows what t of m follows.
func (c *checker) watched(m, o *member, t *tracker.Track) bool {
	if t.Kind == tracker.Interface {
		return interfaces(o) >= interfaces(m)
	}
	command := commandOf(c.nodes[m.node].Config, t)
	return slices.ContainsFunc(o.inst.Tracks, func(u tracker.Track) bool {
		return u.Kind == t.Kind && (u.Name == t.Name || command != "" && commandOf(c.nodes[o.node].Config, &u) == command)
	})
}

func interfaces(m *member) (n int) {
	for _, t := range m.inst.Tracks {
		if t.Kind == tracker.Interface {
			n++
		}
	}
	return n
}

// commandOf is what a tracked script runs.
func commandOf(c *config.Config, t *tracker.Track) string {
	for i := range c.Scripts {
		if t.Kind == tracker.Script && c.Scripts[i].Name == t.Name {
			return c.Scripts[i].Command.Line
		}
	}
	return ""
}

// checkNames: one virtual router under two names is hard to talk about.
func (c *checker) checkNames(s *shared) {
	ref := s.members[0]
	for _, m := range s.members[1:] {
		if m.inst.VRRP.Name != ref.inst.VRRP.Name && m.inst.VRRP.VRID == ref.inst.VRRP.VRID && !reused(m, ref) {
			c.advise("names-differ", m.at(),
				fmt.Sprintf("VRID %d is called %s on %s and %s on %s (%s)", m.inst.VRRP.VRID, m.inst.VRRP.Name, c.name(m), ref.inst.VRRP.Name, c.name(ref), ref.at()),
				"use one name on all nodes")
		}
	}
}
