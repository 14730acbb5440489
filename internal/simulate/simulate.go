// Package simulate plays configurations as the nodes of one network in virtual
// time: who is MASTER when, who holds which address, who is told, and how long an
// address is served by nobody after a fault. It sends no packet and needs no rights.
package simulate

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"holdfast/internal/cluster"
	"holdfast/internal/fault"
	"holdfast/internal/mono"
	"holdfast/internal/sim"
)

// Options is what to play.
type Options struct {
	Steps []fault.Step
	// Whole is how long it lasts; 0: until all is settled after the last fault.
	Whole time.Duration
	// JSON prints an object per line.
	JSON bool
	// Load reads the file of a reload for a node.
	Load func(node, file string) (cluster.Node, error)
}

// play is a simulation under way.
type play struct {
	o       Options
	nodes   []cluster.Node
	net     *network
	world   *sim.World
	shown   int // entries of the world's timeline that were taken
	entries []Entry
	service *service
}

// Run plays the nodes and prints the timeline, then what each fault cost. The
// result tells whether every address was served again after every fault.
func Run(nodes []cluster.Node, o Options, out io.Writer) (survived bool, err error) {
	p := &play{o: o, nodes: nodes, net: newNetwork(nodes), world: sim.New(1)}
	p.world.Show = sim.Show{Addresses: true, Announcements: true}
	for i := range nodes {
		p.world.Add(p.net.spec(i))
	}
	p.service = newService(p)
	p.world.Watch = p.service.look
	if err := p.steps(); err != nil {
		return false, err
	}
	p.take()
	p.print(out)
	return p.service.survived(), nil
}

// steps lets time pass and does the faults in their turn.
func (p *play) steps() error {
	slices.SortStableFunc(p.o.Steps, func(a, b fault.Step) int { return cmp.Compare(a.At, b.At) })
	for _, s := range p.o.Steps {
		p.world.Run(mono.Instant(s.At))
		f, err := p.fault(s.Fault)
		if err != nil {
			return fmt.Errorf("--at %v '%v': %w", s.At, s.Fault, err)
		}
		p.take()
		p.entries = append(p.entries, Entry{At: s.At, Kind: "fault", Text: s.Fault.String()})
		p.service.begin(s.Fault.String())
		if err := p.world.Do(f); err != nil {
			return fmt.Errorf("--at %v '%v': %w", s.At, s.Fault, err)
		}
		p.service.look()
	}
	p.world.Run(max(mono.Instant(p.o.Whole), p.world.Now().Add(p.patience())))
	p.service.end()
	return nil
}

// patience is how long it takes at most until all is settled: a start, a down
// timer of the slowest, its preempt delay, and some intervals.
func (p *play) patience() time.Duration {
	if p.o.Whole > 0 {
		return 0
	}
	var d time.Duration
	for _, n := range p.nodes {
		for i := range n.Config.Instances {
			r := &n.Config.Instances[i].VRRP
			d = max(d, time.Duration(r.DownAdverts+6)*r.Interval+r.PreemptDelay)
		}
		d = max(d, n.Config.Global.StartupDelay)
	}
	return d + time.Second
}

// fault translates what was typed for the world.
func (p *play) fault(f fault.Fault) (sim.Fault, error) {
	g := sim.Fault{Kind: sim.Kind(f.Verb), Node: f.Node, For: f.For, Sides: f.Sides}
	i := slices.IndexFunc(p.nodes, func(n cluster.Node) bool { return n.Name == f.Node })
	if i < 0 && f.Node != "" {
		return g, fmt.Errorf("there is no node %q", f.Node)
	}
	switch f.Verb {
	case fault.LinkDown, fault.LinkUp:
		g.Link = f.Arg
		if all := links(p.nodes[i].Config); !slices.Contains(all, f.Arg) {
			return g, fmt.Errorf("%s has no link %q, only %v", f.Node, f.Arg, all)
		}
	case fault.Fail, fault.Recover:
		g.Name = f.Arg
		if !tracks(p.nodes[i].Config, f.Arg) {
			return g, fmt.Errorf("%s tracks nothing called %q", f.Node, f.Arg)
		}
	case fault.Reload:
		return p.reload(i, f, g)
	}
	return g, nil
}

// reload reads what the node is to run from now on. Its links stay those that it has.
func (p *play) reload(i int, f fault.Fault, g sim.Fault) (sim.Fault, error) {
	n, err := p.o.Load(f.Node, f.Arg)
	if err != nil {
		return g, err
	}
	p.nodes[i].Tree, p.nodes[i].Config = n.Tree, n.Config
	g.Config = p.net.spec(i).Config
	p.service.watch(i)
	return g, nil
}
