package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/engine"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Whatever A and B are: a daemon started with A that reloads B ends with the kernel
// and the roles of one started with B, and reloading B again does nothing at all.
func TestReloadEndsWhereAStartBegins(t *testing.T) {
	pairs := uint64(1000)
	if testing.Short() {
		pairs = 300
	}
	seen := map[string]int{}
	for seed := range pairs {
		c := chance{Rand: rand.New(rand.NewPCG(seed, 7)), contested: seed%3 == 0}
		a, b := c.config(), c.config()
		reloaded, fresh := begin(c.contested, load(t, a)), begin(c.contested, load(t, b))
		reloaded.run(20 * time.Second)
		reloaded.reload(load(t, b))
		reloaded.run(40 * time.Second)
		fresh.run(40 * time.Second)
		if got, want := reloaded.picture(), fresh.picture(); got != want {
			t.Fatalf("seed %d: -started +reloaded\n%s\n--- A\n%s\n--- B\n%s", seed, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")), a, b)
		}
		for _, role := range []string{"MASTER", "BACKUP", "FAULT"} {
			seen[role] += strings.Count(fresh.picture(), role)
		}
		reloaded.node.Forget()
		reloaded.reload(load(t, b))
		if d := reloaded.node.Deeds; len(d.Ops)+len(d.Changes)+d.Sends+d.Announces+len(d.Lines) > 0 {
			t.Fatalf("seed %d: the second reload did %+v\n--- B\n%s", seed, d, b)
		}
	}
	for role, n := range seen {
		if n < int(pairs)/20 {
			t.Errorf("only %d routers were %s: the generator is too tame", n, role)
		}
	}
	t.Logf("roles seen: %v", seen)
}

// load types the text of a configuration.
func load(t *testing.T, text string) *router.Config {
	t.Helper()
	tree, found := conf.Parse(conf.MemoryFiles{"k.conf": text}, "k.conf", conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node"})
	if found = append(found, more...); conf.Has(found, conf.Error) {
		t.Fatalf("the generator wrote an error:\n%v\n%s", found, text)
	}
	return router.Part(c)
}

// stage is a node and, if the world is contested, a neighbour on eth0.
type stage struct {
	node      *engine.Rehearsal
	neighbour *engine.Rehearsal
	mail      []letter
}

// letter is an advert on its way.
type letter struct {
	to *engine.Rehearsal
	wire.Datagram
}

// begin starts a node with a configuration.
func begin(contested bool, c *router.Config) *stage {
	s := &stage{node: machine("10.0.0.1", "fe80::1")}
	if contested {
		s.neighbour = machine("10.0.0.2", "fe80::2")
		s.wire(s.node, s.neighbour)
		s.wire(s.neighbour, s.node)
		s.neighbour.Step(router.Prepare(rivals()))
		s.run(10 * time.Second)
	}
	for name, state := range map[string]tracker.State{"good": tracker.Good, "bad": tracker.Bad} {
		s.node.Step(router.Sampled{Sample: tracker.Sample{Kind: tracker.Script, Tracker: name, State: state}})
	}
	s.reload(c)
	return s
}

// machine has eth0 and eth1, which work, and eth2, which does not.
func machine(v4, v6 string) *engine.Rehearsal {
	state := host.State{Links: map[string]host.Link{}, Addrs: map[host.Addr]host.AddrOpts{}}
	for i := range 3 {
		name := fmt.Sprintf("eth%d", i)
		state.Links[name] = host.Link{Name: name, Index: i + 2, Up: true, Carrier: i < 2, Multicast: true, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, byte(i)}}
		own := strings.Replace(v4, "10.0.0.", fmt.Sprintf("10.0.%d.", i), 1)
		for j, p := range []string{own + "/24", v6 + "/64"} {
			state.Addrs[host.Addr{Link: name, Prefix: netip.MustParsePrefix(p)}] = host.AddrOpts{Preferred: host.Forever, Order: 2*i + j}
		}
	}
	return engine.NewRehearsal(mono.Instant(time.Hour), state, nil)
}

// rivals are the routers of the neighbour: better than some and worse than others.
func rivals() *router.Config {
	c := &router.Config{}
	for vrid := range uint8(3) {
		c.Routers = append(c.Routers, vrrp.Config{
			Key: vrrp.Key{Link: "eth0", VRID: vrid + 1}, Name: fmt.Sprint("R", vrid), Version: 3, Priority: 151, Interval: time.Second, DownAdverts: 3,
			Group: netip.MustParseAddr("224.0.0.18"), SkipCheckAdvAddr: true,
		})
		c.Details = append(c.Details, router.Detail{})
	}
	return c
}

// wire carries the adverts on eth0, and on what is above it, to the other one.
func (s *stage) wire(from, to *engine.Rehearsal) {
	from.Sent = func(p *vrrp.Send) {
		if p.Link != "eth0" && !strings.HasPrefix(p.Link, "vrrp") || !p.Dst.IsMulticast() {
			return
		}
		s.mail = append(s.mail, letter{to, wire.Datagram{
			Link: "eth0", V6: p.V6, Data: slices.Clone(p.Data), Src: p.Src, Dst: p.Dst, HopLimit: p.HopLimit, At: from.Now,
		}})
	}
}

// run lets time pass for both, and delivers what they send.
func (s *stage) run(d time.Duration) {
	nodes := []*engine.Rehearsal{s.node}
	if s.neighbour != nil {
		nodes = append(nodes, s.neighbour)
	}
	for end := s.node.Now.Add(d); ; {
		next := end
		for _, n := range nodes {
			next = min(next, max(n.Now, n.Router.Deadline()))
		}
		for _, n := range nodes {
			n.Run(max(0, next.Sub(n.Now)))
			s.deliver()
		}
		if next == end {
			return
		}
	}
}

func (s *stage) deliver() {
	for len(s.mail) > 0 {
		l := s.mail[0]
		s.mail = s.mail[1:]
		l.to.Step(router.Advert{Datagram: &l.Datagram})
	}
}

func (s *stage) reload(c *router.Config) {
	s.node.Step(router.Prepare(c))
}

// picture is what the node holds and is. Devices go by their addresses: one that is
// there already keeps its name.
func (s *stage) picture() string {
	state, _ := s.node.Kernel.Observe()
	names := map[string]string{}
	for _, l := range state.Links {
		names[l.Name] = l.Name
		if l.Kind == "macvlan" {
			names[l.Name] = fmt.Sprintf("macvlan-%x-%d", l.MAC, l.Parent)
		}
	}
	var lines []string
	for _, l := range state.Links {
		name := names[l.Name]
		l.Index, l.Name = 0, ""
		lines = append(lines, fmt.Sprintf("link %s %+v", name, l))
	}
	for a, o := range state.Addrs {
		o.Order, o.Secondary = 0, false
		lines = append(lines, fmt.Sprintf("addr %s %s %s %+v", names[a.Link], a.Prefix, a.Peer, o))
	}
	for _, t := range state.Things {
		line := "thing " + t.String()
		for name, as := range names {
			line = strings.ReplaceAll(line, " "+name+" ", " "+as+" ")
		}
		lines = append(lines, line)
	}
	keys, roles := s.node.Router.Keys()
	for i, k := range keys {
		if k != (vrrp.Key{}) {
			lines = append(lines, fmt.Sprintf("role %v %s", k, roles[i]))
		}
	}
	wall := strings.ReplaceAll(s.node.Wall.String(), ",", " ,") // so that every number stands alone
	for _, l := range state.Links {
		wall = strings.NewReplacer(fmt.Sprintf(" . %d ", l.Index), " . "+names[l.Name]+" ", fmt.Sprintf(" %d : ", l.Index), " "+names[l.Name]+" : ").Replace(wall)
	}
	lines = append(lines, elements(strings.ReplaceAll(wall, " ,", ","))...)
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// elements are those of all tables. A set that was needed once stays.
func elements(wall string) (list []string) {
	for line := range strings.SplitSeq(wall, "\n") {
		head, inside, _ := strings.Cut(strings.TrimSuffix(line, " }"), "{ ")
		name, _, _ := strings.Cut(head, " (")
		for e := range strings.SplitSeq(inside, ", ") {
			if e == "" {
				continue
			}
			list = append(list, name+" "+e)
		}
	}
	return list
}

// chance writes configurations.
type chance struct {
	*rand.Rand
	// contested: a neighbour may be better. Then nothing is written by which the past
	// decides who is MASTER.
	contested bool
	// pool are the addresses that no instance of this configuration has yet: if two have
	// one, with different words, the last to become MASTER decides.
	pool *[]int
}

func (c chance) once(n int) bool { return c.IntN(n) == 0 }

func (c chance) pick(list ...string) string { return list[c.IntN(len(list))] }

func (c chance) config() string {
	var b strings.Builder
	numbers := c.Perm(24) // as many as there can be
	c.pool = &numbers
	fmt.Fprintf(&b, "global_defs {\n vrrp_version 3\n script_user root\n enable_script_security\n %s\n}\n", c.pick("", "vrrp_garp_master_repeat 2", "vrrp_strict", "nftables", "vrrp_check_unicast_src"))
	b.WriteString("vrrp_script good {\n script /bin/true\n}\nvrrp_script bad {\n script /bin/false\n}\n")
	if c.once(3) {
		c.addresses(&b, "static_ipaddress", false)
		c.routes(&b, "static_routes")
		c.rules(&b, "static_rules")
	}
	order := c.Perm(4)[:1+c.IntN(4)]
	var names []string
	taken := map[string]bool{}
	for _, vrid := range order {
		name := fmt.Sprintf("V%d", c.IntN(6))
		if !taken[name] {
			taken[name] = true
			names = append(names, name)
			c.instance(&b, name, vrid+1)
		}
	}
	if len(names) > 1 && !c.contested && c.once(3) {
		fmt.Fprintf(&b, "vrrp_sync_group G {\n group {\n  %s\n }\n}\n", strings.Join(slices.Sorted(maps.Keys(taken)), "\n  "))
	}
	return b.String()
}

func (c chance) instance(b *strings.Builder, name string, vrid int) {
	v6 := c.once(4)
	link := c.pick("eth0", "eth0", "eth0", "eth0", "eth1", "eth1", "eth1", "eth2", "eth9")
	fmt.Fprintf(b, "vrrp_instance %s {\n interface %s\n virtual_router_id %d\n priority %s\n", name, link, vrid, c.pick("100", "200", "254", "1"))
	for _, line := range c.words() {
		fmt.Fprintf(b, " %s\n", line)
	}
	c.addresses(b, "virtual_ipaddress", v6)
	if c.once(4) {
		c.addresses(b, "virtual_ipaddress_excluded", !v6)
	}
	if c.once(4) {
		c.routes(b, "virtual_routes")
	}
	if c.once(4) {
		c.rules(b, "virtual_rules")
	}
	b.WriteString("}\n")
}

func (c chance) words() (lines []string) {
	for _, line := range []string{
		"use_vmac", "no_accept", "dont_track_primary", "advert_int 2", "garp_master_delay 1", "track_interface {\n  eth1\n }", "track_interface {\n  eth2 weight -20\n }",
		"track_script {\n  good\n }", "track_script {\n  bad weight -30\n }", "track_script {\n  " + c.pick("good", "good", "bad") + "\n }", "preempt_delay 3", "vmac_xmit_base", "version 2", "down_timer_adverts 4",
	} {
		switch {
		case !c.once(7), c.contested && (line == "version 2" || line == "advert_int 2"):
		case line == "vmac_xmit_base" && !slices.Contains(lines, "use_vmac"):
		default:
			lines = append(lines, line)
		}
	}
	if !c.contested && c.once(6) {
		lines = append(lines, "nopreempt")
	}
	return lines
}

func (c chance) addresses(b *strings.Builder, block string, v6 bool) {
	fmt.Fprintf(b, " %s {\n", block)
	for i := range 1 + c.IntN(3) {
		n := (*c.pool)[0]
		*c.pool = (*c.pool)[1:]
		addr := fmt.Sprintf("10.0.0.%d%s", 10+n, c.pick("", "", "/24", "/32"))
		if v6 {
			addr = fmt.Sprintf("fe80::1:%d%s", n, c.pick("", "/64"))
			if i > 0 || block != "virtual_ipaddress" {
				addr = fmt.Sprintf("2001:db8::%d%s", 10+n, c.pick("", "/64"))
			}
		}
		fmt.Fprintf(b, "  %s %s %s\n", addr, c.pick("", "", "", "", "", "", "dev eth1", "dev eth1", "dev eth2 no_track", "dev eth2"), c.pick("", "", "", "scope link", "preferred_lft 0"))
	}
	b.WriteString(" }\n")
}

func (c chance) routes(b *strings.Builder, block string) {
	fmt.Fprintf(b, " %s {\n", block)
	for range 1 + c.IntN(2) {
		fmt.Fprintf(b, "  10.%d.0.0/16 %s %s\n", 50+c.IntN(4), c.pick("via 10.0.0.254 dev eth0", "dev eth1", "via 10.0.2.254 dev eth2 no_track"), c.pick("", "metric 5", "table 100"))
	}
	b.WriteString(" }\n")
}

func (c chance) rules(b *strings.Builder, block string) {
	fmt.Fprintf(b, " %s {\n  from 10.%d.0.0/16 %s table 100 preference %d\n }\n", block, 50+c.IntN(4), c.pick("", "iif eth0"), 1000+c.IntN(3))
}
