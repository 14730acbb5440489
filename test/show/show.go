// Package show has nodes to be looked at, for tests of what looks at them, and for the pictures in
// the documentation: a pair of load balancers with a bad day behind it.
package show

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// uptime is how long the machines have run.
const uptime = mono.Instant(93 * 24 * time.Hour)

// run is how long the daemons have run.
const run = 2*time.Hour + 7*time.Minute

func ago(d time.Duration) mono.Instant { return uptime - mono.Instant(d) }

func prefixes(list ...string) (all []netip.Prefix) {
	for _, text := range list {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// Pair are two nodes as they are at a moment. lb1 had to give db up, because its script fails.
func Pair(at time.Time) []status.Node {
	one, two := node("lb1", 1, at), node("lb2", 2, at)
	one.Router.Instances = []status.Instance{
		master("web", "eth0", 51, 150, 38*time.Minute, "preempting 192.0.2.2 priority 100 with 150", "192.0.2.1", "192.0.2.100/24", "192.0.2.101/24"),
		lost(backup("db", "eth1", 52, 150, 17*time.Minute, "preempted by 10.0.5.2 priority 100", "10.0.5.1", "10.0.5.2", 100, "10.0.5.10/24")),
		v6(master("web6", "eth0", 51, 150, 38*time.Minute, "preempting fe80::2 priority 100 with 150", "fe80::1", "fe80::51/64", "2001:db8::100/64")),
	}
	one.Router.Trackers = []status.Tracker{{Kind: "script", Name: "chk_postgres", State: "bad", Why: "exited with status 1"}}
	two.Router.Instances = []status.Instance{
		backup("web", "eth0", 51, 100, 38*time.Minute, "preempted by 192.0.2.1 priority 150", "192.0.2.2", "192.0.2.1", 150, "192.0.2.100/24", "192.0.2.101/24"),
		master("db", "eth1", 52, 100, 17*time.Minute, "preempting 10.0.5.1 priority 70 with 100", "10.0.5.2", "10.0.5.10/24"),
		v6(backup("web6", "eth0", 51, 100, 38*time.Minute, "preempted by fe80::1 priority 150", "fe80::2", "fe80::1", 150, "fe80::51/64", "2001:db8::100/64")),
	}
	one.Balanced = balanced(1)
	two.Balanced = balanced(0)
	return []status.Node{{Name: "lb1", Snapshot: one}, {Name: "lb2", Snapshot: two}}
}

func node(name string, number byte, at time.Time) *status.Snapshot {
	own := func(network string) []netip.Prefix { return prefixes(fmt.Sprintf(network, number)) }
	return &status.Snapshot{
		Form: status.Form, Node: name, Build: status.Build{Version: "1.0", Go: "go1.26"}, At: uptime, Time: at,
		Worker: status.Worker{Started: at.Add(-run), File: "/etc/keepalived/keepalived.conf", Loaded: at.Add(-run), Reloads: status.Reloads{Taken: 3}},
		Router: &status.Router{
			At: uptime, RealTime: "SCHED_RR 50", Lateness: 212 * time.Microsecond,
			Links: []status.Link{{Name: "eth0", Index: 2, MTU: 1500, Addrs: own("192.0.2.%d/24"), Up: true, Carrier: true}, {Name: "eth1", Index: 3, MTU: 1500, Addrs: own("10.0.5.%d/24"), Up: true, Carrier: true}},
		},
	}
}

func instance(name, link string, vrid, priority uint8, since time.Duration, reason, source string, addrs []string) status.Instance {
	return status.Instance{
		Name: name, Link: link, VRID: vrid, Version: 3, Since: ago(since), Reason: reason, Priority: priority, Effective: priority,
		Interval: time.Second, MasterInterval: time.Second, Down: 3414 * time.Millisecond, Source: netip.MustParseAddr(source), Addrs: prefixes(addrs...),
	}
}

func master(name, link string, vrid, priority uint8, since time.Duration, reason, source string, addrs ...string) status.Instance {
	v := instance(name, link, vrid, priority, since, reason, source, addrs)
	v.Role, v.Want = "MASTER", "MASTER"
	return v
}

func backup(name, link string, vrid, priority uint8, since time.Duration, reason, source, other string, others uint8, addrs ...string) status.Instance {
	v := instance(name, link, vrid, priority, since, reason, source, addrs)
	v.Role, v.Want = "BACKUP", "BACKUP"
	v.MasterHeard, v.MasterPriority, v.Heard = netip.MustParseAddr(other), others, ago(400*time.Millisecond)
	return v
}

func v6(v status.Instance) status.Instance {
	v.V6 = true
	return v
}

// lost is an instance whose script fails.
func lost(v status.Instance) status.Instance {
	v.Effective, v.Weights = v.Priority-80, -80
	v.Tracks = []status.Track{{Kind: "script", Name: "chk_postgres", Weight: -80}}
	return v
}

// balanced is the table of a node that has the traffic, or has not.
func balanced(traffic uint64) *status.Balanced {
	return &status.Balanced{At: uptime, Services: []status.Service{
		service("192.0.2.100:443", "wlc", 412*traffic, up("10.0.1.11:443", 100), up("10.0.1.12:443", 100), down("10.0.1.13:443", "connect to 10.0.1.13:443: connection refused"), drained("10.0.1.14:443")),
		service("192.0.2.101:80", "rr", 37*traffic, up("10.0.1.11:80", 1), up("10.0.1.12:80", 1)),
	}}
}

// service shares its connections among its servers as they weigh.
func service(address, scheduler string, rate uint64, servers ...status.Destination) status.Service {
	s := status.Service{Protocol: "TCP", Address: address, Scheduler: scheduler, Held: true, Destinations: servers}
	s.Counters.ConnRate = rate
	weight := uint64(0)
	for i := range servers {
		weight += uint64(servers[i].Weight)
	}
	for i := range servers {
		d := &servers[i]
		d.Counters.ConnRate = rate * uint64(d.Weight) / weight
		d.Active = uint32(d.Counters.ConnRate * 7)
	}
	s.Virtual = []status.Virtual{{Name: address, Up: true, Quorum: 1, Weight: weight}}
	return s
}

func up(address string, weight uint32) status.Destination {
	return status.Destination{Address: address, Forward: "Route", Weight: weight, Held: true, Health: "up", Since: ago(run)}
}

func down(address, why string) status.Destination {
	return status.Destination{Address: address, Forward: "Route", Health: "down", Since: ago(4 * time.Minute), Reason: why}
}

func drained(address string) status.Destination {
	return status.Destination{Address: address, Forward: "Route", Held: true, Health: "up", Since: ago(run), Order: "drained"}
}

// Events are what happened on the nodes of a Pair, by their names: a start, a cable that was pulled,
// a script that fails, a server that died, and one that was drained.
func Events(at time.Time) map[string][]status.Event {
	a, b := story{at: at}, story{at: at}
	for _, name := range []string{"web", "db", "web6"} {
		a.role(run, name, "INIT", "BACKUP", "init")
		b.role(run-30*time.Second, name, "INIT", "BACKUP", "init")
	}
	const cut, back, bad = 47 * time.Minute, 38 * time.Minute, 17 * time.Minute
	a.role(run-4*time.Second, "web", "BACKUP", "MASTER", "master down: nothing heard from anybody for 3.414s")
	a.role(run-4*time.Second, "db", "BACKUP", "MASTER", "master down: nothing heard from anybody for 3.414s")
	a.role(run-4*time.Second, "web6", "BACKUP", "MASTER", "master down: nothing heard from anybody for 3.414s")
	for _, who := range [][2]string{{"web", "192.0.2."}, {"web6", "fe80::"}} {
		name, network := who[0], who[1]
		a.role(cut, name, "MASTER", "FAULT", "interface eth0 down")
		b.role(cut-3*time.Second, name, "BACKUP", "MASTER", "master down: nothing heard from "+network+"1 for 3.609s")
		a.role(back+4*time.Second, name, "FAULT", "BACKUP", "interface eth0 up again")
		a.role(back, name, "BACKUP", "MASTER", "preempting "+network+"2 priority 100 with 150")
		b.role(back, name, "MASTER", "BACKUP", "preempted by "+network+"1 priority 150")
	}
	a.add(bad+time.Second, status.Event{Kind: status.TrackerEvent, Name: "chk_postgres", Of: "script", From: "good", To: "bad", Reason: "exited with status 1"})
	a.role(bad, "db", "MASTER", "BACKUP", "preempted by 10.0.5.2 priority 100")
	b.role(bad, "db", "BACKUP", "MASTER", "preempting 10.0.5.1 priority 70 with 100")
	for _, s := range []*story{&a, &b} {
		s.add(4*time.Minute, status.Event{Kind: status.ServerEvent, Name: "10.0.1.13:443", Of: "192.0.2.100:443", From: "up", To: "down", Reason: "connect to 10.0.1.13:443: connection refused"})
		s.add(3*time.Minute, status.Event{Kind: status.ActEvent, Name: "servers/drain", To: "done", Reason: "server=10.0.1.14:443", By: "uid 0 (pid 4711)"})
	}
	return map[string][]status.Event{"lb1": a.told(), "lb2": b.told()}
}

// story is what happened on a node, told from a moment on backwards.
type story struct {
	at   time.Time
	list []status.Event
}

func (s *story) add(ago time.Duration, e status.Event) {
	e.Time = s.at.Add(-ago)
	s.list = append(s.list, e)
}

// told is the story in the order in which it happened.
func (s *story) told() []status.Event {
	slices.SortStableFunc(s.list, func(a, b status.Event) int { return a.Time.Compare(b.Time) })
	return s.list
}

func (s *story) role(ago time.Duration, name, from, to, why string) {
	s.add(ago, status.Event{Kind: status.RoleEvent, Name: name, From: from, To: to, Reason: why})
}

// Many is a node with so many instances, 250 on an interface; the last is in FAULT.
func Many(n int, at time.Time) status.Node {
	s := node("lb1", 1, at)
	s.Router.Links = nil
	for i := range n {
		link := fmt.Sprintf("vlan%d", 100+i/250)
		v := master(fmt.Sprintf("V%04d", i), link, uint8(1+i%250), 100, run, "preempting 10.0.0.2 priority 90 with 100", "10.0.0.1", fmt.Sprintf("10.%d.%d.1/24", i/250, i%250))
		s.Router.Instances = append(s.Router.Instances, v)
	}
	last := &s.Router.Instances[n-1]
	last.Role, last.Reason = "FAULT", "interface "+last.Link+" down"
	return status.Node{Name: "lb1", Snapshot: s}
}
