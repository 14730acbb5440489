package lab

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/fault"
)

func writeProgram(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// planOf plans nodes a and b with the given instances.
func planOf(t *testing.T, given map[string]map[string][]netip.Prefix, a, b InstancePlan) *Plan {
	t.Helper()
	nodes := []*NodePlan{{Name: "a", Links: []string{a.Link}, Instances: []InstancePlan{a}}, {Name: "b", Links: []string{b.Link}, Instances: []InstancePlan{b}}}
	p, err := MakePlan(nodes, given)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func vip(link, prefix string) VIP { return VIP{link, netip.MustParsePrefix(prefix)} }

// addrs prints who has what: "a 192.0.2.1/24 b ... client ...".
func addrs(p *Plan, link string) string {
	var words []string
	for _, n := range p.Nodes {
		words = append(words, n.Name)
		for _, a := range n.Addrs[link] {
			words = append(words, a.String())
		}
	}
	words = append(words, "client")
	for _, a := range p.Client[link] {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

func TestAddressesAreInventedAroundTheVirtualOnes(t *testing.T) {
	addr := netip.MustParseAddr
	for name, row := range map[string]struct {
		a, b  InstancePlan
		given map[string]map[string][]netip.Prefix
		want  string
	}{
		"a /32 lies in a /24": {
			a:    InstancePlan{Link: "x", VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			b:    InstancePlan{Link: "x", VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			want: "a 192.0.2.2/24 b 192.0.2.3/24 client 192.0.2.254/24",
		},
		"a prefix is kept": {
			a:    InstancePlan{Link: "x", VIPs: []VIP{vip("x", "192.0.2.254/28")}},
			b:    InstancePlan{Link: "x", VIPs: []VIP{vip("x", "192.0.2.254/28")}},
			want: "a 192.0.2.241/28 b 192.0.2.242/28 client 192.0.2.253/28",
		},
		"sources are taken": {
			a:    InstancePlan{Link: "x", Source: addr("192.0.2.12"), VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			b:    InstancePlan{Link: "x", Source: addr("192.0.2.11"), VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			want: "a 192.0.2.12/24 b 192.0.2.11/24 client 192.0.2.254/24",
		},
		"a peer is whoever is not the one who names it": {
			a:    InstancePlan{Link: "x", Peers: []netip.Addr{addr("10.0.0.7")}, VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			b:    InstancePlan{Link: "x", Peers: []netip.Addr{addr("10.0.0.6")}, VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			want: "a 10.0.0.6/24 192.0.2.2/24 b 10.0.0.7/24 192.0.2.3/24 client 10.0.0.254/24 192.0.2.254/24",
		},
		"the lab file wins": {
			a:     InstancePlan{Link: "x", VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			b:     InstancePlan{Link: "x", VIPs: []VIP{vip("x", "192.0.2.1/32")}},
			given: map[string]map[string][]netip.Prefix{"b": {"x": {netip.MustParsePrefix("192.0.2.2/24")}}},
			want:  "a 192.0.2.3/24 b 192.0.2.2/24 client 192.0.2.254/24",
		},
		"link-local addresses need no network": {
			a:    InstancePlan{Link: "x", V6: true, VIPs: []VIP{vip("x", "fe80::1/64"), vip("x", "2001:db8::1/128")}},
			b:    InstancePlan{Link: "x", V6: true, VIPs: []VIP{vip("x", "fe80::1/64"), vip("x", "2001:db8::1/128")}},
			want: "a 2001:db8::2/64 b 2001:db8::3/64 client 2001:db8::fffe/64",
		},
		"a link whose addresses are elsewhere gets a network": {
			a:    InstancePlan{Link: "x", VIPs: []VIP{vip("lo", "192.0.2.1/32")}},
			b:    InstancePlan{Link: "x", VIPs: []VIP{vip("lo", "192.0.2.1/32")}},
			want: "a 198.18.0.1/24 b 198.18.0.2/24 client 198.18.0.254/24",
		},
	} {
		if got := addrs(planOf(t, row.given, row.a, row.b), "x"); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, row.want)
		}
	}
}

func TestNamesOfNodes(t *testing.T) {
	for arg, want := range map[string][2]string{
		"/etc/keepalived/ka67.conf": {"ka67", "/etc/keepalived/ka67.conf"},
		"left=/tmp/x.conf":          {"left", "/tmp/x.conf"},
		"/tmp/a=b/x.conf":           {"x", "/tmp/a=b/x.conf"},
	} {
		name, file := nodeName(arg)
		if got := [2]string{name, file}; got != want {
			t.Errorf("%s: %v, want %v", arg, got, want)
		}
	}
	nodes := []*NodePlan{{Name: "a", File: "x/a.conf"}, {Name: "a", File: "y/a.conf"}}
	if _, err := MakePlan(nodes, nil); err == nil || !strings.Contains(err.Error(), "NAME=y/a.conf") {
		t.Errorf("two nodes of one name: %v", err)
	}
}

func TestFaultsOnWhatDoesNotExistAreRefused(t *testing.T) {
	p := planOf(t, nil, InstancePlan{Link: "x"}, InstancePlan{Link: "x"})
	p.Nodes[0].Scripts = []ScriptPlan{{Name: "check"}}
	for text, good := range map[string]bool{
		"kill a": true, "kill c": false, "link-down a x": true, "link-down a y": false,
		"fail a check": true, "fail b check": false, "partition a | b": true, "partition a | c": false, "heal": true,
	} {
		f, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(f); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLabFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# who has what\na eth0 192.0.2.1/24 2001:db8::1/64\n\nb eth0 192.0.2.2/24 # other\n")
	got, err := readLabFile(file)
	want := "map[a:map[eth0:[192.0.2.1/24 2001:db8::1/64]] b:map[eth0:[192.0.2.2/24]]]"
	if err != nil || sprint(got) != want {
		t.Errorf("%v, %v", got, err)
	}
	write("a eth0 192.0.2.1/24\na eth0 192.0.2.1\n")
	if _, err := readLabFile(file); err == nil || !strings.Contains(err.Error(), ":2: ") {
		t.Errorf("a line without prefix length: %v", err)
	}
}

func TestConfigurationsAreRead(t *testing.T) {
	n, err := readNode("testdata/a.conf")
	if err != nil {
		t.Fatal(err)
	}
	n.File = filepath.Base(n.File)
	want := &NodePlan{
		Name: "a", File: "a.conf", Links: []string{"lan"},
		Scripts: []ScriptPlan{{"check", []string{"/etc/keepalived/check.sh", "now", "and", "then"}}},
		Instances: []InstancePlan{
			{Name: "web", Link: "lan", Interval: 1e8, Priority: 200, VIPs: []VIP{vip("lan", "192.0.2.9/24")}},
			{Name: "web6", Link: "lan", V6: true, Interval: 1e8, Priority: 200, VIPs: []VIP{vip("lan", "fe80::9/64"), vip("lan", "2001:db8::9/64")}},
		},
	}
	if diff := cmp.Diff(want, n, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	nodes, err := readExample()
	if err != nil || len(nodes) != 2 || nodes[0].Name != "node1" || nodes[1].Text == "" {
		t.Errorf("bundled example: %v, %v", nodes, err)
	}
}
