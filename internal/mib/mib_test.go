package mib

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/balancer"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/golden"
	"holdfast/internal/lvs"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// source is a node with the configuration of testdata, as it stands after a while.
func source(t *testing.T) *Source {
	t.Helper()
	text, err := os.ReadFile("testdata/rich.conf")
	if err != nil {
		t.Fatal(err)
	}
	tree, found := conf.Parse(conf.MemoryFiles{"k.conf": string(text)}, "k.conf", conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node"})
	for _, d := range append(found, more...) {
		if d.Severity == conf.Error {
			t.Fatal(d)
		}
	}
	return &Source{
		Source: &dump.Source{
			Router: snapshot(c), Wanted: router.Part(c), Global: &c.Global, Scripts: c.Scripts, Files: c.Files, Processes: c.Processes,
			Instances: instances(c), Groups: groups(c), Tallies: map[string]tracker.Tally{"sl": {N: 2, Good: true}},
		},
		Servers: Servers{Virtual: c.VirtualServers, Groups: c.ServerGroups, Now: balanced(c)},
		Version: "holdfast", Begun: mono.Instant(time.Second),
		Past: map[string]Past{"V1": {Left: mono.Instant(3 * time.Second), Flaw: 3}},
	}
}

func instances(c *config.Config) map[string]dump.Told {
	all := map[string]dump.Told{}
	for i := range c.Instances {
		inst := &c.Instances[i]
		all[inst.VRRP.Name] = dump.Told{Scripts: inst.Notify, NoAccept: inst.NoAccept, Promote: inst.PromoteSecondaries}
	}
	return all
}

func groups(c *config.Config) map[string]dump.Told {
	all := map[string]dump.Told{}
	for _, g := range c.Groups {
		all[g.Name] = dump.Told{Scripts: g.Notify, Tracks: g.Tracks}
	}
	return all
}

// balanced has all servers alive but the sorry server, and counters that differ and do not
// fit 32 bits.
func balanced(c *config.Config) (list []status.VirtualServer) {
	n := uint64(1 << 32)
	next := func() uint64 { n++; return n }
	counters := func() status.Counters {
		return status.Counters{Conns: next(), InPackets: next(), OutPackets: next(), InBytes: next(), OutBytes: next(), ConnRate: next(), InPacketRate: next(), OutPacketRate: next(), InByteRate: next(), OutByteRate: next()}
	}
	for _, v := range c.VirtualServers {
		one := status.VirtualServer{Up: true, Counters: counters()}
		if v.Sorry != nil {
			one.Servers = append(one.Servers, status.Server{Counters: counters()})
		}
		for _, r := range v.RealServers {
			one.Servers = append(one.Servers, status.Server{Alive: true, Weight: uint32(r.Weight), Failed: 1, Active: 2, Inactive: 3, Persistent: 4, Counters: counters()})
		}
		list = append(list, one)
	}
	return list
}

// snapshot has every second instance as BACKUP of somebody else, and numbers that differ.
func snapshot(c *config.Config) *status.Router {
	s := &status.Router{At: mono.Instant(10 * time.Second), Unknown: 3, Refused: []status.Count{{What: "bad version", N: 4}, {What: "bad checksum", N: 5}}}
	for i := range c.Instances {
		v := &c.Instances[i].VRRP
		n := status.Instance{Name: v.Name, Link: v.Link, VRID: v.VRID, V6: v.V6, Version: v.Version, Role: "MASTER", Want: "MASTER", Since: mono.Instant(4 * time.Second), Reason: "preempting",
			Priority: v.Priority, Effective: v.Priority - 1, Interval: v.Interval, Source: netip.MustParseAddr("10.0.0.1"), MasterHeard: netip.MustParseAddr("10.0.0.2"),
			Stats: status.Stats{AdvertRcvd: 1, BecomeMaster: 3, PacketLenErr: 5, TTLErr: 6, InvalidTypeRcvd: 7, AdvertIntervalErr: 8, AddrListErr: 9, InvalidAuthtype: 10, AuthtypeMismatch: 11, AuthFailure: 12,
				PriZeroRcvd: 19, PriZeroSent: 21, VersionErr: 22, ChecksumErr: 23}}
		if i%2 == 1 {
			n.Role, n.Want = "BACKUP", "BACKUP"
		}
		if v.V6 {
			n.Source = netip.MustParseAddr("fe80::1")
		}
		s.Instances = append(s.Instances, n)
	}
	s.Groups = []status.Group{{Name: "G", Role: "MASTER", Members: []string{"V1", "V2"}}}
	s.Instances[0].Group, s.Instances[1].Group = "G", "G"
	s.Links = []status.Link{{Name: "lo", Index: 1}, {Name: "eth1", Index: 2, MAC: [6]byte{2, 0, 0, 0, 0, 2}}, {Name: "eth0", Index: 3, MAC: [6]byte{2, 0, 0, 0, 0, 3}}, {Name: "vrrp.17", Index: 4, MAC: [6]byte{0, 0, 0x5e, 0, 1, 17}}}
	s.Trackers = []status.Tracker{{Kind: "script", Name: "ok", State: "good"}, {Kind: "file", Name: "level", State: "good", Value: 3}}
	s.Sessions = []status.Session{{Name: "nb", State: "Up"}}
	return s
}

func everything() Parts {
	return Parts{Global: true, VRRP: true, Checker: true, RFC2787: true, RFC6527: true}
}

// walk lists all objects as a manager walks them.
func walk(t *Tree) (lines []string) {
	var at wire.OID
	for {
		b := t.Next(wire.Range{Start: at})
		if b.Kind == wire.EndOfView {
			return lines
		}
		lines = append(lines, line(b))
		at = b.Name
	}
}

func line(b wire.Binding) string {
	name := b.Name.String()
	for root, word := range map[string]string{keepalived().String(): "keepalived", rfc2787().String(): "rfc2787", rfc6527().String(): "rfc6527"} {
		name = strings.Replace(name, root, word, 1)
	}
	switch b.Kind {
	case wire.Integer:
		return fmt.Sprintf("%s = %d", name, b.Signed())
	case wire.Octets:
		if strings.ContainsFunc(string(b.Bytes), func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Sprintf("%s = % x", name, b.Bytes)
		}
		return fmt.Sprintf("%s = %q", name, b.Bytes)
	case wire.IPAddress:
		return fmt.Sprintf("%s = %d", name, b.Bytes)
	}
	return fmt.Sprintf("%s = %s %d", name, map[wire.Kind]string{wire.Counter32: "c32", wire.Counter64: "c64", wire.Gauge32: "gauge", wire.TimeTicks: "ticks"}[b.Kind], b.Number)
}

// Reference, interfaces section 14: the tables of the three MIBs. The values are those
// that snmpwalk got of keepalived for the same file, but for what test/life says differs.
func TestTheTablesOfARichConfiguration(t *testing.T) {
	golden.Check(t, "testdata/rich.walk", strings.Join(walk(Draw(source(t), everything())), "\n")+"\n")
}

func TestAWalkIsInOrder(t *testing.T) {
	tree := Draw(source(t), everything())
	var last wire.OID
	for {
		b := tree.Next(wire.Range{Start: last})
		if b.Kind == wire.EndOfView {
			break
		}
		if b.Name.Compare(last) <= 0 {
			t.Fatalf("%s comes after %s", b.Name, last)
		}
		if got := tree.Get(b.Name); !cmp.Equal(got, b.Value) {
			t.Errorf("get %s: %v, walked: %v", b.Name, got, b.Value)
		}
		if again := tree.Next(wire.Range{Start: b.Name, Include: true}); again.Name.Compare(b.Name) != 0 {
			t.Errorf("from %s on, included, comes %s", b.Name, again.Name)
		}
		last = b.Name
	}
}

// Reference, interfaces section 14: each part is served by itself.
func TestOnlyThePartsThatAreAskedForAreServed(t *testing.T) {
	for name, p := range map[string]Parts{"global": {Global: true}, "vrrp": {VRRP: true}, "checker": {Checker: true}, "rfc 2787": {RFC2787: true}, "rfc 6527": {RFC6527: true}, "nothing": {}} {
		t.Run(name, func(t *testing.T) {
			roots := p.Roots()
			tree := Draw(source(t), p)
			for _, l := range everythingIn(tree) {
				if !slices.ContainsFunc(roots, func(r wire.OID) bool { return r.Begins(l) }) {
					t.Errorf("%s is not below %v", l, roots)
				}
			}
			if len(everythingIn(tree)) == 0 && len(roots) > 0 {
				t.Error("it is empty")
			}
		})
	}
}

func everythingIn(t *Tree) (names []wire.OID) {
	for at := (wire.OID{}); ; {
		b := t.Next(wire.Range{Start: at})
		if b.Kind == wire.EndOfView {
			return names
		}
		names = append(names, b.Name)
		at = b.Name
	}
}

func TestWhatThereIsNot(t *testing.T) {
	tree := Draw(source(t), everything())
	for _, c := range []struct {
		name string
		at   wire.OID
		want wire.Kind
	}{
		{"a column that the table has not", keepalived(2, 3, 1, 99, 1), wire.NoSuchObject},
		{"a row that there is not", keepalived(2, 3, 1, 2, 99), wire.NoSuchInstance},
		{"a cell that a row has not", keepalived(2, 3, 1, 22, 2), wire.NoSuchInstance},
		{"a table by itself", keepalived(2, 3), wire.NoSuchObject},
		{"a scalar without its 0", keepalived(1, 1), wire.NoSuchInstance},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := tree.Get(c.at).Kind; got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func TestARangeEnds(t *testing.T) {
	tree := Draw(source(t), everything())
	r := wire.Range{Start: keepalived(1, 2, 0), End: keepalived(1, 3)}
	if b := tree.Next(r); b.Kind != wire.EndOfView || b.Name.Compare(r.Start) != 0 {
		t.Errorf("got %s", line(b))
	}
}

// turn is a change of a real server, or of the quorum with real -1; one server lives.
func turn(s *Source, virtual, real int, up, ends bool) *balancer.Turn {
	t := &balancer.Turn{Virtual: &s.Servers.Virtual[virtual], Up: up, Ends: ends, Servers: []*lvs.Server{{Alive: true}, {}}}
	if real >= 0 {
		t.Real = &t.Virtual.RealServers[real]
	}
	return t
}

// Reference, interfaces section 14: the varbinds of the traps.
func TestTraps(t *testing.T) {
	s := &Speaker{RouterID: "node", Masters: map[string]bool{"V2": true}}
	src := source(t)
	for _, c := range []struct {
		name  string
		traps []Trap
		want  []string
	}{
		{"an instance", []Trap{s.Change(&vrrp.Change{Name: "V2", To: vrrp.Master})},
			[]string{"keepalived.2.10.0.2", `keepalived.2.3.1.2 = "V2"`, "keepalived.2.3.1.4 = 2", "keepalived.2.3.1.5 = 2", `keepalived.1.2.0 = "node"`}},
		{"an instance at the stop", []Trap{s.Change(&vrrp.Change{Name: "V1", To: vrrp.Stopped})},
			[]string{"keepalived.2.10.0.2", `keepalived.2.3.1.2 = "V1"`, "keepalived.2.3.1.4 = 5", "keepalived.2.3.1.5 = 1", `keepalived.1.2.0 = "node"`}},
		{"an instance that is deleted", []Trap{s.Change(&vrrp.Change{Name: "V1", To: vrrp.Deleted})},
			[]string{"keepalived.2.10.0.2", `keepalived.2.3.1.2 = "V1"`, "keepalived.2.3.1.4 = 6", "keepalived.2.3.1.5 = 1", `keepalived.1.2.0 = "node"`}},
		{"a group", []Trap{s.Change(&vrrp.Change{Name: "G", Group: true, To: vrrp.Fault})},
			[]string{"keepalived.2.10.0.1", `keepalived.2.1.1.2 = "G"`, "keepalived.2.1.1.3 = 3", `keepalived.1.2.0 = "node"`}},
		{"a new master of version 3", NewMaster(src, everything(), &vrrp.Change{Name: "V1", To: vrrp.Master, Reason: "handed over by 10.0.0.2 with priority 0"}),
			[]string{"rfc6527.0.1", "rfc6527.1.1.1.1.3.3.7.1 = 0a 00 00 01", "rfc6527.1.2.5.1.2.3.7.1 = 1"}},
		{"a new master of version 2", NewMaster(src, everything(), &vrrp.Change{Name: "V2", To: vrrp.Master}),
			[]string{"rfc2787.0.1", "rfc2787.1.3.1.7.3.8 = [10 0 0 1]"}},
		{"a new master that nobody asked for", NewMaster(src, Parts{VRRP: true}, &vrrp.Change{Name: "V2", To: vrrp.Master}), nil},
		{"a real server of a service by address", []Trap{s.Turn(turn(src, 0, 0, true, false))},
			[]string{"keepalived.3.5.0.1", "keepalived.3.4.1.3 = 1", "keepalived.3.4.1.4 = 0a 00 02 0b", "keepalived.3.4.1.5 = gauge 80", "keepalived.3.4.1.6 = 1", "keepalived.3.3.1.2 = 2",
				"keepalived.3.3.1.5 = 1", "keepalived.3.3.1.6 = 0a 00 01 32", "keepalived.3.3.1.7 = gauge 80", "keepalived.3.3.1.8 = 1", "keepalived.3.3.1.21 = gauge 1", "keepalived.3.3.1.20 = gauge 2", `keepalived.1.2.0 = "node"`}},
		{"a real server of a service by mark", []Trap{s.Turn(turn(src, 1, 0, false, false))},
			[]string{"keepalived.3.5.0.1", "keepalived.3.4.1.3 = 1", "keepalived.3.4.1.4 = 0a 00 02 0b", "keepalived.3.4.1.5 = gauge 0", "keepalived.3.4.1.6 = 2", "keepalived.3.3.1.2 = 1",
				"keepalived.3.3.1.4 = gauge 9", "keepalived.3.3.1.8 = 2", "keepalived.3.3.1.21 = gauge 1", "keepalived.3.3.1.20 = gauge 1", `keepalived.1.2.0 = "node"`}},
		{"a quorum of a service by group", []Trap{s.Turn(turn(src, 2, -1, false, false))},
			[]string{"keepalived.3.5.0.2", "keepalived.3.3.1.2 = 3", `keepalived.3.3.1.3 = "web"`, "keepalived.3.3.1.8 = 2", "keepalived.3.3.1.23 = 2", "keepalived.3.3.1.22 = gauge 1", "keepalived.3.3.1.21 = gauge 1", "keepalived.3.3.1.20 = gauge 1", `keepalived.1.2.0 = "node"`}},
		{"a quorum at the stop", []Trap{s.Turn(turn(src, 2, -1, false, true))},
			[]string{"keepalived.3.5.0.2", "keepalived.3.3.1.2 = 3", `keepalived.3.3.1.3 = "web"`, "keepalived.3.3.1.8 = 2", "keepalived.3.3.1.23 = 3", "keepalived.3.3.1.22 = gauge 1", "keepalived.3.3.1.21 = gauge 1", "keepalived.3.3.1.20 = gauge 1", `keepalived.1.2.0 = "node"`}},
		{"a wrong password", Complaint(everything(), &vrrp.Note{Kind: vrrp.NotePassword, Addr: netip.MustParseAddr("10.0.0.2")}),
			[]string{"rfc2787.0.2", "rfc2787.1.5.0 = [10 0 0 2]", "rfc2787.1.6.0 = 3"}},
		{"a wrong checksum", Complaint(everything(), &vrrp.Note{Kind: vrrp.NoteChecksum}), []string{"rfc6527.0.2", "rfc6527.1.2.5.1.6 = 3"}},
		{"something else", Complaint(everything(), &vrrp.Note{Kind: vrrp.NoteInterval}), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, trap := range c.traps {
				got = append(got, strings.TrimSuffix(line(wire.Binding{Name: trap.Name, Value: wire.Value{Kind: wire.Integer}}), " = 0"))
				for _, b := range trap.With {
					got = append(got, line(b))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
