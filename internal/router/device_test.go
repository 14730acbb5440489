package router_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
)

// virtual is an instance with use_vmac.
func virtual(name string, vrid uint8, vip string) config.Instance {
	i := instance(name, vrid, vip)
	i.VMAC = &config.VMAC{}
	return i
}

// devices steps a router with a configuration on a machine with links, and lists
// what it wants.
func devices(links []host.Link, list ...config.Instance) (names []string) {
	r, fx := router.New(nil, nil), router.Effects{}
	state := host.State{Links: map[string]host.Link{}}
	for _, l := range append(links, host.Link{Name: "eth0", Index: 2, Up: true, Carrier: true}) {
		state.Links[l.Name] = l
	}
	r.Step(0, router.Observed{State: state}, &fx)
	r.Step(0, router.Prepare(router.Part(&config.Config{Instances: list})), &fx)
	for _, d := range *fx.Host.Devices {
		names = append(names, fmt.Sprintf("%s %x", d, d.MAC))
	}
	return names
}

func TestDevicesAreNamedAfterTheirVRIDUnlessThatIsTaken(t *testing.T) {
	v6, other := virtual("V6", 1, "10.0.0.3"), virtual("other", 1, "10.0.0.4")
	v6.VRRP.V6, other.VRRP.Link = true, "eth1"
	ours := [6]byte{0, 0, 0x5e, 0, 1, 1}
	for name, c := range map[string]struct {
		links []host.Link
		list  []config.Instance
		want  []string
	}{
		"the first choice":         {nil, []config.Instance{virtual("A", 1, "10.0.0.2")}, []string{"vrrp.1@eth0 00005e000101"}},
		"of two families":          {nil, []config.Instance{virtual("A", 1, "10.0.0.2"), v6}, []string{"vrrp.1@eth0 00005e000101", "vrrp6.1@eth0 00005e000201"}},
		"of two interfaces":        {nil, []config.Instance{virtual("A", 1, "10.0.0.2"), other}, []string{"vrrp.1@eth0 00005e000101", "vrrp1.1@eth1 00005e000101"}},
		"a stranger has the name":  {[]host.Link{{Name: "vrrp.1", Index: 9}}, []config.Instance{virtual("A", 1, "10.0.0.2")}, []string{"vrrp1.1@eth0 00005e000101"}},
		"one of ours has the name": {[]host.Link{{Name: "vrrp.1", Index: 9, Alias: host.DeviceAlias}}, []config.Instance{virtual("A", 1, "10.0.0.2")}, []string{"vrrp.1@eth0 00005e000101"}},
		"it is there by another name": {[]host.Link{{Name: "old", Index: 9, Kind: "macvlan", Private: true, Parent: 2, MAC: ours}},
			[]config.Instance{virtual("A", 1, "10.0.0.2")}, []string{"old@eth0 00005e000101"}},
	} {
		if d := cmp.Diff(c.want, devices(c.links, c.list...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// A MASTER with a virtual MAC address speaks when it holds its addresses, by its
// device, and gives the device up when it has stopped.
func TestAMasterSpeaksByItsDeviceOnceItHoldsItsAddresses(t *testing.T) {
	b := newBench(t, nil)
	b.reload(virtual("A", 1, "10.0.0.2"))
	b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: "vrrp.1", Index: 7, Up: true, Carrier: true, MAC: [6]byte{0, 0, 0x5e, 0, 1, 1}}}})
	if p := b.r.Ports(); len(p) != 1 || p[0].Link != "vrrp.1" {
		t.Fatalf("listens at %+v", p)
	}
	var fx router.Effects
	b.now = b.r.Deadline()
	b.r.Step(b.now, router.Expired{}, &fx)
	if len(fx.Sends) != 0 || len(fx.Host.Want) != 1 || fx.Host.Want[0].Link != "vrrp.1" {
		t.Fatalf("becoming MASTER it sends %+v and wants %+v", fx.Sends, fx.Host.Want)
	}
	wish := fx.Host.Want[0].Addr
	fx = router.Effects{}
	b.r.Step(b.now, router.Settled{Addr: wish, Held: true}, &fx)
	if len(fx.Sends) != 1 || fx.Sends[0].Link != "vrrp.1" {
		t.Errorf("holding its address it sends %+v", fx.Sends)
	}
	if a := fx.Announcements; len(a) != 1 || !a[0].Reply || !a[0].Widen || a[0].Gap != 20*time.Millisecond/31 {
		t.Errorf("announces %+v", a)
	}
	fx = router.Effects{}
	b.r.Step(b.now, router.Moored{Name: "vrrp.1"}, &fx)
	if len(fx.Sends) != 1 || fx.Sends[0].Link != "vrrp.1" {
		t.Errorf("its device put back, it sends %+v", fx.Sends)
	}
	if i := b.r.Status(b.now).Instances[0]; i.Repairs != 1 || !slices.Equal(i.Devices, []string{"vrrp.1@eth0"}) {
		t.Errorf("its devices are %v, put back %d times", i.Devices, i.Repairs)
	}
	fx = router.Effects{}
	b.r.Step(b.now, router.Stop{}, &fx)
	for end := b.now.Add(time.Minute); !b.r.Stopped() && b.now < end; b.now = b.r.Deadline() {
		b.r.Step(b.now, router.Expired{}, &fx)
	}
	if d := cmp.Diff([]string{"vrrp.1"}, fx.Host.Hush); d != "" {
		t.Errorf("MASTER no more, these are silent (-want +got):\n%s", d)
	}
	if fx.Host.Devices == nil || len(*fx.Host.Devices) != 0 {
		t.Errorf("at the end it wants the devices %v", fx.Host.Devices)
	}
}

// An ipvlan has an address of its own, and adverts leave from that; without one those
// of IPv6 leave from an address beside the parent's, and IPv4 is in FAULT.
func TestAnInstanceOnAnIPVLANSendsFromItsOwnAddress(t *testing.T) {
	b := newBench(t, nil)
	four, six, none := instance("four", 1, "10.0.0.2"), instance("six", 2, "2001:db8::1"), instance("none", 3, "10.0.0.3")
	four.IPVLAN, six.IPVLAN, none.IPVLAN = &config.IPVLAN{Name: "iv4", Addr: netip.MustParsePrefix("10.0.0.9/24")}, &config.IPVLAN{Name: "iv6"}, &config.IPVLAN{Name: "iv0"}
	for _, i := range []*config.Instance{&four, &six, &none} {
		i.VRRP.OwnSource, i.VRRP.Source = true, i.IPVLAN.Addr.Addr()
	}
	six.VRRP.V6, six.VRRP.Group = true, netip.MustParseAddr("ff02::12")
	parent := netip.MustParsePrefix("fe80::200:ff:fe00:1/64")
	b.step(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: host.Addr{Link: "eth0", Prefix: parent}}}})
	var fx router.Effects
	b.r.Step(b.now, router.Prepare(router.Part(&config.Config{Instances: []config.Instance{four, six, none}})), &fx)
	var wants []string
	for _, w := range fx.Host.Want {
		wants = append(wants, fmt.Sprint(w.Link, " ", w.Prefix, " ", w.Shield))
	}
	if d := cmp.Diff([]string{"iv4 10.0.0.9/24 0", "iv6 fe80::200:7f:fc00:1/128 0"}, wants); d != "" {
		t.Errorf("wanted of the host (-want +got):\n%s", d)
	}
	for _, want := range []struct{ name, source string }{{"four", "10.0.0.9"}, {"six", "fe80::200:7f:fc00:1"}, {"none", "invalid IP"}} {
		for _, i := range b.r.Status(b.now).Instances {
			if i.Name == want.name && i.Source.String() != want.source {
				t.Errorf("%s sends from %s, want %s", i.Name, i.Source, want.source)
			}
		}
	}
}

// Who hears by a device that is still missing, or by a port that is not open, does not
// take over.
func TestSilenceCountsFromWhenItCanBeHeard(t *testing.T) {
	const down = 3*time.Second + 609375*time.Microsecond
	b := newBench(t, nil)
	b.reload(virtual("A", 1, "10.0.0.2"), instance("B", 2, "10.0.0.3"))
	roles := func(want string) {
		t.Helper()
		s := b.r.Status(b.now).Instances
		if got := s[0].Role + " " + s[1].Role; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	b.step(router.Hearing{Deaf: []router.Ear{{Link: "eth0"}}})
	b.pass(time.Minute)
	roles("BACKUP BACKUP")
	b.step(router.Hearing{})
	b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: "vrrp.1", Index: 7, Up: true, Carrier: true, MAC: [6]byte{0, 0, 0x5e, 0, 1, 1}}}})
	b.pass(down)
	roles("BACKUP BACKUP")
	b.pass(time.Millisecond)
	roles("MASTER MASTER")
}

// The parent goes and comes back before anybody carries out what follows from that: the
// source of the adverts is wanted, not dropped.
func TestTheSourceComesBackWithTheParentInOneTurn(t *testing.T) {
	six := virtual("A", 1, "fe80::1:1")
	six.VRRP.V6, six.VRRP.Group = true, netip.MustParseAddr("ff02::12")
	parent := host.Change{Link: &host.Link{Name: "eth0", Index: 2, Up: true, Carrier: true, MTU: 1500}}
	source := host.Change{Addr: &host.Wish{Addr: host.Addr{Link: "eth0", Prefix: netip.MustParsePrefix("fe80::1/64")}}}
	b := newBench(t, nil)
	b.step(router.Seen{Change: source})
	b.reload(six)
	gone := parent
	gone.Gone = true
	var fx router.Effects
	for _, c := range []host.Change{gone, parent, source} {
		b.r.Step(b.now, router.Seen{Change: c}, &fx)
	}
	want := []host.Addr{{Link: "vrrp.1", Prefix: netip.MustParsePrefix("fe80::1/128")}}
	var got []host.Addr
	for _, w := range fx.Host.Want {
		got = append(got, w.Addr)
	}
	if !slices.Equal(got, want) || !slices.Equal(fx.Host.Drop, want) {
		t.Errorf("wants %v, drops %v; want both to be %v", got, fx.Host.Drop, want)
	}
}
