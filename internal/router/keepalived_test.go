package router_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Section 2: what an earlier run left is never taken for the address of the interface.
func TestKeepalived_2_AVirtualAddressIsNoSource(t *testing.T) {
	b := newBench(t, nil)
	b.step(router.Seen{Change: host.Change{Gone: true, Addr: &host.Wish{Addr: addr("10.0.0.1/24").Addr}}})
	for _, p := range []string{"10.0.0.10/24", "10.0.0.11/24", "10.0.0.7/24"} { // without a mark, on an old kernel
		b.step(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: addr(p).Addr}}})
	}
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"))
	var fx router.Effects
	for len(fx.Sends) == 0 {
		b.now = b.r.Deadline()
		b.r.Step(b.now, router.Expired{}, &fx)
	}
	if a, _ := wire.Decode(&wire.Datagram{Data: fx.Sends[0].Data}); a.Src.String() != "10.0.0.7" {
		t.Errorf("adverts come from %v", a.Src)
	}
}

// Section 8: a unicast instance that leaves FAULT first tells where its source is.
func TestKeepalived_8_TheSourceOfAUnicastInstanceIsAnnounced(t *testing.T) {
	b := newBench(t, nil)
	i := instance("A", 1, "10.0.0.10")
	i.VRRP.From = netip.MustParseAddr("10.0.0.1")
	i.VRRP.Peers = append(i.VRRP.Peers, vrrp.Peer{Addr: netip.MustParseAddr("10.0.0.2")})
	b.reload(i)
	b.carrier(false)
	b.log = nil
	b.carrier(true)
	b.expect("announce 10.0.0.1 x1", "A BACKUP")
}

// Section 8: the interfaces of addresses, routes and rules are followed, unless no_track.
func TestKeepalived_8_InterfacesOfAddressesAreFollowed(t *testing.T) {
	for _, test := range []struct{ name, address, role string }{
		{"an address elsewhere", "10.0.0.10 dev eth5", "FAULT"},
		{"no_track", "10.0.0.10 dev eth5 no_track", "BACKUP"},
		{"on the interface itself", "10.0.0.10", "BACKUP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.step(router.Prepare(router.Part(read(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n"+test.address+"\n}\n}\n"))))
			b.role(test.role)
		})
	}
}

// Section 10: each round goes over the addresses in their order, then over the excluded ones.
func TestKeepalived_10_ExcludedAddressesAreAnnouncedAfterTheOthers(t *testing.T) {
	b := newBench(t, nil)
	b.step(router.Prepare(router.Part(read(t, "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\ngarp_master_repeat 3\ngarp_master_delay 0\n"+
		"virtual_ipaddress_excluded {\n10.0.0.12\n}\nvirtual_ipaddress {\n10.0.0.11\n10.0.0.10\n}\n}\n"))))
	b.run(4 * time.Second)
	got := slices.DeleteFunc(b.log, func(l string) bool { return l[:3] != "ann" })
	if want := []string{"announce 10.0.0.11 x3", "announce 10.0.0.10 x3", "announce 10.0.0.12 x3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Section 10: without words for it nothing is paced.
func TestKeepalived_10_AnnouncementsAreNotPacedUnlessAskedFor(t *testing.T) {
	for _, test := range []struct {
		name, text string
		gap        time.Duration
	}{
		{"by default", "", 0},
		{"vrrp_garp_interval", "global_defs {\nvrrp_garp_interval 0.1\n}\n", 100 * time.Millisecond},
		{"vrrp_gna_interval is for the others", "global_defs {\nvrrp_gna_interval 0.1\n}\n", 0},
		{"garp_group", "garp_group {\ngarp_interval 0.3\ninterface eth0\n}\n", 300 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.step(router.Prepare(router.Part(read(t, test.text+"vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.10\n}\n}\n"))))
			if a := b.announced(); a.Gap != test.gap {
				t.Errorf("gap %v, want %v", a.Gap, test.gap)
			}
		})
	}
}

// announced is the first announcement of the first MASTER.
func (b *bench) announced() router.Announcement {
	var fx router.Effects
	for len(fx.Announcements) == 0 {
		b.now = b.r.Deadline()
		b.r.Step(b.now, router.Expired{}, &fx)
		for _, w := range fx.Host.Want {
			b.r.Step(b.now, router.Settled{Addr: w.Addr, Held: true}, &fx)
		}
		fx.Host.Want = nil
	}
	return fx.Announcements[0]
}

// Section 10: what is queued vanishes with the role.
func TestKeepalived_10_WhatIsQueuedVanishesWithTheRole(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.run(4 * time.Second)
	var fx router.Effects
	b.r.Step(b.now, router.Seen{Change: host.Change{Link: &host.Link{Name: "eth0", Index: 2, Up: true, MTU: 1500}}}, &fx)
	if len(fx.Hush) != 1 {
		t.Errorf("%+v", fx.Hush)
	}
}

// Section 8: a MASTER that loses the source it chose takes another at once.
func TestKeepalived_8_AnotherSourceIsTakenAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.step(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: addr("10.0.0.2/24").Addr}}})
	b.reload(instance("A", 1, "10.0.0.10"))
	b.run(4 * time.Second)
	var fx router.Effects
	b.r.Step(b.now, router.Seen{Change: host.Change{Gone: true, Addr: &host.Wish{Addr: addr("10.0.0.1/24").Addr}}}, &fx)
	if len(fx.Sends) != 1 {
		t.Fatalf("%d adverts", len(fx.Sends))
	}
	if a, _ := wire.Decode(&wire.Datagram{Data: fx.Sends[0].Data}); a.Src.String() != "10.0.0.2" || a.Priority != 100 {
		t.Errorf("priority %d from %v", a.Priority, a.Src)
	}
}

// Section 6: instances of one interface and family share a socket.
func TestKeepalived_6_OneSocketForAnInterfaceAndFamily(t *testing.T) {
	b := newBench(t, nil)
	six := instance("C", 1, "10.0.0.12")
	six.VRRP.V6, six.VRRP.Group = true, netip.MustParseAddr("ff02::12")
	b.reload(instance("A", 1, "10.0.0.10"), instance("B", 2, "10.0.0.11"), six)
	p := b.r.Ports()
	if len(p) != 2 || !p[0].VRIDs[1] || !p[0].VRIDs[2] || p[0].V6 || !p[1].V6 || p[1].VRIDs[2] {
		t.Errorf("%d sockets", len(p))
	}
}

// read is a configuration as it is written.
func read(t *testing.T, text string) *config.Config {
	t.Helper()
	tree, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{})
	c, found := config.Build(tree, config.Options{})
	if conf.Has(found, conf.Error) {
		t.Fatal(found)
	}
	return c
}

// Section 8: the interface below a virtual MAC counts as the own one does.
func TestKeepalived_8_TheParentOfADeviceIsFollowed(t *testing.T) {
	b := newBench(t, nil)
	b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: "vrrp.1", Index: 7, Up: true, Carrier: true}}})
	b.reload(virtual("A", 1, "10.0.0.2"))
	b.role("BACKUP")
	b.carrier(false)
	b.role("FAULT")
	b.carrier(true)
	b.role("BACKUP")
}

// Section 8: dont_track_primary forgives a lost carrier, and not a lost interface.
func TestKeepalived_8_WithoutItsInterfaceNothingGoes(t *testing.T) {
	b := newBench(t, nil)
	i := instance("A", 1, "10.0.0.10")
	i.DontTrackPrimary = true
	b.reload(i)
	b.carrier(false)
	b.role("BACKUP")
	b.step(router.Seen{Change: host.Change{Gone: true, Link: &host.Link{Name: "eth0", Index: 2}}})
	b.role("FAULT")
}

// Section 8: keepalived asks for allow_if_changes before it takes another kind of interface.
func TestKeepalived_8_AnInterfaceOfAnotherKindIsTakenAsItIs(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("A", 1, "10.0.0.10"))
	b.step(router.Seen{Change: host.Change{Gone: true, Link: &host.Link{Name: "eth0", Index: 2}}})
	b.role("FAULT")
	b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: "eth0", Index: 12, Kind: "vlan", Parent: 3, Up: true, Carrier: true}}})
	b.step(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: addr("10.0.0.1/24").Addr}}})
	b.role("BACKUP")
	if got := b.r.IfIndex("eth0"); got != 12 {
		t.Errorf("index %d", got)
	}
}
