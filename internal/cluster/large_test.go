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

// Comparing two files takes time in proportion to their length, whether the
// instances are alike, each is another one, or all are in one sync group: eight
// times the instances take less than thirty times as long (64 times would be
// quadratic). A thousand take 0.4 s on two quiet processors.
func TestLargeFilesAreComparedInGoodTime(t *testing.T) {
	for name, kind := range map[string]struct{ differ, grouped bool }{
		"alike": {}, "each another": {differ: true}, "alike in one sync group": {grouped: true},
	} {
		t.Run(name, func(t *testing.T) {
			file := func(n, node int) string {
				if kind.grouped {
					return many(n, node, kind.differ) + syncGroup(n)
				}
				return many(n, node, kind.differ)
			}
			few, most := timed(t, 250, file), timed(t, 2000, file)
			t.Logf("250 instances: %v, 2,000: %v", few, most)
			if most > 30*few {
				t.Errorf("2,000 instances take %v, 250 %v", most, few)
			}
		})
	}
}

func syncGroup(n int) string {
	group := "vrrp_sync_group G {\n    group {\n"
	for i := range n {
		group += fmt.Sprintf("        VI_%d\n", i)
	}
	return group + "    }\n}\n"
}

// timed is the best of three, as the machine has other things to do, too.
func timed(t *testing.T, n int, file func(n, node int) string) time.Duration {
	nodes := []cluster.Node{node(t, "a", file(n, 0)), node(t, "b", file(n, 1))}
	took := time.Hour
	for range 3 {
		start := time.Now()
		_, forecast := cluster.Check(nodes)
		took = min(took, time.Since(start))
		if len(forecast.Instances) != n {
			t.Fatalf("%d forecasts of %d instances: %s", len(forecast.Instances), n, forecast.Note)
		}
	}
	return took
}
