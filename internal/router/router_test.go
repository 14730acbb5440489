package router_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// bench is a router on a machine whose kernel does what it is asked at once.
type bench struct {
	t    *testing.T
	r    *router.Router
	now  mono.Instant
	fx   router.Effects
	held map[host.Addr]bool
	log  []string // kernel operations and announcements, in order
}

func newBench(t *testing.T, past func(vrrp.Key) (vrrp.Memory, bool), found ...host.Addr) *bench {
	b := &bench{t: t, r: router.New(past, rand.New(rand.NewPCG(1, 2))), now: mono.Instant(time.Hour), held: map[host.Addr]bool{}}
	state := host.State{
		Links: map[string]host.Link{"eth0": {Name: "eth0", Index: 2, Up: true, Carrier: true, MTU: 1500}},
		Addrs: map[host.Addr]host.AddrOpts{addr("10.0.0.1/24").Addr: {}},
	}
	for _, a := range found {
		state.Addrs[a] = host.AddrOpts{Protocol: host.Protocol}
		b.held[a] = true
	}
	b.step(router.Observed{State: state})
	return b
}

func addr(p string) config.Address {
	return config.Address{Wish: host.Wish{Addr: host.Addr{Link: "eth0", Prefix: netip.MustParsePrefix(p)}}}
}

// instance is a router on eth0 with priority 100.
func instance(name string, vrid uint8, vips ...string) config.Instance {
	i := config.Instance{VRRP: vrrp.Config{
		Key: vrrp.Key{Link: "eth0", VRID: vrid}, Name: name, Version: 2, Priority: 100, Interval: time.Second, DownAdverts: 3,
		Group: netip.MustParseAddr("224.0.0.18"), Announce: vrrp.Announcing{Repeat: 5},
	}}
	for _, v := range vips {
		i.Addrs = append(i.Addrs, addr(v+"/32"))
		i.VRRP.VIPs = append(i.VRRP.VIPs, netip.MustParseAddr(v))
	}
	return i
}

func (b *bench) reload(list ...config.Instance) {
	b.step(router.Prepare(router.Part(&config.Config{Instances: list})))
}

func (b *bench) step(ev router.Event) {
	b.r.Step(b.now, ev, &b.fx)
	b.obey()
}

// obey does what is asked, as the kernel would, and reports it.
func (b *bench) obey() {
	fx := b.fx
	b.fx = router.Effects{}
	for _, w := range fx.Host.Want {
		b.log = append(b.log, "add "+w.Prefix.String())
	}
	for _, a := range fx.Host.Drop {
		b.log = append(b.log, "del "+a.Prefix.String())
		delete(b.held, a)
	}
	for _, a := range fx.Announcements {
		b.log = append(b.log, fmt.Sprintf("announce %s x%d", a.Addr, a.Rounds))
	}
	for _, c := range fx.Changes {
		b.log = append(b.log, fmt.Sprintf("%s %s", c.Name, c.To))
	}
	for _, w := range fx.Host.Want {
		b.held[w.Addr] = true
		b.step(router.Settled{Addr: w.Addr, Held: true})
	}
}

// run lets time pass, with every deadline met.
func (b *bench) run(d time.Duration) {
	end := b.now.Add(d)
	for b.r.Deadline() <= end {
		b.now = max(b.now, b.r.Deadline())
		b.step(router.Expired{})
	}
	b.now = end
}

// expect compares what happened since the last call.
func (b *bench) expect(want ...string) {
	b.t.Helper()
	if !slices.Equal(b.log, want) {
		b.t.Errorf("at %s happened\n  %s\nwant\n  %s", b.now, strings.Join(b.log, "\n  "), strings.Join(want, "\n  "))
	}
	b.log = nil
}

func TestAMasterHoldsItsAddressesAndAnnouncesThemOnceTheyAreHeld(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.expect("A BACKUP")
	b.run(4 * time.Second)
	b.expect("add 10.0.0.10/32", "A MASTER", "announce 10.0.0.10 x5")
}

func TestReloadThatChangesNothingDoesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"))
	b.run(10 * time.Second)
	b.log = nil
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"))
	b.expect()
	b.run(500 * time.Millisecond)
	b.expect()
}

func TestReloadThatOnlyRenamesAndReordersDoesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"))
	b.run(10 * time.Second)
	b.log = nil
	b.reload(instance("other", 2, "10.0.0.11"), instance("A", 1, "10.0.0.10"))
	b.expect()
}

func TestReloadAddsAndRemovesExactlyTheAddressesThatDiffer(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10", "10.0.0.12"))
	b.run(10 * time.Second)
	b.log = nil
	b.reload(instance("A", 1, "10.0.0.10", "10.0.0.13"))
	b.expect("add 10.0.0.13/32", "del 10.0.0.12/32", "announce 10.0.0.10 x5", "announce 10.0.0.13 x5")
}

func TestReloadThatMovesAnAddressBetweenTwoMastersLeavesItWhereItIs(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10", "10.0.0.12"), instance("B", 2, "10.0.0.11"))
	b.run(10 * time.Second)
	b.log = nil
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11", "10.0.0.12"))
	for _, line := range b.log {
		if strings.HasPrefix(line, "add") || strings.HasPrefix(line, "del") {
			t.Errorf("the kernel is asked to %s", line)
		}
	}
}

func TestReloadThatSwapsTwoVRIDsLeavesTheAddressesWhereTheyAre(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"))
	b.run(10 * time.Second)
	b.log = nil
	b.reload(instance("A", 2, "10.0.0.10"), instance("B", 1, "10.0.0.11"))
	for _, line := range b.log {
		if strings.HasPrefix(line, "add") || strings.HasPrefix(line, "del") {
			t.Errorf("the kernel is asked to %s", line)
		}
	}
}

func TestAnInstanceThatAReloadDropsGivesItsAddressesUp(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"))
	b.run(10 * time.Second)
	b.log = nil
	b.reload(instance("A", 1, "10.0.0.10"))
	b.expect("del 10.0.0.11/32", "B DELETED")
}

func TestARouterThatWasMasterGoesOnAfterACrash(t *testing.T) {
	vip := addr("10.0.0.10/32").Addr
	now := mono.Instant(time.Hour)
	past := func(vrrp.Key) (vrrp.Memory, bool) {
		return vrrp.Memory{Role: vrrp.Master, LastAdvert: now.Add(-200 * time.Millisecond)}, true
	}
	b := newBench(t, past, vip)
	b.reload(instance("A", 1, "10.0.0.10"))
	if len(b.log) < 2 || b.log[0] != "add 10.0.0.10/32" || b.log[1] != "A MASTER" {
		t.Errorf("happened %q, want the role and the address to go on", b.log)
	}
}

func TestARouterWhoseAddressesWereLostInTheCrashStartsAnew(t *testing.T) {
	now := mono.Instant(time.Hour)
	past := func(vrrp.Key) (vrrp.Memory, bool) {
		return vrrp.Memory{Role: vrrp.Master, LastAdvert: now.Add(-200 * time.Millisecond)}, true
	}
	b := newBench(t, past)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.expect("A BACKUP")
}

func TestLeftOversOfConfiguredAddressesAreReleasedAtTheStart(t *testing.T) {
	b := newBench(t, nil, addr("10.0.0.10/32").Addr)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.expect("del 10.0.0.10/32", "A BACKUP")
}

func TestATrackedInterfaceThatGoesDownMeansFault(t *testing.T) {
	b := newBench(t, nil)
	a := instance("A", 1, "10.0.0.10")
	a.Tracks = []tracker.Track{{Kind: tracker.Interface, Name: "eth1"}}
	eth1 := host.Link{Name: "eth1", Index: 3, Up: true, Carrier: true}
	b.step(router.Seen{Change: host.Change{Link: &eth1}})
	b.reload(a)
	b.run(4 * time.Second)
	b.log = nil
	eth1.Carrier = false
	b.step(router.Seen{Change: host.Change{Link: &eth1}})
	b.expect("del 10.0.0.10/32", "A FAULT")
	eth1.Carrier = true
	b.step(router.Seen{Change: host.Change{Link: &eth1}})
	b.expect("A BACKUP")
}

func TestAScriptIsWaitedForAndThenFollowed(t *testing.T) {
	b := newBench(t, nil)
	a := instance("A", 1, "10.0.0.10")
	a.Tracks = []tracker.Track{{Kind: tracker.Script, Name: "chk"}}
	b.reload(a)
	b.run(10 * time.Second)
	if slices.Contains(b.log, "A MASTER") {
		t.Fatalf("happened %q: became MASTER before the first result of its script", b.log)
	}
	b.log = nil
	b.step(router.Sampled{Sample: tracker.Sample{Kind: tracker.Script, Tracker: "chk", State: tracker.Good}})
	b.expect("A BACKUP")
	b.step(router.Sampled{Sample: tracker.Sample{Kind: tracker.Script, Tracker: "chk", State: tracker.Bad}})
	b.expect("A FAULT")
}

func TestAnAddressThatWasPutBackIsAnnouncedAgain(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.run(4 * time.Second)
	b.log = nil
	b.step(router.Settled{Addr: addr("10.0.0.10/32").Addr, Held: true, Repaired: true})
	b.expect("announce 10.0.0.10 x5")
	if n := b.r.Status(b.now).Instances[0].Repairs; n != 1 {
		t.Errorf("%d repairs counted, want 1", n)
	}
}

func TestAnInterfaceThatDoesNotExistYetIsWaitedFor(t *testing.T) {
	b := newBench(t, nil)
	a := instance("A", 1, "10.0.0.10")
	a.VRRP.Link, a.Addrs[0].Link = "eth9", "eth9"
	b.reload(a)
	b.run(10 * time.Second)
	b.log = nil
	eth9 := host.Link{Name: "eth9", Index: 9, Up: true, Carrier: true, MTU: 1500}
	source := host.Wish{Addr: host.Addr{Link: "eth9", Prefix: netip.MustParsePrefix("10.0.0.2/24")}}
	b.step(router.Seen{Change: host.Change{Link: &eth9}})
	b.step(router.Seen{Change: host.Change{Addr: &source}})
	b.expect("A BACKUP")
	if b.r.IfIndex("eth9") != 9 {
		t.Errorf("index of eth9 is %d, want 9", b.r.IfIndex("eth9"))
	}
}

func TestStopKeepsTheAddressUntilTheSuccessorIsHeardOrItsTimeIsOver(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.run(4 * time.Second)
	b.log = nil
	b.step(router.Stop{})
	b.expect()
	b.run(3 * time.Second)
	b.expect("del 10.0.0.10/32", "A STOP")
	if !b.r.Stopped() {
		t.Error("not stopped")
	}
}

func TestADatagramThatCannotBeReadIsCountedByReason(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"))
	for range 3 {
		b.step(router.Advert{Datagram: &wire.Datagram{Link: "eth0", Data: []byte{0x45, 0}, At: b.now}})
	}
	refused := b.r.Status(b.now).Refused
	if len(refused) != 1 || refused[0].N != 3 || refused[0].What == "" {
		t.Errorf("refused %+v, want one reason, three times", refused)
	}
}

// What is known before a configuration comes counts from its first moment.
func TestAFileThatWasReadAheadDecidesHowAnInstanceStarts(t *testing.T) {
	for _, c := range []struct {
		name   string
		track  tracker.Track
		value  int
		expect []string
	}{
		{"with weight", tracker.Track{Kind: tracker.File, Name: "x", Weight: 2}, 28, []string{"A BACKUP"}},
		{"without weight, 0", tracker.Track{Kind: tracker.File, Name: "x"}, 0, []string{"A BACKUP"}},
		{"without weight, not 0", tracker.Track{Kind: tracker.File, Name: "x"}, 1, []string{"A FAULT"}},
		{"a product that demands a fault", tracker.Track{Kind: tracker.File, Name: "x", Weight: -127}, 2, []string{"A FAULT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.step(router.Sampled{Sample: tracker.Sample{Kind: tracker.File, Tracker: "x", State: tracker.Good, Value: c.value}})
			i := instance("A", 1, "10.0.0.10")
			i.Tracks = []tracker.Track{c.track}
			b.reload(i)
			b.expect(c.expect...)
		})
	}
}

// Section 8: what is logged when the value of a file becomes a fault, and when it is one no more.
func TestKeepalived_8_AFileThatDemandsAFaultIsNamed(t *testing.T) {
	b := newBench(t, nil)
	a := instance("A", 1, "10.0.0.10")
	a.Tracks = []tracker.Track{{Kind: tracker.File, Name: "x", Weight: -2}}
	b.reload(a)
	b.run(4 * time.Second)
	for _, step := range []struct {
		name    string
		value   int
		notes   []string
		signals int
	}{
		{"the first value", 10, []string{"(A) Changing effective priority from 100 to 80"}, 1},
		{"a fault", 127, []string{"(A): tracked file x now FAULT state", "(A) Setting effective priority to 100", "(A) sent 0 priority"}, 0},
		{"another fault", 200, nil, 0},
		{"no fault", 20, []string{"(A): tracked file x leaving FAULT state", "(A) Setting effective priority to 60"}, 0},
		{"another value", 10, []string{"(A) Changing effective priority from 60 to 80"}, 1},
	} {
		var fx router.Effects
		b.r.Step(b.now, router.Sampled{Sample: tracker.Sample{Kind: tracker.File, Tracker: "x", State: tracker.Good, Value: step.value}}, &fx)
		var got []string
		for _, n := range fx.Notes {
			got = append(got, n.String())
		}
		if !slices.Equal(got, step.notes) || len(fx.Signals) != step.signals {
			t.Errorf("%s: %d signals and %q, want %d and %q", step.name, len(fx.Signals), got, step.signals, step.notes)
		}
	}
}

// One event can make several routers send: each sends its own bytes.
func TestAScriptThatFailsTakesThreeMastersDownEachWithItsOwnAdvert(t *testing.T) {
	b := newBench(t, nil)
	b.step(router.Sampled{Sample: tracker.Sample{Tracker: "chk", State: tracker.Good}})
	var list []config.Instance
	for vrid := range uint8(3) {
		in := instance(fmt.Sprintf("VI_%d", vrid+1), vrid+1, fmt.Sprintf("10.0.0.%d", vrid+10))
		in.Tracks = []tracker.Track{{Kind: tracker.Script, Name: "chk"}}
		list = append(list, in)
	}
	b.reload(list...)
	b.run(5 * time.Second)
	var fx router.Effects
	b.r.Step(b.now, router.Sampled{Sample: tracker.Sample{Tracker: "chk", State: tracker.Bad}}, &fx)
	var sent []string
	for _, s := range fx.Sends {
		vrid, priority := s.Data[20+1], s.Data[20+2] // behind the IPv4 header
		sent = append(sent, fmt.Sprintf("%d/%d", vrid, priority))
	}
	if want := []string{"1/0", "1/0", "2/0", "2/0", "3/0", "3/0"}; !slices.Equal(sent, want) {
		t.Errorf("sent VRID/priority %v, want %v", sent, want)
	}
}
