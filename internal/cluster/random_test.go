package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast/internal/cluster"
)

// chance is how the files of a cluster came about: a good one, in which some
// words of some nodes were changed at random.
type chance struct {
	*rand.Rand
	nodes     int
	instances int
	unicast   bool
	grouped   bool
	script    bool
}

func (c chance) once(n int) bool { return c.IntN(n) == 0 }

func (c chance) pick(list ...string) string { return list[c.IntN(len(list))] }

// cluster writes the files of all nodes.
func (c chance) cluster() (files []string) {
	for n := range c.nodes {
		var b strings.Builder
		if c.script {
			fmt.Fprintf(&b, "vrrp_script chk {\n    script /bin/true\n    weight %s\n}\n", c.pick("0", "-20", "20", "-60"))
		}
		for i := range c.instances {
			c.instance(&b, n, i)
		}
		if c.grouped && !c.once(10) {
			b.WriteString("vrrp_sync_group G {\n    group {\n")
			for i := range c.instances {
				fmt.Fprintf(&b, "        VI_%d\n", i)
			}
			b.WriteString("    }\n}\n")
		}
		files = append(files, b.String())
	}
	return files
}

func (c chance) instance(b *strings.Builder, n, i int) {
	odd := func(usual, other string) string {
		if c.once(30) {
			return other
		}
		return usual
	}
	fmt.Fprintf(b, "vrrp_instance VI_%d {\n    interface eth%d\n    virtual_router_id %s\n    priority %s\n    state %s\n    version %s\n    advert_int %s\n",
		i, i, odd(fmt.Sprint(10+i), "99"), odd(fmt.Sprint(150-20*n), c.pick("1", "130", "200", "255")), c.pick("MASTER", "BACKUP", "BACKUP"), odd("2", "3"), odd("1", "2"))
	if !c.once(20) {
		fmt.Fprintf(b, "    authentication {\n        auth_type PASS\n        auth_pass %s\n    }\n", odd("one", "two"))
	}
	if c.unicast && !c.once(20) {
		fmt.Fprintf(b, "    unicast_src_ip 10.%d.0.%s\n    unicast_peer {\n", i, odd(fmt.Sprint(n+1), "77"))
		for other := range c.nodes {
			if other != n && !c.once(20) {
				fmt.Fprintf(b, "        10.%d.0.%d\n", i, other+1)
			}
		}
		b.WriteString("        10.9.9.9\n    }\n")
	} else if c.once(10) {
		fmt.Fprintf(b, "    mcast_dst_ip 224.0.0.%d\n", 50+c.IntN(2))
	}
	if c.once(8) {
		b.WriteString("    nopreempt\n")
	}
	if c.script && !c.once(10) {
		b.WriteString("    track_script {\n        chk\n    }\n")
	}
	fmt.Fprintf(b, "    virtual_ipaddress {\n        10.%d.0.%s/24\n    }\n}\n", i, odd("100", "101"))
}

// Whatever the files say: where the forecast has not exactly one MASTER, a
// complaint says why; and where a complaint says that there are two, there are.
func TestFindingsAndForecastAgree(t *testing.T) {
	runs := uint64(1500)
	if testing.Short() {
		runs = 150
	}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 0))
		c := chance{Rand: r, nodes: 2 + r.IntN(5)/4, instances: 1 + r.IntN(3), unicast: r.IntN(3) == 0, grouped: r.IntN(4) == 0, script: r.IntN(2) == 0}
		var nodes []cluster.Node
		for i, text := range c.cluster() {
			nodes = append(nodes, node(t, string(rune('a'+i)), text))
		}
		found, forecast := cluster.Check(nodes)
		severities(t, found)
		consistent(t, nodes, found, forecast)
		if !c.grouped && c.nodes == 2 {
			truthful(t, nodes, found, forecast)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// truthful holds what is said of two MASTERs against the forecast. An instance
// whose files differ in other ways, too, is not looked at.
func truthful(t *testing.T, nodes []cluster.Node, found []cluster.Finding, forecast cluster.Forecast) {
	t.Helper()
	for _, f := range found {
		if !strings.Contains(f.Text, "two MASTERs") && !strings.Contains(f.Text, "each with a MASTER") {
			continue
		}
		two := false
		for _, fate := range forecast.Instances {
			two = two || len(fate.Well.Masters) == 2 && !fate.Well.Either
		}
		if !two && forecast.Note == "" {
			t.Errorf("there are no two MASTERs, as is said:\n%s", report(nodes))
		}
	}
}
