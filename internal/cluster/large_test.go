package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/cluster"
)

// many is a file of n instances. Where they differ, each has a priority, an
// interval and an interface of its own.
func many(n, node int, differ bool) string {
	var b strings.Builder
	for i := range n {
		priority, interval, link := 150-50*node, 1, fmt.Sprintf("vlan%d", i/200)
		if differ {
			priority, interval, link = 1+(i+node*7)%254, 1+i%3, fmt.Sprintf("vlan%d", i)
		}
		fmt.Fprintf(&b, "vrrp_instance VI_%d {\n    interface %s\n    virtual_router_id %d\n    priority %d\n    advert_int %d\n    virtual_ipaddress {\n        10.%d.%d.100/24\n    }\n}\n",
			i, link, 1+i%200, priority, interval, i/250, i%250)
	}
	return b.String()
}

// Two files of a thousand instances are meant to be compared in less than a
// second (0.4 s on two quiet processors), whether the instances are alike or each
// is another one. The bound leaves room for a busy machine.
func TestLargeFilesAreComparedInGoodTime(t *testing.T) {
	for name, differ := range map[string]bool{"alike": false, "each another": true} {
		t.Run(name, func(t *testing.T) {
			nodes := []cluster.Node{node(t, "a", many(1000, 0, differ)), node(t, "b", many(1000, 1, differ))}
			found, forecast, took := timed(nodes)
			t.Logf("%v, %d findings, %d forecasts %s", took, len(found), len(forecast.Instances), forecast.Note)
			if took > 10*time.Second || len(forecast.Instances) != 1000 {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// timed is the best of three, as the machine has other things to do, too.
func timed(nodes []cluster.Node) (found []cluster.Finding, forecast cluster.Forecast, took time.Duration) {
	took = time.Hour
	for range 3 {
		start := time.Now()
		found, forecast = cluster.Check(nodes)
		took = min(took, time.Since(start))
	}
	return found, forecast, took
}

// A sync group of a thousand instances that are alike is played as one.
func TestALargeSyncGroup(t *testing.T) {
	group := "vrrp_sync_group G {\n    group {\n"
	for i := range 1000 {
		group += fmt.Sprintf("        VI_%d\n", i)
	}
	group += "    }\n}\n"
	nodes := []cluster.Node{node(t, "a", many(1000, 0, false)+group), node(t, "b", many(1000, 1, false)+group)}
	if _, forecast, took := timed(nodes); took > time.Second || len(forecast.Instances) != 1000 {
		t.Errorf("it took %v for %d forecasts: %s", took, len(forecast.Instances), forecast.Note)
	}
}
