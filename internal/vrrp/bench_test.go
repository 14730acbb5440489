package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// config is a router on eth0 as most tests want it: version 3, IPv4, one second.
func config(name string, vrid, priority uint8) vrrp.Config {
	return vrrp.Config{
		Key: vrrp.Key{Link: "eth0", VRID: vrid}, Name: name, Version: 3, Priority: priority,
		Interval: time.Second, Group: netip.MustParseAddr("224.0.0.18"),
		VIPs:        []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, vrid})},
		DownAdverts: 3,
		Announce: vrrp.Announcing{Repeat: 5, Delay: 5 * time.Second, RefreshRepeat: 1,
			LowerRepeat: 5, LowerDelay: 5 * time.Second},
	}
}

var linkUp = vrrp.LinkState{Exists: true, Up: true, MTU: 1500,
	Source4: netip.MustParseAddr("192.0.2.1"), Source6: netip.MustParseAddr("fe80::1")}

// advert is a datagram another router would send.
func advert(c vrrp.Config, src string, priority uint8, at mono.Instant) *wire.Datagram {
	s := wire.Spec{V6: c.V6, Version: c.Version, VRID: c.VRID, Interval: c.Interval, VIPs: c.VIPs,
		HasPass: c.HasPass, Password: c.Password, Src: netip.MustParseAddr(src), TTL: 255, Group: c.Group}
	p := wire.Build(&s)
	return &wire.Datagram{Link: c.Link, V6: c.V6, Data: p.Append(nil, c.Group, priority, 1, nil),
		Src: s.Src, Dst: c.Group, HopLimit: 255, At: at}
}

const second = mono.Instant(time.Second)

func TestNoAllocationAsMaster(t *testing.T) {
	s, out := vrrp.New(), &vrrp.Out{}
	s.Link(0, "eth0", linkUp, out)
	s.Apply(0, &vrrp.Setup{Routers: []vrrp.Config{config("a", 1, 100)}}, out)
	for s.Deadline() < 10*second {
		out.Reset()
		s.Expire(s.Deadline(), out)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		out.Reset()
		s.Expire(s.Deadline(), out)
		if len(out.Sends) != 1 {
			t.Fatal("no advert sent")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per advert sent", allocs)
	}
}

func TestNoAllocationAsBackup(t *testing.T) {
	s, out, c := vrrp.New(), &vrrp.Out{}, config("a", 1, 100)
	s.Link(0, "eth0", linkUp, out)
	s.Apply(0, &vrrp.Setup{Routers: []vrrp.Config{c}}, out)
	d := advert(c, "192.0.2.9", 150, 0)
	s.Receive(0, d, out)
	allocs := testing.AllocsPerRun(1000, func() {
		out.Reset()
		d.At += second
		s.Receive(d.At, d, out)
		s.Expire(d.At, out)
		if s.Deadline() < d.At+3*second {
			t.Fatal("the advert did not move the deadline")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per advert heard", allocs)
	}
}
