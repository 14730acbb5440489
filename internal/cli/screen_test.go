package cli_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/internal/cli"
	"holdfast/internal/golden"
	"holdfast/internal/status"
)

// node is a snapshot of a director: a MASTER with a bad tracker, a BACKUP, one in FAULT.
func node() *status.Snapshot {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	vips := []netip.Prefix{netip.MustParsePrefix("10.0.0.100/32"), netip.MustParsePrefix("10.0.0.101/24")}
	track := []status.Track{{Kind: "script", Name: "chk", Weight: -30}, {Kind: "interface", Name: "eth9"}}
	return &status.Snapshot{
		Node: "ka1", Build: status.Build{Version: "1.0"}, At: 1000e9, Time: at,
		Worker: status.Worker{Loaded: at.Add(-time.Hour), Reloads: status.Reloads{Taken: 2, Refused: 1}},
		Router: &status.Router{
			At: 1000e9, RealTime: "SCHED_RR 30", Lateness: 1200 * time.Microsecond,
			Instances: []status.Instance{
				{Name: "V", Link: "eth0", VRID: 7, Role: "MASTER", Want: "MASTER", Since: 700e9, Reason: "master down: nothing heard from 10.0.0.2 for 3.609s", Priority: 150, Effective: 120, Addrs: vips, Source: netip.MustParseAddr("10.0.0.1"), Tracks: track},
				{Name: "W", Link: "eth1", VRID: 8, Role: "BACKUP", Want: "BACKUP", Since: 10e9, Reason: "init", Priority: 100, Effective: 100, MasterHeard: netip.MustParseAddr("10.1.0.2"), MasterPriority: 200, Heard: 999e9, Down: 3609 * time.Millisecond, Addrs: vips[:1], NoPreempt: true},
				{Name: "X", Link: "eth9", VRID: 9, Role: "FAULT", Want: "FAULT", Since: 990e9, Reason: "interface eth9 down", Priority: 100, Effective: 100, Faults: 1},
			},
			Trackers: []status.Tracker{{Kind: "interface", Name: "eth9", State: "bad", Why: "interface eth9 down"}, {Kind: "script", Name: "chk", State: "bad", Why: "exited with status 1"}},
		},
		Balanced: &status.Balanced{At: 1000e9, Services: []status.Service{{
			Protocol: "TCP", Address: "10.0.0.100:80", Held: true, Counters: status.Counters{ConnRate: 12}, Virtual: []status.Virtual{{Name: "v", Up: true, Quorum: 1, Weight: 2}},
			Destinations: []status.Destination{
				{Address: "10.2.0.1:80", Weight: 2, Held: true, Active: 30, Health: "up", Since: 100e9},
				{Address: "10.2.0.2:80", Health: "down", Since: 940e9, Reason: "connect to 10.2.0.2:80: connection refused"},
				{Address: "10.2.0.3:80", Held: true, Active: 3, Health: "up", Since: 100e9, Order: "drained"},
			},
		}}},
	}
}

func TestTheStatusOfANode(t *testing.T) {
	golden.Check(t, "testdata/status.txt", cli.Status([]status.Node{{Snapshot: node()}}, 0))
}

func TestWhatIsNotThePresentIsMarked(t *testing.T) {
	nodes := []status.Node{{Name: "a", Snapshot: node()}, {Name: "b", Snapshot: node(), Trouble: "connection refused", Age: 90 * time.Second}, {Name: "c", Trouble: "no such file"}}
	text := cli.Status(nodes, 0)
	for _, want := range []string{"\nb: STALE: seen 1m30s ago: connection refused\n", "\nc: UNREACHABLE: no such file\n", "\nb (stale)  V ", "\na          V "} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// A screen that is too small shows what asks for attention.
func TestASmallScreenShowsWhatAsksForAttentionFirst(t *testing.T) {
	s := node()
	for i := range 4000 {
		v := s.Router.Instances[1]
		v.Name = fmt.Sprint("W", i)
		s.Router.Instances = append(s.Router.Instances, v)
	}
	text := cli.Status([]status.Node{{Snapshot: s}}, 24)
	if n := strings.Count(text, "\n"); n > 24 {
		t.Errorf("it has %d lines", n)
	}
	if !strings.Contains(text, "\nX ") || !strings.Contains(text, "more instances") {
		t.Errorf("it shows:\n%s", text)
	}
}

func TestWhy(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 0, 0, 0, time.Local)
	events := []status.Event{
		{Time: at, Kind: status.RoleEvent, Name: "V", From: "INIT", To: "BACKUP", Reason: "init"},
		{Time: at, Kind: status.RoleEvent, Name: "W", From: "INIT", To: "BACKUP", Reason: "init"},
		{Time: at.Add(time.Second), Kind: status.TrackerEvent, Of: "script", Name: "chk", From: "good", To: "bad", Reason: "exited with status 1"},
		{Time: at.Add(2 * time.Second), Kind: status.ActEvent, Name: "handover", To: "done", Reason: "instance=V", By: "uid 0 (pid 7)"},
	}
	for _, name := range []string{"V", "W", "X"} {
		text, ok := cli.Why(node(), events, name)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		golden.Check(t, "testdata/why-"+name+".txt", text)
	}
	if _, ok := cli.Why(node(), events, "Y"); ok {
		t.Error("there is a Y")
	}
}
