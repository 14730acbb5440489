package router_test

import (
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/router"
)

func TestAGARPGroupPacesItsLinksForTheKindsItNames(t *testing.T) {
	const group, all = 300 * time.Millisecond, 100 * time.Millisecond
	tests := []struct {
		name  string
		group config.GARPGroup
		gap   time.Duration
		clock int32
	}{
		{"no group", config.GARPGroup{}, all, 0},
		{"another link", config.GARPGroup{Links: []string{"eth9"}, GARP: group}, all, 0},
		{"its link", config.GARPGroup{Links: []string{"eth9", "eth0"}, GARP: group}, group, 1},
		{"another kind", config.GARPGroup{Links: []string{"eth0"}, NA: group}, all, 0},
	}
	for _, test := range tests {
		b := newBench(t, nil)
		c := router.Part(&config.Config{
			Global: config.Global{GARPInterval: all}, GARPGroups: []config.GARPGroup{test.group},
			Instances: []config.Instance{instance("A", 51, "10.0.0.100")},
		})
		b.step(router.Prepare(c))
		if a := b.announced(); a.Gap != test.gap || a.Clock != test.clock {
			t.Errorf("%s: gap %v on clock %d, want %v on %d", test.name, a.Gap, a.Clock, test.gap, test.clock)
		}
	}
}
