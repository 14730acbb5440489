package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/cluster"
	"holdfast/internal/config"
	"holdfast/internal/tracker"
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
	runs := uint64(600)
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
		if c.nodes == 2 {
			truthful(t, nodes, found, forecast, c.grouped)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// truthful holds what findings say of who is MASTER against the forecast.
func truthful(t *testing.T, nodes []cluster.Node, found []cluster.Finding, forecast cluster.Forecast, grouped bool) {
	t.Helper()
	claims := []struct {
		says *regexp.Regexp
		is   func(words []string, f cluster.Fate) bool
	}{
		{regexp.MustCompile(`two MASTERs$|each with a MASTER$`), func(_ []string, f cluster.Fate) bool {
			return len(f.Well.Masters) == 2 && !f.Well.Either
		}},
		{regexp.MustCompile(`(\w) hears nobody and is MASTER whenever it runs`), func(words []string, f cluster.Fate) bool {
			return slices.Contains(f.Well.Masters, words[1])
		}},
		{regexp.MustCompile(`; (\w) \(.*\) has .* and is preferred`), func(words []string, f cluster.Fate) bool {
			return grouped || slices.Equal(f.Well.Masters, words[1:2])
		}},
		{regexp.MustCompile(`the node with the higher address wins, (\w) with`), func(words []string, f cluster.Fate) bool {
			return grouped || slices.Equal(f.Well.Masters, words[1:2])
		}},
		{regexp.MustCompile(`the weights can never move \S+ from (\w)`), func(words []string, f cluster.Fate) bool {
			return grouped || slices.Equal(f.Well.Masters, words[1:2]) && !slices.ContainsFunc(f.After, func(a cluster.After) bool {
				return a.Kind == "script" && !demands(nodes) && !slices.Equal(a.Masters, words[1:2])
			})
		}},
		{regexp.MustCompile(`^when the weight lowers \S+ on (\w) to \d+, (\w) stays BACKUP`), func(words []string, f cluster.Fate) bool {
			return grouped || !slices.ContainsFunc(f.After, func(a cluster.After) bool {
				return a.Kind == "script" && a.Node == words[1] && slices.Equal(a.Masters, words[2:3])
			})
		}},
	}
	for _, f := range found {
		for _, c := range claims {
			words := c.says.FindStringSubmatch(f.Text)
			if words == nil || forecast.Note != "" {
				continue
			}
			if !slices.ContainsFunc(forecast.Instances, func(fate cluster.Fate) bool {
				return strings.Contains(f.Text+f.Block, fate.Instances[0]) && c.is(words, fate)
			}) {
				t.Errorf("not true: %s\n%s", f.Diag, report(nodes))
			}
		}
	}
}

// demands tells whether a script is tracked without weight: its failure is FAULT.
func demands(nodes []cluster.Node) bool {
	return slices.ContainsFunc(nodes, func(n cluster.Node) bool {
		return slices.ContainsFunc(n.Config.Instances, func(i config.Instance) bool {
			return slices.ContainsFunc(i.Tracks, func(t tracker.Track) bool { return t.Weight == 0 })
		})
	})
}
