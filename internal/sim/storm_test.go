package sim_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/sim"
	"holdfast/internal/vrrp"
)

var (
	onlySeed = flag.Uint64("seed", 0, "run this storm alone and print its timeline")
	storms   = flag.Int("storms", 10000, "how many random fault schedules to run")
)

// TestStorms runs random clusters through random faults. What must hold:
//
//   - once the faults are over, every connected part with a fit router has exactly
//     one master, within the longest down timer and one interval, and the preempt
//     delay where there is one;
//   - where nothing forbids preemption, that is the strongest one, at the latest
//     another down timer and a half later;
//   - never are there two masters in one connected part, on a LAN that loses
//     nothing, for longer than one interval and skew;
//   - in the end addresses are held exactly by masters.
func TestStorms(t *testing.T) {
	if *onlySeed != 0 {
		s := newStorm(*onlySeed)
		s.run()
		t.Log(s.story())
		if s.failure != "" {
			t.Fatal(s.failure)
		}
		return
	}
	n := *storms
	if testing.Short() {
		n = min(n, 100)
	}
	for seed := range uint64(n) {
		s := newStorm(seed + 1)
		if s.run(); s.failure != "" {
			t.Fatalf("storm %d (go test -run TestStorms -seed %d): %s\n%s", seed+1, seed+1, s.failure, s.story())
		}
	}
}

// storm is one cluster with its faults.
type storm struct {
	*sim.World
	r        *rand.Rand
	v2, v6   bool
	unicast  bool
	grouped  bool
	keys     []vrrp.Key
	styles   []style       // of the routers, as keys
	interval time.Duration // longest
	shortest time.Duration // interval
	delay    time.Duration // preempt delay
	down     int
	names    []string
	setups   map[string][]*vrrp.Setup // versions to reload

	faults  []string
	changed mono.Instant // last fault: connections may be other ones
	both    map[string]mono.Instant
	failure string
}

const (
	hold = 3 * time.Millisecond
	late = time.Millisecond
)

func newStorm(seed uint64) *storm {
	s := &storm{World: sim.New(seed), r: rand.New(rand.NewPCG(seed, 1)),
		setups: map[string][]*vrrp.Setup{}, both: map[string]mono.Instant{}}
	s.v2, s.unicast, s.grouped = s.chance(3), s.chance(4), s.chance(3)
	s.v6 = !s.v2 && s.chance(3)
	s.down = 3
	if s.chance(5) {
		s.down = 2 + s.r.IntN(3)
	}
	for i := range 1 + s.r.IntN(3) {
		s.keys = append(s.keys, vrrp.Key{Link: fmt.Sprintf("eth%d", s.r.IntN(2)), VRID: uint8(i + 1), V6: s.v6})
	}
	for _, name := range []string{"eth0", "eth1"} {
		l := s.LAN(name)
		l.Delay = time.Duration(s.r.IntN(1500)) * time.Microsecond
		l.Jitter = time.Duration(s.r.IntN(1000)) * time.Microsecond
	}
	s.build(2 + s.r.IntN(4))
	s.Watch = s.watch
	return s
}

// chance is true once in n times.
func (s *storm) chance(n int) bool { return s.r.IntN(n) == 0 }

// style is what the nodes of a cluster have in common about one router.
type style struct {
	interval            time.Duration
	own                 bool // every node has an interval of its own
	noPreempt, equal    bool
	owner, owner2       int // nodes that own the addresses; -1: none
	delay               time.Duration
	noAnswer, lastWords bool
}

func (s *storm) style(nodes int) style {
	y := style{owner: -1, owner2: -1, interval: time.Duration(1+s.r.IntN(10)) * 100 * time.Millisecond}
	if s.v2 {
		y.interval = time.Duration(1+s.r.IntN(2)) * time.Second
	}
	y.own = !s.v2 && s.chance(5)
	y.noPreempt, y.equal = s.chance(4), s.chance(4)
	y.noAnswer, y.lastWords = s.chance(6), s.chance(6)
	if s.chance(5) {
		y.delay = time.Duration(1+s.r.IntN(5)) * time.Second
	}
	if s.chance(5) {
		y.owner = s.r.IntN(nodes)
		if s.chance(4) {
			y.owner2 = s.r.IntN(nodes) // a mistake, to be settled all the same
		}
	}
	return y
}

func (s *storm) build(nodes int) {
	common := s.style(nodes)
	for range s.keys {
		y := s.style(nodes)
		if s.grouped {
			y = common // members that disagree about who is best never settle
		}
		s.styles = append(s.styles, y)
		s.delay = max(s.delay, y.delay)
	}
	best := s.r.Perm(nodes)
	for i := range nodes {
		name := string(rune('a' + i))
		s.names = append(s.names, name)
		for range 2 {
			s.setups[name] = append(s.setups[name], s.setup(i, nodes, best))
		}
		s.add(name, i)
	}
}

// setup is the configuration of one node; each call makes another version of it.
func (s *storm) setup(i, nodes int, best []int) *vrrp.Setup {
	setup := &vrrp.Setup{}
	shift := s.r.IntN(10) // the versions differ in priority, alike for all members of a group
	var members []vrrp.Key
	keys := s.keys
	if len(s.setups[s.names[i]]) > 0 && len(keys) > 1 && !s.grouped && s.chance(4) {
		// The other version lacks one; not in a sync group, where a router that
		// the nodes do not have alike rightly stays without a master.
		keys = keys[:len(keys)-1]
	}
	for j, k := range keys {
		y := s.styles[j]
		c := vrrp.Config{
			Key: k, Name: fmt.Sprintf("VI_%d", k.VRID), Version: 3, Interval: y.interval, DownAdverts: s.down,
			Group: netip.MustParseAddr("224.0.0.18"), NoPreempt: y.noPreempt, PreemptDelay: y.delay,
			LowerPrioNoAdvert: y.noAnswer, HigherPrioSendAdvert: y.lastWords,
			VIPs:     []netip.Addr{netip.AddrFrom4([4]byte{10, 0, k.VRID, 100})},
			Announce: vrrp.Announcing{Repeat: 5, Delay: 5 * time.Second, LowerRepeat: 5, LowerDelay: 5 * time.Second, Refresh: 7 * time.Second, RefreshRepeat: 1},
		}
		c.Priority = uint8(60 + 20*best[i] + shift)
		switch {
		case y.equal:
			c.Priority = 100
		case y.owner == i, y.owner2 == i:
			c.Priority, c.StartMaster = 255, true
		}
		if y.own {
			c.Interval = time.Duration(1+s.r.IntN(10)) * 100 * time.Millisecond
		}
		s.family(&c, i, nodes)
		s.interval = max(s.interval, c.Interval)
		if s.shortest == 0 || c.Interval < s.shortest {
			s.shortest = c.Interval
		}
		setup.Routers = append(setup.Routers, c)
		members = append(members, c.Key)
	}
	if s.grouped {
		setup.Groups = []vrrp.Group{{Name: "G", Members: members}}
	}
	return setup
}

func (s *storm) family(c *vrrp.Config, i, nodes int) {
	if s.v2 {
		c.Version, c.HasPass, c.Password = 2, true, [8]byte{'s', 'e', 'c', 'r', 'e', 't'}
	}
	if s.v6 {
		c.Group = netip.MustParseAddr("ff02::12")
		c.VIPs = []netip.Addr{netip.MustParseAddr(fmt.Sprintf("fe80::%d:100", c.VRID)), netip.MustParseAddr(fmt.Sprintf("2001:db8::%d:100", c.VRID))}
	}
	if !s.unicast {
		return
	}
	for other := range nodes {
		if other != i {
			c.Peers = append(c.Peers, vrrp.Peer{Addr: s.address(other)})
		}
	}
}

func (s *storm) address(i int) netip.Addr {
	if s.v6 {
		return netip.MustParseAddr(fmt.Sprintf("fe80::%d", i+1))
	}
	return netip.AddrFrom4([4]byte{10, 0, 0, uint8(i + 1)})
}

func (s *storm) add(name string, i int) {
	link := vrrp.LinkState{Exists: true, Up: true, MTU: 1500}
	if s.v6 {
		link.Source6 = s.address(i)
	} else {
		link.Source4 = s.address(i)
	}
	var all []string
	for _, k := range s.keys {
		all = append(all, fmt.Sprintf("VI_%d", k.VRID))
	}
	s.Add(sim.Spec{
		Name: name, Setup: *s.setups[name][0], Hold: hold, Late: late,
		Links: map[string]vrrp.LinkState{"eth0": link, "eth1": link},
		Trackers: []sim.Tracker{
			{Name: "weak", Weight: -30, Routers: all},
			{Name: "hard", Routers: all, Pending: s.chance(8)},
		},
	})
}

// run lets the storm rage, and then watches the calm.
func (s *storm) run() {
	s.Run(mono.Instant(s.r.Int64N(int64(8 * time.Second))))
	var thawed mono.Instant
	for range 3 + s.r.IntN(8) {
		f := s.fault()
		if f.Kind == sim.Pause {
			thawed = max(thawed, s.Now().Add(f.For))
		}
		s.do(f)
		s.Run(s.Now().Add(time.Duration(s.r.Int64N(int64(6 * s.interval)))))
	}
	s.Run(thawed)
	for _, link := range []string{"eth0", "eth1"} {
		s.do(sim.Fault{Kind: sim.Noise, Link: link})
	}
	calm := s.Now().Add(s.bound())
	s.Run(calm)
	for range 4 {
		s.settled()
		s.Run(s.Now().Add(s.interval * 3 / 2))
	}
	s.strongest()
}

// strongest checks that the master of each part has the highest priority, where
// nothing forbids preemption.
func (s *storm) strongest() {
	for i, k := range s.keys {
		if y := s.styles[i]; y.noPreempt || y.delay > 0 {
			continue
		}
		for _, a := range s.Nodes() {
			v, _ := a.View(k)
			if !a.Fit(k) || v.Role != vrrp.Master {
				continue
			}
			for _, b := range s.part(k, a) {
				if rival, _ := b.View(k); rival.Priority > v.Priority {
					s.fail("%s is master of VRID %d with priority %d although %s has %d", a.Name, k.VRID, v.Priority, b.Name, rival.Priority)
				}
			}
		}
	}
}

func (s *storm) do(f sim.Fault) {
	s.faults = append(s.faults, fmt.Sprintf("%7.3f %v", time.Duration(s.Now()).Seconds(), f))
	s.changed = s.Now()
	if err := s.Do(f); err != nil {
		s.fail("%v: %v", f, err)
	}
	s.watch()
}

// bound is how long after the last fault there must be one master: the down
// timer of the weakest router and one interval, the preempt delay, and the time
// that packets, kernel and loop take.
func (s *storm) bound() time.Duration {
	down := time.Duration(s.down+1) * s.interval
	if s.v2 {
		down = time.Duration(s.down)*s.interval + time.Second
	}
	bound := down + s.interval + s.delay + 20*time.Millisecond
	return bound
}

func (s *storm) fault() sim.Fault {
	f := sim.Fault{Node: s.names[s.r.IntN(len(s.names))], Link: fmt.Sprintf("eth%d", s.r.IntN(2))}
	kinds := []sim.Kind{sim.Crash, sim.Start, sim.Start, sim.Kill, sim.Stop, sim.Pause, sim.LinkDown, sim.LinkUp,
		sim.LinkUp, sim.Unplug, sim.Drop, sim.Allow, sim.Partition, sim.Heal, sim.Fail, sim.Recover, sim.Recover, sim.Reload, sim.Noise}
	f.Kind = kinds[s.r.IntN(len(kinds))]
	switch f.Kind {
	case sim.Pause:
		f.For = time.Duration(s.r.Int64N(int64(8 * s.interval)))
	case sim.Partition:
		f.Sides = s.sides()
	case sim.Fail, sim.Recover:
		f.Name = []string{"weak", "hard"}[s.r.IntN(2)]
	case sim.Reload:
		f.Setup = s.setups[f.Node][s.r.IntN(2)]
	case sim.Noise:
		f.Loss, f.Twice = 0.5*s.r.Float64(), 0.3*s.r.Float64()
	}
	return f
}

func (s *storm) sides() [][]string {
	sides := make([][]string, 2)
	for _, name := range s.names {
		i := s.r.IntN(2)
		sides[i] = append(sides[i], name)
	}
	return sides
}

// watch is called whenever something has happened.
func (s *storm) watch() {
	for _, k := range s.keys {
		for i, a := range s.Nodes() {
			for _, b := range s.Nodes()[i+1:] {
				s.watchPair(k, a, b)
			}
		}
	}
}

// watchPair looks for two masters who can hear one another and go on all the same.
func (s *storm) watchPair(k vrrp.Key, a, b *sim.Node) {
	name := a.Name + b.Name + string(rune('0'+k.VRID))
	if !s.LAN(k.Link).Quiet() || !s.masters(k, a, b) || !s.Connected(a, b, k.Link) {
		delete(s.both, name)
		return
	}
	since, ok := s.both[name]
	if !ok {
		s.both[name] = s.Now()
		return
	}
	limit := 2*s.interval + 10*time.Millisecond
	if s.v2 {
		limit = s.interval + time.Second + 10*time.Millisecond
	}
	if s.Now().Sub(since) > limit {
		s.fail("%s and %s are both MASTER of VRID %d since %v", a.Name, b.Name, k.VRID, since)
	}
}

func (s *storm) masters(k vrrp.Key, nodes ...*sim.Node) bool {
	for _, n := range nodes {
		if v, ok := n.View(k); !ok || !n.Fit(k) || v.Role != vrrp.Master {
			return false
		}
	}
	return true
}

// settled checks that each connected part has one master and that addresses are
// held by masters only.
func (s *storm) settled() {
	for _, k := range s.keys {
		done := map[*sim.Node]bool{}
		for _, a := range s.Nodes() {
			if a.Fit(k) && !done[a] {
				s.settledPart(k, s.part(k, a), done)
			}
		}
	}
}

// part is a and all fit nodes it is connected with.
func (s *storm) part(k vrrp.Key, a *sim.Node) []*sim.Node {
	part := []*sim.Node{a}
	for _, b := range s.Nodes() {
		if b != a && b.Fit(k) && s.Connected(a, b, k.Link) {
			part = append(part, b)
		}
	}
	return part
}

func (s *storm) settledPart(k vrrp.Key, part []*sim.Node, done map[*sim.Node]bool) {
	var masters []string
	for _, n := range part {
		done[n] = true
		v, _ := n.View(k)
		if v.Role == vrrp.Master {
			masters = append(masters, n.Name)
		}
		if n.Holds(k) != (v.Role == vrrp.Master) {
			s.fail("%s is %v of VRID %d but holds its addresses: %v", n.Name, v.Role, k.VRID, n.Holds(k))
		}
	}
	if len(masters) != 1 {
		s.fail("VRID %d has masters %v in a part of %d", k.VRID, masters, len(part))
	}
}

func (s *storm) fail(format string, args ...any) {
	if s.failure == "" {
		s.failure = fmt.Sprintf("at %v: ", s.Now()) + fmt.Sprintf(format, args...)
	}
}

// story tells a storm from its beginning.
func (s *storm) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v2=%v v6=%v unicast=%v grouped=%v down=%d preempt delay=%v\n", s.v2, s.v6, s.unicast, s.grouped, s.down, s.delay)
	for _, name := range s.names {
		for _, c := range s.setups[name][0].Routers {
			fmt.Fprintf(&b, "  %s %s on %s: priority %d interval %v nopreempt=%v delay=%v\n", name, c.Name, c.Link, c.Priority, c.Interval, c.NoPreempt, c.PreemptDelay)
		}
	}
	for _, f := range s.faults {
		fmt.Fprintln(&b, f)
	}
	for _, e := range s.Timeline {
		fmt.Fprintf(&b, "%7.3f %s %v -> %v  %v\n", time.Duration(e.Change.At).Seconds(), e.Node, e.Change.Name, e.Change.To, e.Change.Reason)
	}
	return b.String()
}
