package sim_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/sim"
	"holdfast/internal/vrrp"
)

// TestHandoverLeavesNoGap: when a master is stopped and a backup is there, at every
// instant somebody holds the addresses; so too when the daemon crashes and
// is started again within 200 ms.
func TestHandoverLeavesNoGap(t *testing.T) {
	clusters := uint64(400)
	if testing.Short() {
		clusters = 40
	}
	for seed := range clusters {
		for _, kinds := range [][]sim.Kind{{sim.Stop}, {sim.Crash, sim.Start}} {
			if gap := handover(seed, kinds); gap != "" {
				t.Fatalf("seed %d, %v: %s", seed, kinds, gap)
			}
		}
	}
}

// handover lets a calm cluster settle, does the faults to its master, 190 ms
// apart or what its peers forgive, and says when nobody held the addresses.
func handover(seed uint64, kinds []sim.Kind) (gap string) {
	s := newStorm(seed)
	for _, name := range s.names {
		s.do(sim.Fault{Kind: sim.Recover, Node: name, Name: "hard"}) // nobody waits for a first result
	}
	s.Run(mono.Instant(3 * s.bound()))
	k := s.keys[0]
	master := holder(s, k)
	if master == nil {
		return "no master to begin with\n" + s.story()
	}
	s.Watch = func() {
		if holder(s, k) == nil && gap == "" {
			gap = fmt.Sprintf("nobody holds the addresses at %v\n%s", s.Now(), s.story())
		}
	}
	fit := 0
	for _, n := range s.Nodes() {
		if n.Fit(k) {
			fit++
		}
	}
	if fit < 2 && kinds[0] == sim.Stop {
		return "" // nobody to hand over to
	}
	for _, kind := range kinds {
		s.do(sim.Fault{Kind: kind, Node: master.Name})
		s.Run(s.Now().Add(min(190*time.Millisecond, s.shortest*9/10)))
	}
	s.Run(s.Now().Add(2 * s.bound()))
	if len(kinds) == 2 && holder(s, k) != master {
		gap = "the backup took over\n" + s.story()
	}
	return gap
}

func holder(s *storm, k vrrp.Key) *sim.Node {
	for _, n := range s.Nodes() {
		if n.Holds(k) {
			return n
		}
	}
	return nil
}
