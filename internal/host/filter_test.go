package host

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// guarded is an address with a shield.
func guarded(link, prefix string, s Shield) Wish {
	return Wish{Addr: Addr{Link: link, Prefix: netip.MustParsePrefix(prefix)}, AddrOpts: AddrOpts{Preferred: Forever, Shield: s}}
}

// bench drives a Filter over a fake, and notes what it did.
type bench struct {
	t      *testing.T
	filter *Filter
	wall   *FakeFirewall
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, filter: NewFilter(), wall: NewFakeFirewall()}
	b.filter.Observe(State{Links: map[string]Link{"eth0": {Name: "eth0", Index: 7}}})
	b.want(Delta{Filter: &FilterConfig{Table: "keepalived", Priority: -1}})
	return b
}

func (b *bench) do(ops []FilterOp) string {
	var lines []string
	for _, op := range ops {
		b.filter.Done(op, b.wall.Do(op))
		lines = append(lines, op.String())
	}
	return strings.Join(lines, "\n")
}

func (b *bench) want(d Delta) (before, after string) {
	first, last := b.filter.Want(d)
	return b.do(first), b.do(last)
}

func (b *bench) check(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func TestTheFilterHoldsOnlyWhatIsInUse(t *testing.T) {
	tests := []struct {
		name  string
		wish  Wish
		table string
	}{
		{"an address that accepts", guarded("eth0", "10.0.0.1/24", Unshielded), ""},
		{"IPv4", guarded("eth0", "10.0.0.1/24", ShieldedByIndex), "table ip keepalived (vips) { 10.0.0.1 }"},
		{"IPv6", guarded("eth0", "2001:db8::1/64", ShieldedByIndex), "table ip6 keepalived (vips) { 2001:db8::1 }"},
		{"link-local by index", guarded("eth0", "fe80::1/64", ShieldedByIndex), "table ip6 keepalived (vips_link_local) { fe80::1 . 7 }"},
		{"link-local by name", guarded("eth0", "fe80::1/64", ShieldedByName), `table ip6 keepalived (vips_link_local_name) { fe80::1 . "eth0" }`},
		{"link-local on a link that is not there", guarded("eth1", "fe80::1/64", ShieldedByIndex), ""},
		{"IPv4 link-local is an address like others", guarded("eth0", "169.254.0.1/16", ShieldedByName), "table ip keepalived (vips) { 169.254.0.1 }"},
	}
	for _, test := range tests {
		b := newBench(t)
		b.want(Delta{Want: []Wish{test.wish}})
		b.check(test.name, b.wall.String(), test.table)
	}
}

// Leaving MASTER: firewall rules go after the addresses (section 2); becoming
// MASTER: before them.
func TestElementsComeBeforeAddressesAndGoAfterThem(t *testing.T) {
	b := newBench(t)
	one, two := guarded("eth0", "10.0.0.1/24", ShieldedByIndex), guarded("eth0", "10.0.0.2/24", ShieldedByIndex)
	before, after := b.want(Delta{Want: []Wish{one}})
	b.check("the first", before+"|"+after, "table ip keepalived (vips) { 10.0.0.1 }|")
	before, after = b.want(Delta{Want: []Wish{two}, Drop: []Addr{one.Addr}})
	b.check("one for another", before+"|"+after, "add element ip keepalived { 10.0.0.2 }|delete element ip keepalived { 10.0.0.1 }")
	before, after = b.want(Delta{Drop: []Addr{two.Addr}})
	b.check("the last", before+"|"+after, "|delete element ip keepalived { 10.0.0.2 }")
	b.check("the table stays for the next time", b.wall.String(), "table ip keepalived (vips) { }")
}

func TestAnAddressOnTwoLinksIsOneElement(t *testing.T) {
	b := newBench(t)
	here, there := guarded("eth0", "10.0.0.1/24", ShieldedByIndex), guarded("eth1", "10.0.0.1/24", ShieldedByIndex)
	b.want(Delta{Want: []Wish{here, there}})
	b.want(Delta{Drop: []Addr{here.Addr}})
	b.check("one of two", b.wall.String(), "table ip keepalived (vips) { 10.0.0.1 }")
	b.want(Delta{Drop: []Addr{there.Addr}})
	b.check("both", b.wall.String(), "table ip keepalived (vips) { }")
}

func TestAReloadUncoversAnAddressThatAcceptsNow(t *testing.T) {
	b := newBench(t)
	b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", ShieldedByIndex)}})
	_, after := b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", Unshielded)}})
	b.check("accepts", after, "delete element ip keepalived { 10.0.0.1 }")
	before, _ := b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", ShieldedByIndex)}, Drop: []Addr{{Link: "eth0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}}})
	b.check("changes owner", before, "add element ip keepalived { 10.0.0.1 }")
}

func TestALinkThatComesBackHasAnotherNumber(t *testing.T) {
	b := newBench(t)
	b.want(Delta{Want: []Wish{guarded("eth0", "fe80::1/64", ShieldedByIndex)}})
	b.do(b.filter.See(Change{Gone: true, Link: &Link{Name: "eth0", Index: 7}}))
	b.check("gone", b.wall.String(), "table ip6 keepalived (vips_link_local) { }")
	b.do(b.filter.See(Change{Link: &Link{Name: "eth0", Index: 9}}))
	b.check("back", b.wall.String(), "table ip6 keepalived (vips_link_local) { fe80::1 . 9 }")
	b.do(b.filter.Observe(State{Links: map[string]Link{}}))
	b.check("not among all", b.wall.String(), "table ip6 keepalived (vips_link_local) { }")
}

func TestAnotherPriorityMakesTheTableAnewAndAnotherNameMovesIt(t *testing.T) {
	b := newBench(t)
	b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", ShieldedByIndex)}})
	before, _ := b.want(Delta{Filter: &FilterConfig{Table: "keepalived", Priority: 5}})
	b.check("priority", before, "table ip keepalived (vips) { 10.0.0.1 }")
	before, _ = b.want(Delta{Filter: &FilterConfig{Table: "mine", Priority: 5}})
	b.check("name", before, "delete table ip keepalived\ntable ip mine (vips) { 10.0.0.1 }")
	before, _ = b.want(Delta{Filter: &FilterConfig{Table: "mine", Priority: 5}})
	b.check("as it was", before, "")
}

// A crash leaves tables; the next start replaces or removes them.
func TestAStartReplacesWhatAnEarlierRunLeft(t *testing.T) {
	b := newBench(t)
	b.wall.Do(FilterOp{FilterConfig: FilterConfig{Table: "keepalived"}, Whole: true, Sets: VIPs, Add: []Element{{Set: VIPs, Addr: netip.MustParseAddr("10.0.0.9")}}})
	b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", ShieldedByIndex)}})
	b.check("needed", b.wall.String(), "table ip keepalived (vips) { 10.0.0.1 }")
	b.check("swept", b.do(b.filter.Sweep()), "delete table ip6 keepalived")

	b = newBench(t)
	b.check("not needed", b.do(b.filter.Sweep()), "delete table ip keepalived\ndelete table ip6 keepalived")
	b.check("swept once", b.do(b.filter.Sweep()), "")
}

func TestWhatOthersChangeIsMadeAnew(t *testing.T) {
	b := newBench(t)
	b.check("a table of ours that we do not use", b.do(b.filter.Changed(FilterChange{})), "")
	b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", ShieldedByIndex)}})
	b.wall.Flush("nft")
	b.do(b.filter.Changed(FilterChange{}))
	b.check("flushed", b.wall.String(), "table ip keepalived (vips) { 10.0.0.1 }")
}

func TestWhatFailedIsTriedAgainAsAWhole(t *testing.T) {
	b := newBench(t)
	b.wall.Refuse(errors.New("no"))
	b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.1/24", ShieldedByIndex)}})
	b.want(Delta{Want: []Wish{guarded("eth0", "10.0.0.2/24", ShieldedByIndex)}})
	b.wall.Refuse(nil)
	b.check("retried", b.do(b.filter.Retry()), "table ip keepalived (vips) { 10.0.0.1, 10.0.0.2 }")
	b.check("once", b.do(b.filter.Retry()), "")
}

func TestTheEndRemovesTablesThatShieldNothing(t *testing.T) {
	b := newBench(t)
	one := guarded("eth0", "10.0.0.1/24", ShieldedByIndex)
	b.want(Delta{Want: []Wish{one}})
	b.check("an address stays", b.do(b.filter.Close()), "")
	b.want(Delta{Drop: []Addr{one.Addr}})
	b.check("none stays", b.do(b.filter.Close()), "delete table ip keepalived")
	b.check("nothing is left", b.wall.String(), "")
}

func TestVirtualMACInterfacesReportTheirGroupsByTheParent(t *testing.T) {
	b := newBench(t)
	four, six := VMAC{Index: 20, Parent: 7}, VMAC{V6: true, Index: 21, Parent: 7}
	b.do(b.filter.HoldVMACs([]VMAC{four, six}))
	b.check("two", b.wall.String(), "table ip keepalived (vmac_map) { 20 : 7 }\ntable ip6 keepalived (vmac_map) { 21 : 7 }")
	b.check("one goes", b.do(b.filter.HoldVMACs([]VMAC{six})), "delete element ip keepalived { 20 : 7 }")
	b.want(Delta{Want: []Wish{guarded("eth0", "2001:db8::1/64", ShieldedByIndex)}})
	b.check("beside addresses", b.wall.String(), "table ip keepalived (vmac_map) { }\ntable ip6 keepalived (vips vmac_map) { 2001:db8::1, 21 : 7 }")
}

// The neighbour adverts of a virtual MAC interface with the parent's address are dropped.
func TestVirtualMACInterfacesAreNotWhereTheirParentIs(t *testing.T) {
	b := newBench(t)
	guest := guarded("vrrp6.1", "fe80::1/128", Unadvertised)
	b.want(Delta{Want: []Wish{guest}})
	b.check("the interface is not there yet", b.wall.String(), "")
	b.do(b.filter.See(Change{Link: &Link{Name: "vrrp6.1", Index: 21}}))
	b.check("it came", b.wall.String(), "table ip6 keepalived (parent_link_local) { fe80::1 . 21 }")
	b.want(Delta{Drop: []Addr{guest.Addr}})
	b.check("the address goes", b.wall.String(), "table ip6 keepalived (parent_link_local) { }")
}

// Whatever happens in which order, the kernel holds what is wanted.
func TestTheFilterFollowsAnyOrderOfEvents(t *testing.T) {
	b := newBench(t)
	held := map[string]bool{}
	for step := range 2000 {
		n := step * 7919 % 13
		w := guarded("eth0", fmt.Sprintf("10.0.0.%d/24", n), ShieldedByIndex)
		switch step * 31 % 5 {
		case 0, 1:
			held[w.Prefix.Addr().String()] = true
			b.want(Delta{Want: []Wish{w}})
		case 2:
			delete(held, w.Prefix.Addr().String())
			b.want(Delta{Drop: []Addr{w.Addr}})
		case 3:
			b.wall.Flush("nft")
			b.do(b.filter.Changed(FilterChange{}))
		case 4:
			b.wall.Refuse(errors.New("no"))
			b.want(Delta{Want: []Wish{w}})
			held[w.Prefix.Addr().String()] = true
			b.wall.Refuse(nil)
			b.do(b.filter.Retry())
		}
		if n := strings.Count(b.wall.String(), "10.0.0."); n != len(held) {
			t.Fatalf("step %d: %d addresses are to be shielded: %s", step, len(held), b.wall)
		}
	}
}
