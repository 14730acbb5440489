// Package lab rehearses configurations on the real kernel: each file on a node
// of its own, and each real server, bridges for the links it names, a client that
// probes every virtual address each millisecond and asks every virtual server, and
// faults. It decides nothing about roles; it
// watches what the nodes' kernels hold and what their daemons say.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/internal/fault"
	"holdfast/internal/lab/guest"
	"holdfast/internal/lab/netns"
	"holdfast/internal/lab/service"
)

// clientName is the node that probes.
const clientName = "client"

// lab is one rehearsal.
type lab struct {
	plan     *Plan
	world    *netns.World
	client   *netns.Node
	prober   *netns.Prober
	asker    *service.Asker
	steering *steering
	machines []*machine
	line     *timeline
	trials   []trial
	url      string // of the page that shows the nodes; empty: there is none
	shut     func() // ends it
}

// program says what runs on the nodes: an executable and its arguments, in which
// the word FILE stands for the configuration.
type program struct {
	path string
	args []string
}

func (p program) argv(file string) []string {
	argv := []string{p.path}
	for _, a := range p.args {
		argv = append(argv, strings.ReplaceAll(a, "FILE", file))
	}
	return argv
}

// build makes the network. What it could build before it failed is in the
// result, to be closed.
func build(plan *Plan, prog program, line *timeline) (*lab, error) {
	l := &lab{plan: plan, line: line}
	w, err := netns.New()
	if err != nil {
		return l, err
	}
	l.world = w
	for _, link := range plan.Links {
		if err := w.Bridge(link); err != nil {
			return l, err
		}
	}
	for _, p := range plan.Nodes {
		argv, err := prog.of(p)
		if err != nil {
			return l, err
		}
		m, err := newMachine(w, p, line, argv)
		if err != nil {
			return l, err
		}
		l.machines = append(l.machines, m)
	}
	if err := l.balance(); err != nil {
		return l, err
	}
	return l, l.addClient()
}

// of is the command line of a node's program.
func (p program) of(n *NodePlan) ([]string, error) {
	if n.Server == nil {
		return p.argv(n.File), nil
	}
	self, err := os.Executable()
	return []string{self, ServerWord, n.Server.String()}, err
}

func (l *lab) addClient() (err error) {
	if l.client, err = l.world.Node(clientName); err != nil {
		return err
	}
	for _, link := range l.plan.Links {
		if err := l.client.Attach(link, link, l.plan.Client[link]...); err != nil {
			return err
		}
	}
	var targets []netip.Addr
	for _, v := range l.plan.VIPs {
		targets = append(targets, v.target())
	}
	l.prober, err = l.client.Probe(tempo().probe, targets...)
	return err
}

// rhythm is how often the client probes an address, and asks a virtual server.
type rhythm struct{ probe, ask time.Duration }

// tempo is slower in a guest: it has one processor, to which a packet costs a hundred
// times more.
func tempo() rhythm {
	if guest.Inside() {
		return rhythm{50 * time.Millisecond, 200 * time.Millisecond}
	}
	return rhythm{time.Millisecond, 50 * time.Millisecond}
}

// target is the address as the client has to name it.
func (v VIP) target() netip.Addr {
	if a := v.Prefix.Addr(); a.Is6() && a.IsLinkLocalUnicast() {
		return a.WithZone(v.Link)
	}
	return v.Prefix.Addr()
}

// close ends the daemons and removes the network.
func (l *lab) close() error {
	var err error
	if l.shut != nil {
		l.shut()
	}
	if l.asker != nil {
		l.asker.Close()
	}
	if l.prober != nil {
		err = l.prober.Close()
	}
	if l.steering != nil {
		l.steering.close()
	}
	for _, m := range l.machines {
		m.leave()
	}
	if l.world != nil {
		err = errors.Join(err, l.world.Close())
	}
	return err
}

// startAll starts every daemon.
func (l *lab) startAll() error {
	for _, m := range l.machines {
		if err := m.start(); err != nil {
			return err
		}
		l.line.add(time.Now(), Entry{Kind: "daemon", Node: m.plan.Name, Text: "started: " + m.program()})
		for _, note := range m.plan.Notes {
			l.line.note(m.plan.Name, "%s", note)
		}
	}
	if len(l.plan.Asked) > 0 {
		l.asker = service.Ask(l.client.Do, tempo().ask, l.served, l.plan.Asked...)
	}
	return nil
}

func (l *lab) machine(name string) *machine {
	i := slices.IndexFunc(l.machines, func(m *machine) bool { return m.plan.Name == name })
	if i < 0 {
		return nil
	}
	return l.machines[i]
}

// do carries out a fault that Plan.Check let pass.
func (l *lab) do(f fault.Fault) error {
	at := time.Now()
	l.line.add(at, Entry{Kind: "fault", Node: f.Node, Text: f.String()})
	l.trials = append(l.trials, trial{fault: f, at: at})
	if err := l.carryOut(f); err != nil {
		l.line.note(f.Node, "%v", err)
		return fmt.Errorf("%s: %w", f, err)
	}
	return nil
}

func (l *lab) carryOut(f fault.Fault) error {
	m := l.machine(f.Node)
	switch f.Verb {
	case fault.Kill:
		return m.kill()
	case fault.Crash:
		return m.crash()
	case fault.Stop:
		return m.stop()
	case fault.Start:
		return m.start()
	case fault.Pause:
		return m.freeze(f.For)
	case fault.LinkDown:
		return m.link(f.Arg, false)
	case fault.LinkUp:
		return m.link(f.Arg, true)
	case fault.DropVRRP:
		return m.drop(true)
	case fault.AllowVRRP:
		return m.drop(false)
	case fault.Partition, fault.Heal:
		return l.partition(f.Sides)
	case fault.Fail:
		return m.fail(f.Arg, true)
	case fault.Recover:
		return m.fail(f.Arg, false)
	case fault.Reload:
		return m.reload(f.Arg)
	}
	panic("lab: no such fault: " + f.Verb)
}

func (l *lab) partition(sides [][]string) error {
	var groups [][]*netns.Node
	for _, side := range sides {
		var nodes []*netns.Node
		for _, name := range side {
			nodes = append(nodes, l.machine(name).node)
		}
		groups = append(groups, nodes)
	}
	return l.world.Partition(groups...)
}

// directors are the machines that have a file.
func (l *lab) directors() []*machine { return l.machines[:l.plan.directors] }

// holders are the living nodes with a file whose kernel has an address.
func (l *lab) holders(v VIP) []*machine {
	var who []*machine
	for _, m := range l.directors() {
		if _, ok := m.holds(v.Prefix.Addr()); ok && !m.isDark() {
			who = append(who, m)
		}
	}
	return who
}

// settled reports that each address is held once and answers, and each service too.
func (l *lab) settled() bool {
	if !l.allServed() {
		return false
	}
	spans := l.prober.Spans()
	for _, v := range l.plan.VIPs {
		if len(l.holders(v)) != 1 || !l.prober.Answered(v.target()) || silent(spans, v) {
			return false
		}
	}
	return true
}

// silent reports whether the newest probes to an address were lost.
func silent(spans []netns.Span, v VIP) bool {
	return slices.ContainsFunc(spans, func(s netns.Span) bool { return s.Target == v.target() && s.To.IsZero() })
}

// calm is how long a state must last to count as one.
const calm = 300 * time.Millisecond

// waitFor waits until a condition has held for a while. It reports false when
// the time or the context runs out first.
func waitFor(ctx context.Context, limit time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(limit)
	var since time.Time
	for ctx.Err() == nil {
		now := time.Now()
		switch {
		case !cond():
			since = time.Time{}
		case since.IsZero():
			since = now
		case now.Sub(since) >= calm:
			return true
		}
		if now.After(deadline) {
			return false
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
