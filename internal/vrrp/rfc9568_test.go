package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

func TestRFC9568_6_1_DownTimerIsThreeIntervalsAndSkew(t *testing.T) {
	tests := []struct {
		version, priority uint8
		interval          time.Duration
		want              int64 // microseconds
	}{
		{3, 255, time.Second, 3003906},
		{3, 254, time.Second, 3007812},
		{3, 150, time.Second, 3414062},
		{3, 100, time.Second, 3609375},
		{3, 1, time.Second, 3996093},
		{3, 100, 10 * time.Millisecond, 36093},
		{3, 100, 40950 * time.Millisecond, 40950000*3 + 24953906},
		{2, 150, time.Second, 3414062},
		{2, 100, 5 * time.Second, 15609375}, // version 2: the skew is a part of a second
		{2, 1, 255 * time.Second, 765996093},
	}
	for _, test := range tests {
		c := config("X", 1, test.priority)
		c.Version, c.Interval = test.version, test.interval
		newRig(t, c).deadline(c, us(test.want))
	}
}

func TestRFC9568_6_4_1_StartsAsBackup(t *testing.T) {
	r := newRig(t, config("X", 1, 100))
	r.take("(X) Entering BACKUP STATE (init)")
}

func TestRFC9568_6_4_1_OwnerBecomesMasterAtOnce(t *testing.T) {
	c := config("X", 1, 255)
	c.StartMaster = true
	r := newRig(t, c)
	r.deadline(c, us(1))
	r.to(us(1))
	r.role(c, vrrp.Master)
	r.deadline(c, us(1000001))
	r.take("send 255 to 224.0.0.18",
		"(X) Entering BACKUP STATE (init)", "(X) Entering MASTER STATE (owner of the addresses)",
		"(X) Receive advertisement timeout")
}

func TestRFC9568_6_4_2_TimerFires(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(4609374))
	r.role(c, vrrp.Backup)
	r.to(us(4609375))
	r.role(c, vrrp.Master)
	r.take("send 100 to 224.0.0.18",
		"(X) Entering MASTER STATE (master down: nothing heard from 192.0.2.9 for 3.609s)",
		"(X) Receive advertisement timeout")
	r.deadline(c, us(5609375))
}

func TestRFC9568_6_4_2_PriorityZeroSetsTheTimerToTheSkew(t *testing.T) {
	for _, c := range []vrrp.Config{config("X", 1, 100), version2(config("X", 1, 100)), ipv6(config("X", 1, 100))} {
		src := "192.0.2.9"
		if c.V6 {
			src = "fe80::9"
		}
		r := backup(t, c, src, 150)
		r.to(us(1500000))
		r.hear(c, src, 0)
		r.deadline(c, us(1500000+609375))
		r.take("(X) Backup received priority 0 advertisement")
		r.to(us(1500000 + 609375))
		r.role(c, vrrp.Master)
	}
}

func TestRFC9568_6_4_2_HigherOrEqualPriorityResetsTheTimer(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	for i, priority := range []uint8{100, 101, 255} {
		at := us(int64(2000000 + 1000000*i))
		r.to(at)
		r.hear(c, "192.0.2.9", priority)
		r.deadline(c, at+us(3609375))
	}
}

func TestRFC9568_6_4_2_TheMastersIntervalIsLearnt(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.hear(with(c, func(c *vrrp.Config) { c.Interval = 400 * time.Millisecond }), "192.0.2.9", 150)
	r.deadline(c, us(2000000+3*400000+156*400000/256))
	r.take("(X) advertisement interval updated from 1000ms to 400ms by master")
	r.to(us(2000000 + 3*400000 + 156*400000/256))
	r.role(c, vrrp.Master)
	r.deadline(c, us(2000000+3*400000+156*400000/256+1000000))
}

func TestRFC9568_6_4_2_LowerPriorityIsDiscarded(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.hear(c, "192.0.2.8", 99)
	r.deadline(c, us(4609375))
	r.take("(X) received lower priority (99) advert from 192.0.2.8 - discarding")
	r.to(us(4609375))
	r.take("send 100 to 224.0.0.18",
		"(X) Entering MASTER STATE (preempting 192.0.2.8 priority 99 with 100)",
		"(X) Receive advertisement timeout")
}

func TestRFC9568_6_4_2_LowerPriorityIsAcceptedWithoutPreemption(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.NoPreempt = true })
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.hear(c, "192.0.2.8", 1)
	r.deadline(c, us(5609375))
	r.take("(X) master changed from 192.0.2.9 to 192.0.2.8")
}

func TestRFC9568_6_4_2_TheTimerCountsFromTheArrivalOfThePacket(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.sleep(us(2100000))
	r.s.Receive(r.now, advert(c, "192.0.2.9", 150, 2*second), &r.out)
	r.deadline(c, us(5609375))
}

func TestRFC9568_6_4_2_Shutdown(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.s.Stop(r.now, &r.out)
	r.take("silent (X) removing VIPs. (stopping)")
	if !r.s.Stopped() {
		t.Error("a BACKUP has nothing to wait for")
	}
}

func TestRFC9568_6_4_3_AdvertisesEveryInterval(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	for i := range int64(4) {
		r.deadline(c, us(3609375+1000000*(i+1)))
		r.to(us(3609375 + 1000000*(i+1)))
		r.take("send 100 to 224.0.0.18")
	}
}

func TestRFC9568_6_4_3_PriorityZeroIsAnsweredAtOnce(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.to(us(4000000))
	r.hear(c, "192.0.2.9", 0)
	r.take("send 100 to 224.0.0.18", "announce 5", "(X) Master received priority 0 message")
	r.deadline(c, us(5000000))
}

func TestRFC9568_6_4_3_HigherPriorityIsFollowed(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.to(us(4000000))
	r.hear(c, "192.0.2.9", 101)
	r.role(c, vrrp.Backup)
	r.deadline(c, us(7609375))
	r.take("(X) Entering BACKUP STATE (preempted by 192.0.2.9 priority 101)",
		"(X) Master received advert from 192.0.2.9 with higher priority 101, ours 100",
		"(X) master set to 192.0.2.9")
}

func TestRFC9568_6_4_3_EqualPriorityIsDecidedByAddress(t *testing.T) {
	tests := []struct {
		src  string
		want vrrp.Role
	}{{"192.0.2.0", vrrp.Master}, {"192.0.2.2", vrrp.Backup}, {"203.0.113.1", vrrp.Backup}, {"10.255.255.255", vrrp.Master}}
	for _, test := range tests {
		c := config("X", 1, 100)
		r := master(t, c)
		r.hear(c, test.src, 100)
		r.role(c, test.want)
	}
	c := ipv6(config("X", 1, 100))
	for src, want := range map[string]vrrp.Role{"fe80::": vrrp.Master, "fe80::2": vrrp.Backup} {
		r := master(t, c)
		r.hear(c, src, 100)
		r.role(c, want)
	}
}

func TestRFC9568_6_4_3_LowerPriorityIsAnswered(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.to(us(4000000))
	r.hear(c, "192.0.2.9", 99)
	r.role(c, vrrp.Master)
	r.take("send 100 to 224.0.0.18", "announce 5", "signal 1 MASTER 100",
		"(X) Received advert from 192.0.2.9 with lower priority 99, ours 100, forcing new election")
	r.deadline(c, us(5000000))
	r.to(us(8999999))
	r.drain()
	r.to(us(9000000)) // garp_lower_prio_delay
	r.take("send 100 to 224.0.0.18", "announce 5")
}

func TestRFC9568_6_4_3_Shutdown(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.to(us(4000000))
	r.s.Stop(r.now, &r.out)
	r.take("send 0 to 224.0.0.18", "(X) sent 0 priority")
	r.role(c, vrrp.Master)
	r.hear(c, "192.0.2.9", 0) // another one that leaves is no successor
	r.to(us(4500000))
	r.hear(c, "192.0.2.9", 90)
	r.to(us(4520000))
	r.hear(c, "192.0.2.9", 90) // hearing it again does not keep us
	r.to(us(4549999))
	r.take()
	r.role(c, vrrp.Master)
	r.to(us(4550000))
	r.take("(X) removing VIPs. (stopping, 192.0.2.9 took over)")
	if !r.s.Stopped() {
		t.Error("still not stopped")
	}
}

func TestRFC9568_6_4_3_ShutdownWithoutSuccessor(t *testing.T) {
	for _, test := range []struct {
		c    vrrp.Config
		want int64
	}{
		{config("X", 1, 100), 996093 + 1000000},
		{with(config("X", 1, 100), func(c *vrrp.Config) { c.Interval = 100 * time.Millisecond }), 99609 + 100000},
		{with(version2(config("X", 1, 100)), func(c *vrrp.Config) { c.Interval = 5 * time.Second }), 996093 + 5000000},
	} {
		r := master(t, test.c)
		at := time.Duration(r.now)
		r.s.Stop(r.now, &r.out)
		r.to(at + us(test.want-1))
		r.role(test.c, vrrp.Master)
		r.drain()
		r.to(at + us(test.want))
		r.take("(X) removing VIPs. (stopping, no successor heard)")
	}
}

// spoilt is one way in which an advert is refused, with the counter that tells.
type spoilt struct {
	name  string
	c     vrrp.Config
	spoil func(*wire.Datagram)
	count func(vrrp.Stats) uint32
	note  string
}

func TestRFC9568_7_1_RefusedAdverts(t *testing.T) {
	v3, v2 := config("X", 1, 100), version2(config("X", 1, 100))
	pass := with(v2, func(c *vrrp.Config) { c.HasPass, c.Password = true, [8]byte{'a'} })
	hops := with(ipv6(v3), func(c *vrrp.Config) {})
	tests := []spoilt{
		{"length", v3, func(d *wire.Datagram) { d.Data[23] = 9 }, func(s vrrp.Stats) uint32 { return s.LengthErrors },
			"(X) vrrp packet too short, length 12 and expect 44 (from 192.0.2.9)"},
		{"TTL", v3, func(d *wire.Datagram) { d.Data[8] = 254 }, func(s vrrp.Stats) uint32 { return s.TTLErrors },
			"(X) invalid TTL/HL. Received 254 and expect 255 (from 192.0.2.9)"},
		{"hop limit", hops, func(d *wire.Datagram) { d.HopLimit = 64 }, func(s vrrp.Stats) uint32 { return s.TTLErrors },
			"(X) invalid TTL/HL. Received 64 and expect 255 (from fe80::9)"},
		{"version", v2, func(d *wire.Datagram) { d.Data[20] = 0x31 }, func(s vrrp.Stats) uint32 { return s.LengthErrors + s.VersionErrors }, ""},
		{"version 4", v3, func(d *wire.Datagram) { d.Data[20] = 0x41 }, func(s vrrp.Stats) uint32 { return s.VersionErrors },
			"(X) wrong version. Received 4 and expect 3 (from 192.0.2.9)"},
		{"authentication unknown", v2, func(d *wire.Datagram) { d.Data[24] = 7 }, func(s vrrp.Stats) uint32 { return s.AuthTypeInvalid },
			"(X) received a 7 auth, expecting 0! (from 192.0.2.9)"},
		{"authentication another", pass, func(d *wire.Datagram) { d.Data[24] = 0 }, func(s vrrp.Stats) uint32 { return s.AuthTypeMismatch },
			"(X) received a 0 auth, expecting 1! (from 192.0.2.9)"},
		{"password", pass, func(d *wire.Datagram) { d.Data[39]++ }, func(s vrrp.Stats) uint32 { return s.AuthFailures },
			"(X) received an invalid passwd! (from 192.0.2.9)"},
		{"interval", v2, func(d *wire.Datagram) { d.Data[25] = 2 }, func(s vrrp.Stats) uint32 { return s.IntervalErrors },
			"(X) advertisement interval mismatch mine=1 sec rcv'd=2 sec (from 192.0.2.9)"},
		{"type", v3, func(d *wire.Datagram) { d.Data[20] = 0x32 }, func(s vrrp.Stats) uint32 { return s.TypeErrors },
			"(X) Invalid packet type. 2 and expect 1 (from 192.0.2.9)"},
		{"total length", v3, func(d *wire.Datagram) { d.Data[3] = 36 }, func(s vrrp.Stats) uint32 { return s.LengthErrors },
			"(X) ip_tot_len mismatch against received length. 36 and received 32 (from 192.0.2.9)"},
		{"checksum", v3, func(d *wire.Datagram) { d.Data[26]++ }, func(s vrrp.Stats) uint32 { return s.ChecksumErrors },
			"(X) Invalid VRRPv3 checksum from 192.0.2.9"},
		{"checksum of version 2", v2, func(d *wire.Datagram) { d.Data[26]++ }, func(s vrrp.Stats) uint32 { return s.ChecksumErrors },
			"(X) Invalid VRRPv2 checksum from 192.0.2.9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t) })
	}
}

// run checks that the advert changes nothing, is counted each time and logged once.
func (test *spoilt) run(t *testing.T) {
	src := "192.0.2.9"
	if test.c.V6 {
		src = "fe80::9"
	}
	r := backup(t, test.c, src, 150)
	r.to(us(2000000))
	for range 3 {
		d := advert(test.c, src, 150, r.now)
		test.spoil(d)
		r.packet(d)
	}
	r.deadline(test.c, us(4609375))
	if got := test.count(r.view(test.c).Stats); got != 3 {
		t.Errorf("counted %d of 3", got)
	}
	notes := r.drain()
	if len(notes) != 1 || test.note != "" && notes[0] != test.note {
		t.Errorf("notes %q, want %q once", notes, test.note)
	}
}

func TestRFC9568_7_1_UnreadableAndUnknown(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.packet(&wire.Datagram{Link: "eth0", Data: []byte{0x45}})
	other := config("Y", 2, 100)
	r.hear(other, "192.0.2.9", 150)
	r.hear(with(c, func(c *vrrp.Config) { c.Link = "eth1" }), "192.0.2.9", 150)
	r.take()
	if got := r.s.Refused()[wire.TooShort]; got != 1 {
		t.Errorf("too short: %d", got)
	}
	if got := r.s.Unknown(); got != 2 {
		t.Errorf("unknown: %d", got)
	}
}

func TestRFC9568_7_2_SourceAndHopLimit(t *testing.T) {
	c := ipv6(config("X", 1, 100))
	r := newRig(t, c)
	r.to(us(3609375))
	s := r.out.Sends[0]
	if s.Src != linkUp.Source6 || s.Dst != netip.MustParseAddr("ff02::12") || s.HopLimit != 255 || s.Link != "eth0" || !s.V6 {
		t.Errorf("%+v", s)
	}
	if a, flaw := wire.Decode(&wire.Datagram{V6: true, Data: s.Data, Src: s.Src, Dst: s.Dst}); flaw != wire.Sound || a.Check() != wire.Sound {
		t.Errorf("%v, %v", flaw, a.Check())
	}
}
