package nft

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/host"
	"holdfast/test/space"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// namespace puts the test into a network namespace of its own, with a veth pair
// v0 and v1 numbered 10 and 11.
func namespace(t testing.TB) {
	t.Helper()
	space.Own(t, "link add v0 index 10 type veth peer name v1 index 11")
}

func open(t testing.TB) *Firewall {
	t.Helper()
	f, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func do(t testing.TB, f *Firewall, op host.FilterOp) {
	t.Helper()
	if err := f.Do(op); err != nil {
		t.Fatalf("%s: %v", op, err)
	}
}

func usual() host.FilterConfig { return host.FilterConfig{Table: "keepalived", Priority: -1} }

func vip(text string) host.Element {
	a := netip.MustParseAddr(text)
	return host.Element{Set: host.VIPs, V6: a.Is6(), Addr: a}
}

// listing is `nft -j list ruleset`, one object to a line, without what differs
// from run to run.
func listing(t testing.TB) string {
	t.Helper()
	var all struct{ Nftables []map[string]map[string]any }
	if err := json.Unmarshal([]byte(space.Run(t, "nft -j list ruleset")), &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, object := range all.Nftables[1:] {
		for _, fields := range object {
			delete(fields, "handle")
		}
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return strings.Join(lines, "\n") + "\n"
}

// Section 14 of the reference, set by set: the tables are those that keepalived
// makes, as nft itself lists them.
func TestTablesAreLaidOutAsThoseOfKeepalived(t *testing.T) {
	namespace(t)
	linkLocal := netip.MustParseAddr("fe80::50")
	tests := []struct {
		name string
		op   host.FilterOp
	}{
		{"ipv4", host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Add: []host.Element{vip("10.9.0.50"), vip("10.9.0.51")}}},
		{"ipv4-counters", host.FilterOp{FilterConfig: host.FilterConfig{Table: "mine", Priority: 20, Counters: true}, Sets: host.VIPs}},
		{"ipv6", host.FilterOp{FilterConfig: usual(), V6: true, Sets: host.VIPs, Add: []host.Element{vip("2001:db8::50")}}},
		{"ipv6-link-local", host.FilterOp{FilterConfig: usual(), V6: true, Sets: host.VIPs | host.LinkLocalVIPs,
			Add: []host.Element{{Set: host.LinkLocalVIPs, V6: true, Addr: linkLocal, Index: 10}}}},
		{"ipv6-by-name", host.FilterOp{FilterConfig: usual(), V6: true, Sets: host.NamedVIPs,
			Add: []host.Element{{Set: host.NamedVIPs, V6: true, Addr: linkLocal, Name: "v0"}}}},
		{"ipv4-vmac", host.FilterOp{FilterConfig: usual(), Sets: host.VMACs | host.VIPs,
			Add: []host.Element{{Set: host.VMACs, Index: 11, Parent: 10}}}},
		{"ipv6-vmac", host.FilterOp{FilterConfig: usual(), V6: true, Sets: host.VMACs,
			Add: []host.Element{{Set: host.VMACs, V6: true, Index: 11, Parent: 10}}}},
		{"ipv6-parent", host.FilterOp{FilterConfig: usual(), V6: true, Sets: host.VMACs | host.Parents,
			Add: []host.Element{{Set: host.Parents, V6: true, Addr: linkLocal, Index: 11}}}},
	}
	f := open(t)
	for _, test := range tests {
		test.op.Whole = true
		do(t, f, test.op)
		golden(t, test.name, listing(t))
		test.op.Sets, test.op.Add = 0, nil
		do(t, f, test.op)
		if left := listing(t); left != "\n" {
			t.Errorf("%s: removed, and yet there is\n%s", test.name, left)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
}

func TestElementsComeAndGoWithoutTheTable(t *testing.T) {
	namespace(t)
	f := open(t)
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true, Sets: host.VIPs, Add: []host.Element{vip("10.0.0.1")}})
	do(t, f, host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Add: []host.Element{vip("10.0.0.2")}})
	do(t, f, host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Del: []host.Element{vip("10.0.0.1")}})
	got := space.Run(t, "nft list set ip keepalived vips")
	if !strings.Contains(got, "elements = { 10.0.0.2 }") {
		t.Errorf("the set is\n%s", got)
	}
}

func TestATransactionIsDoneWholeOrNotAtAll(t *testing.T) {
	namespace(t)
	f := open(t)
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true, Sets: host.VIPs})
	err := f.Do(host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Add: []host.Element{vip("10.0.0.1")}, Del: []host.Element{vip("10.0.0.9")}})
	if err == nil || !strings.Contains(err.Error(), "change the nftables table ip keepalived: ") {
		t.Errorf("removing what is not there: %v", err)
	}
	if got := space.Run(t, "nft list set ip keepalived vips"); strings.Contains(got, "10.0.0.1") {
		t.Errorf("half of it was done:\n%s", got)
	}
	do(t, f, host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Add: []host.Element{vip("10.0.0.1")}})
}

// What a start does when nothing is to be shielded.
func TestRemovingSparesATableOfSomebodyElse(t *testing.T) {
	namespace(t)
	f := open(t)
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true}) // there is none: no error
	space.Run(t, "nft add table ip keepalived")
	space.Run(t, "nft add set ip keepalived mine { type ipv4_addr; }")
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true})
	if got := space.Run(t, "nft list ruleset"); !strings.Contains(got, "set mine") {
		t.Errorf("a table of somebody else is gone:\n%s", got)
	}
	space.Run(t, "nft add set ip keepalived vips { type ipv4_addr; }")
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true})
	if got := space.Run(t, "nft list ruleset"); got != "" {
		t.Errorf("what keepalived left is still there:\n%s", got)
	}
}

func TestALongSilenceBetweenTwoTransactionsDoesNoHarm(t *testing.T) {
	namespace(t)
	f := open(t)
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true, Sets: host.VIPs})
	if err := f.sock.SetReadDeadline(time.Unix(1, 0)); err != nil { // as after a while
		t.Fatal(err)
	}
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true})
	if got := space.Run(t, "nft list ruleset"); got != "" {
		t.Errorf("not removed:\n%s", got)
	}
}

func TestFourThousandAddressesGoInOneTransaction(t *testing.T) {
	namespace(t)
	f := open(t)
	do(t, f, host.FilterOp{FilterConfig: usual(), Whole: true, Sets: host.VIPs})
	var list []host.Element
	for i := range 4000 {
		list = append(list, vip(fmt.Sprintf("10.1.%d.%d", i/250, 1+i%250)))
	}
	begun := time.Now()
	do(t, f, host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Add: list})
	t.Logf("4,000 elements added in %s", time.Since(begun))
	if n := strings.Count(space.Run(t, "nft list set ip keepalived vips"), "10.1."); n != 4000 {
		t.Errorf("%d elements, want 4,000", n)
	}
	do(t, f, host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Del: list})
	if got := space.Run(t, "nft list set ip keepalived vips"); strings.Contains(got, "elements") {
		t.Errorf("left over:\n%s", got)
	}
}

// What others do is told, with their name; what we do is not.
func TestWatchTellsWhatOthersDo(t *testing.T) {
	namespace(t)
	f := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	changes := make(chan host.FilterChange, 16)
	go func() { _ = f.Watch(ctx, func(c host.FilterChange) { changes <- c }) }()

	whole := host.FilterOp{FilterConfig: usual(), Whole: true, Sets: host.VIPs, Add: []host.Element{vip("10.0.0.1")}}
	for _, strange := range []string{
		"nft delete element ip keepalived vips { 10.0.0.1 }", "nft flush chain ip keepalived in", "nft delete table ip keepalived", "nft flush ruleset",
	} {
		do(t, f, whole)
		do(t, f, host.FilterOp{FilterConfig: usual(), Sets: host.VIPs, Add: []host.Element{vip("10.0.0.2")}})
		space.Run(t, "nft add table ip other")
		space.Run(t, strange)
		select {
		case c := <-changes:
			if c.V6 || !strings.HasPrefix(c.By, "nft, process ") {
				t.Errorf("%s: told %+v", strange, c)
			}
		case <-ctx.Done():
			t.Fatalf("%s: told nothing", strange)
		}
	}
	if len(changes) > 0 {
		t.Errorf("told too much: %+v", <-changes)
	}
}
