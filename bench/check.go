package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/bench/subject"
	"holdfast/internal/lab/netns"
)

// check measures what it costs to read and test large configurations: instances,
// and virtual servers with checks on all their real servers.
func (b *bench) check(ctx context.Context, program int) (err error) {
	world, err := netns.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	node, err := reading(world, largeCrowd)
	if err != nil {
		return err
	}
	t := tester{b, ctx, program, node}
	if err := t.instances(); err != nil {
		return err
	}
	return t.servers()
}

// largeCrowd is the number of instances of the larger file.
const largeCrowd = 9000

// reading makes a node with the links of a crowd, for keepalived wants to see them.
func reading(world *netns.World, routers int) (*netns.Node, error) {
	node, err := world.Node("a")
	if err != nil {
		return nil, err
	}
	var script strings.Builder
	for n := range links(routers) {
		fmt.Fprintf(&script, "link add %s type veth peer name far%d\nlink set %s up\naddr add %s dev %s\n", linkName(n), n, linkName(n), nodeAddress(n, 1), linkName(n))
	}
	return node, ipBatch(node, script.String())
}

// tester is one round of check with one program.
type tester struct {
	b       *bench
	ctx     context.Context
	program int
	node    *netns.Node
}

func (t tester) instances() error {
	small, err := t.test(fmt.Sprintf("%d instances", largeCrowd/2), crowdText(largeCrowd/2), none(), none())
	if err != nil {
		return err
	}
	large, err := t.test(fmt.Sprintf("%d instances", largeCrowd), crowdText(largeCrowd), atMost(0.2, 0), none())
	if err != nil {
		return err
	}
	t.growth(fmt.Sprintf("check: growth from %d to %d instances", largeCrowd/2, largeCrowd), small, large, 2.5)
	return nil
}

func crowdText(routers int) string { return configuration(crowdOf(routers, strong, time.Second)...) }

func (t tester) servers() error {
	small, err := t.test("1000 x 10 servers", farm{virtual: 1000, real: 10, delay: 6, check: tcpCheck}.text(), atMost(1, 0), none())
	if err != nil {
		return err
	}
	large, err := t.test("5000 x 20 servers", farm{virtual: 5000, real: 20, delay: 6, check: tcpCheck}.text(), atMost(1, 0), atMost(2, 0))
	if err != nil {
		return err
	}
	t.growth("check: growth from 1000 x 10 to 5000 x 20 servers", small, large, 12)
	return nil
}

// test records what one text costs.
func (t tester) test(what, text string, cpu, memory bound) (subject.Cost, error) {
	cost, err := t.b.programs[t.program].Test(t.ctx, t.node, text)
	if err != nil {
		return cost, fmt.Errorf("%s: %w", what, err)
	}
	t.b.record(t.program, "check: "+what+", CPU", "ms", cpu, ms(cost.CPU))
	t.b.record(t.program, "check: "+what+", time", "ms", none(), ms(cost.Wall))
	t.b.record(t.program, "check: "+what+", memory", "MiB", memory, float64(cost.RSS)/1024)
	return cost, nil
}

// growth records how many times the CPU time of a smaller file a larger one takes.
func (t tester) growth(name string, small, large subject.Cost, limit float64) {
	t.b.record(t.program, name, "", medianWithin(limit), float64(large.CPU)/float64(max(small.CPU, time.Millisecond)))
}
