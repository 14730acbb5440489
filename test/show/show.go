// Package show has nodes to be looked at, for tests of what looks at them, and for the pictures in
// the documentation: a pair of load balancers with a bad day behind it.
package show

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// uptime is how long the machines have run.
const uptime = mono.Instant(93 * 24 * time.Hour)

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
		master("web", "eth0", 51, 150, 41*time.Hour, "master down: nothing heard from 192.0.2.2 for 3.414s", "192.0.2.1", "192.0.2.100/24", "192.0.2.101/24"),
		lost(backup("db", "eth1", 52, 150, 17*time.Minute, "preempted by 10.0.5.2 priority 100", "10.0.5.1", "10.0.5.2", 100, "10.0.5.10/24")),
		v6(master("web6", "eth0", 51, 150, 41*time.Hour, "master down: nothing heard from fe80::2 for 3.414s", "fe80::1", "fe80::51/64", "2001:db8::100/64")),
	}
	one.Router.Trackers = []status.Tracker{{Kind: "script", Name: "chk_postgres", State: "bad", Why: "exited with status 1"}}
	two.Router.Instances = []status.Instance{
		backup("web", "eth0", 51, 100, 41*time.Hour, "preempted by 192.0.2.1 priority 150", "192.0.2.2", "192.0.2.1", 150, "192.0.2.100/24", "192.0.2.101/24"),
		master("db", "eth1", 52, 100, 17*time.Minute, "preempting 10.0.5.1 priority 70 with 100", "10.0.5.2", "10.0.5.10/24"),
		v6(backup("web6", "eth0", 51, 100, 41*time.Hour, "preempted by fe80::1 priority 150", "fe80::2", "fe80::1", 150, "fe80::51/64", "2001:db8::100/64")),
	}
	one.Balanced = balanced(1)
	two.Balanced = balanced(0)
	return []status.Node{{Name: "lb1", Snapshot: one}, {Name: "lb2", Snapshot: two}}
}

func node(name string, number byte, at time.Time) *status.Snapshot {
	own := func(network string) []netip.Prefix { return prefixes(fmt.Sprintf(network, number)) }
	return &status.Snapshot{
		Form: status.Form, Node: name, Build: status.Build{Version: "1.0", Go: "go1.26"}, At: uptime, Time: at,
		Worker: status.Worker{Started: at.Add(-41 * time.Hour), File: "/etc/keepalived/keepalived.conf", Loaded: at.Add(-41 * time.Hour), Reloads: status.Reloads{Taken: 3}},
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
	return status.Destination{Address: address, Forward: "Route", Weight: weight, Held: true, Health: "up", Since: ago(41 * time.Hour)}
}

func down(address, why string) status.Destination {
	return status.Destination{Address: address, Forward: "Route", Health: "down", Since: ago(4 * time.Minute), Reason: why}
}

func drained(address string) status.Destination {
	return status.Destination{Address: address, Forward: "Route", Held: true, Health: "up", Since: ago(41 * time.Hour), Order: "drained"}
}

// Events are what happened on the nodes of a Pair, by their names.
func Events(at time.Time) map[string][]status.Event {
	before := func(d time.Duration) time.Time { return at.Add(-d) }
	const day = 41 * time.Hour
	event := func(d time.Duration, kind, name, from, to, reason string) status.Event {
		return status.Event{Time: before(d), Kind: kind, Name: name, From: from, To: to, Reason: reason}
	}
	script := func(d time.Duration, from, to, why string) status.Event {
		e := event(d, status.TrackerEvent, "chk_postgres", from, to, why)
		e.Of = "script"
		return e
	}
	server := func(d time.Duration, from, to, why string) status.Event {
		e := event(d, status.ServerEvent, "10.0.1.13:443", from, to, why)
		e.Of = "192.0.2.100:443"
		return e
	}
	return map[string][]status.Event{
		"lb1": {
			event(day+9*time.Second, status.RoleEvent, "web", "INIT", "BACKUP", "init"), event(day+9*time.Second, status.RoleEvent, "db", "INIT", "BACKUP", "init"), event(day+9*time.Second, status.RoleEvent, "web6", "INIT", "BACKUP", "init"),
			event(day, status.RoleEvent, "web", "BACKUP", "MASTER", "master down: nothing heard from 192.0.2.2 for 3.414s"), event(day, status.RoleEvent, "db", "BACKUP", "MASTER", "master down: nothing heard from 10.0.5.2 for 3.414s"),
			event(day, status.RoleEvent, "web6", "BACKUP", "MASTER", "master down: nothing heard from fe80::2 for 3.414s"),
			script(17*time.Minute+time.Second, "good", "bad", "exited with status 1"), event(17*time.Minute, status.RoleEvent, "db", "MASTER", "BACKUP", "preempted by 10.0.5.2 priority 100"),
			server(4*time.Minute, "up", "down", "connect to 10.0.1.13:443: connection refused"),
			{Time: before(3 * time.Minute), Kind: status.ActEvent, Name: "servers/drain", To: "done", Reason: "server=10.0.1.14:443", By: "uid 0 (pid 4711)"},
		},
		"lb2": {
			event(day+time.Second, status.RoleEvent, "web", "MASTER", "BACKUP", "preempted by 192.0.2.1 priority 150"), event(day+time.Second, status.RoleEvent, "db", "MASTER", "BACKUP", "preempted by 10.0.5.1 priority 150"),
			event(day+time.Second, status.RoleEvent, "web6", "MASTER", "BACKUP", "preempted by fe80::1 priority 150"),
			event(17*time.Minute, status.RoleEvent, "db", "BACKUP", "MASTER", "preempting 10.0.5.1 priority 70 with 100"),
			server(4*time.Minute, "up", "down", "connect to 10.0.1.13:443: connection refused"),
		},
	}
}
