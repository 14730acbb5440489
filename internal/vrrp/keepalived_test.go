package vrrp_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// The numbers in the names are sections of keepalived's behaviour as the
// reference describes it.

func TestKeepalived_2_StateMasterWaitsLikeBackup(t *testing.T) {
	c := with(config("X", 1, 150), func(c *vrrp.Config) { c.StartMaster = true })
	newRig(t, c).deadline(c, us(3414062))
}

func TestKeepalived_2_OwnerWithStateBackupWaits(t *testing.T) {
	c := config("X", 1, 255)
	newRig(t, c).deadline(c, us(3003906))
}

func TestKeepalived_2_OwnerHeldUpByAScriptWaits(t *testing.T) {
	c := with(config("X", 1, 255), func(c *vrrp.Config) { c.StartMaster = true })
	r := newRigWith(t, vrrp.Setup{Routers: []vrrp.Config{c}, Standing: pending})
	r.take()
	r.role(c, vrrp.Initial)
	r.to(us(1000000))
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{}, &r.out)
	r.deadline(c, us(4003906))
}

func pending(vrrp.Key) vrrp.Standing { return vrrp.Standing{Pending: true} }

func TestKeepalived_2_StartupDelay(t *testing.T) {
	c := config("X", 1, 100)
	r := newRigWith(t, vrrp.Setup{Routers: []vrrp.Config{c}, Quiet: 10 * second})
	r.deadline(c, us(13609375))
	r.to(us(9000000))
	r.hear(c, "192.0.2.9", 150)
	r.deadline(c, us(13609375))
	r.to(us(10000000))
	r.hear(c, "192.0.2.9", 150)
	r.deadline(c, us(13609375))
	r.to(us(10000001))
	r.hear(c, "192.0.2.9", 150)
	r.deadline(c, us(13609376))
}

func TestKeepalived_3_PriorityChangeShiftsTheRunningTimer(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{Sum: 50}, &r.out)
	r.deadline(c, us(4609375-609375+414062))
	r.take("signal 0 BACKUP 150", "(X) Changing effective priority from 100 to 150")
}

func TestKeepalived_3_DownTimerAdverts(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.DownAdverts = 1 })
	newRig(t, c).deadline(c, us(1609375))
}

func TestKeepalived_4_PreemptDelay(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.PreemptDelay = 5 * time.Second })
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.hear(c, "192.0.2.9", 90)
	r.deadline(c, us(5609375))
	r.take("(X) start preempt delay (5.000000)")
	r.to(us(3000000))
	r.hear(c, "192.0.2.9", 100)
	r.take("(X) stop preempt delay")
	r.to(us(4000000))
	r.hear(c, "192.0.2.9", 90)
	r.take("(X) start preempt delay (5.000000)")
	for _, at := range []int64{6000000, 8999999} {
		r.to(us(at))
		r.hear(c, "192.0.2.9", 90)
		r.deadline(c, us(at+3609375))
	}
	r.to(us(9000000))
	r.hear(c, "192.0.2.9", 90)
	r.deadline(c, us(8999999+3609375))
	r.take("(X) received lower priority (90) advert from 192.0.2.9 - discarding")
}

func TestKeepalived_4_LowerPrioNoAdvert(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.LowerPrioNoAdvert = true })
	r := master(t, c)
	r.to(us(4000000))
	r.hear(c, "192.0.2.9", 99)
	r.take("announce 5", "signal 1 MASTER 100",
		"(X) Received advert from 192.0.2.9 with lower priority 99, ours 100")
	r.deadline(c, us(4609375))
}

func TestKeepalived_4_HigherPrioSendAdvert(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.HigherPrioSendAdvert = true })
	r := master(t, c)
	r.hear(c, "192.0.2.9", 101)
	if got := r.drain()[0]; got != "send 100 to 224.0.0.18" {
		t.Error(got)
	}
	r.role(c, vrrp.Backup)
}

func TestKeepalived_4_OwnAddressIsIgnoredAndDoesNotSilenceTheMaster(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	for i := range int64(10) {
		r.hear(c, "192.0.2.1", 100)
		r.to(us(3609375 + i*90000))
	}
	r.deadline(c, us(4609375))
	r.take("(X) WARNING - equal priority advert received from remote host with our IP address.")
}

func TestKeepalived_4_TwoOwnersLowerAddressYields(t *testing.T) {
	c := config("X", 1, 255)
	r := master(t, c)
	r.hear(c, "192.0.2.2", 255)
	r.role(c, vrrp.Backup)
	r.take("(X) Entering BACKUP STATE (two address owners: yielding to 192.0.2.2 with the higher address)",
		"(X) CONFIGURATION ERROR: local instance and 192.0.2.2 are both configured as address owner, please resolve",
		"(X) master set to 192.0.2.2")
}

func TestKeepalived_4_TwoOwnersHigherAddressWaits(t *testing.T) {
	c := config("X", 1, 255)
	r := master(t, c) // at 3.003906
	r.hear(c, "192.0.2.0", 255)
	r.take("(X) CONFIGURATION ERROR: local instance and 192.0.2.0 are both configured as address owner, please resolve")
	r.to(us(5003906)) // two adverts later
	r.drain()
	r.to(us(6203905))
	r.drain()
	r.to(us(6203906)) // and 1.2 intervals
	r.take("(X) rogue address owner appears to have stopped advertising")
	r.role(c, vrrp.Master)
}

func TestKeepalived_4_TwoOwnersTheOtherOneDoesNotYield(t *testing.T) {
	c := config("X", 1, 255)
	r := master(t, c)
	for _, at := range []int64{3500000, 4500000, 5003905} {
		r.to(us(at))
		r.hear(c, "192.0.2.0", 255)
		r.role(c, vrrp.Master)
	}
	r.to(us(5500000))
	r.drain()
	r.hear(c, "192.0.2.0", 255)
	r.role(c, vrrp.Backup)
	if got := r.view(c).Priority; got != 254 {
		t.Errorf("effective priority %d", got)
	}
	r.take("(X) Entering BACKUP STATE (two address owners: 192.0.2.0 does not yield)", "signal 0 MASTER 254",
		"(X) 192.0.2.0 is still advertising as address owner, please resolve - reducing our priority",
		"(X) Changing effective priority from 255 to 254", "(X) master set to 192.0.2.0")
	r.hear(c, "192.0.2.0", 255)
	if got := r.view(c).Priority; got != 254 {
		t.Errorf("effective priority %d while the other owner goes on", got)
	}
	r.hear(c, "192.0.2.7", 255)
	if got := r.view(c).Priority; got != 255 {
		t.Errorf("effective priority %d after another sender", got)
	}
}

func TestKeepalived_4_OwnerIgnoreAdverts(t *testing.T) {
	c := with(config("X", 1, 255), func(c *vrrp.Config) { c.OwnerIgnoreAdverts = true })
	r := master(t, c)
	r.hear(c, "192.0.2.2", 255)
	r.role(c, vrrp.Master)
	r.take()
}

func TestKeepalived_4_FaultHearsNothing(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	r.s.Link(r.now, "eth0", vrrp.LinkState{Exists: true}, &r.out)
	r.drain()
	r.hear(c, "192.0.2.9", 150)
	r.role(c, vrrp.Fault)
	r.take()
}

func TestKeepalived_5_AnotherAddressListIsUsedAllTheSame(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.hear(with(c, func(c *vrrp.Config) { c.VIPs = append(c.VIPs, netip.MustParseAddr("192.0.2.200")) }), "192.0.2.9", 150)
	r.deadline(c, us(5609375))
	r.take("(X) expected 1 VIPs but received 2 from 192.0.2.9")
	r.hear(with(c, func(c *vrrp.Config) { c.VIPs[0] = netip.MustParseAddr("192.0.2.201") }), "192.0.2.9", 150)
	r.take("(X) ip address associated with VRID 1 not present in MASTER advert: 192.0.2.1 (from 192.0.2.9)")
	if got := r.view(c).Stats.AddressErrors; got != 2 {
		t.Errorf("counted %d", got)
	}
}

func TestKeepalived_5_SkipCheckAdvAddr(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.SkipCheckAdvAddr = true })
	r := backup(t, c, "192.0.2.9", 150)
	other := with(c, func(c *vrrp.Config) { c.VIPs[0] = netip.MustParseAddr("192.0.2.201") })
	r.hear(other, "192.0.2.9", 150)
	if got := r.view(c).Stats.AddressErrors; got != 0 {
		t.Errorf("the known master was checked")
	}
	r.hear(other, "192.0.2.10", 150)
	if got := r.view(c).Stats.AddressErrors; got != 1 {
		t.Errorf("a new sender was not checked")
	}
}

// unicast is a unicast router with one peer, and how that peer sees it.
func unicast() (c, peer vrrp.Config) {
	c = config("X", 1, 100)
	c.From = linkUp.Source4
	c.Peers = []vrrp.Peer{{Addr: netip.MustParseAddr("192.0.2.9"), MinTTL: 255, MaxTTL: 255}}
	peer = c
	peer.Group = linkUp.Source4
	return c, peer
}

func TestKeepalived_5_CheckUnicastSource(t *testing.T) {
	c, peer := unicast()
	c.CheckUnicastSource = true
	r := newRig(t, c)
	r.drain()
	r.hear(peer, "192.0.2.8", 150)
	r.take("(X) unicast source address 192.0.2.8 not a unicast peer")
	r.hear(peer, "192.0.2.9", 150)
	r.take("(X) master set to 192.0.2.9")
	d := advert(peer, "192.0.2.9", 150, r.now)
	d.Data[8] = 254
	r.packet(d)
	r.take("(X) TTL/HL 254 not in range 255 - 255 (from 192.0.2.9)")
}

func TestKeepalived_5_UnicastIsForTheRouterWithThatAddress(t *testing.T) {
	c, peer := unicast()
	multicast := config("Y", 1, 100)
	r := newRig(t, c, multicast)
	r.hear(peer, "192.0.2.9", 150)
	r.hear(multicast, "192.0.2.7", 150)
	if a, b := r.view(c).Master.String(), r.view(multicast).Master.String(); a != "192.0.2.9" || b != "192.0.2.7" {
		t.Errorf("masters %s and %s", a, b)
	}
}

func TestKeepalived_5_UnicastWithoutConfiguredSource(t *testing.T) {
	c, peer := unicast()
	c.From = netip.Addr{}
	r := newRig(t, c)
	r.drain()
	r.hear(peer, "192.0.2.9", 150)
	r.take("(X) master set to 192.0.2.9")
	r.hear(config("X", 1, 100), "192.0.2.7", 150)
	r.take("(X) Expected unicast packet but received multicast packet (from 192.0.2.7)")
}

func TestKeepalived_5_UnicastTTLIsNotChecked(t *testing.T) {
	c, peer := unicast()
	r := newRig(t, c)
	d := advert(peer, "192.0.2.9", 150, r.now)
	d.Data[8] = 3
	r.packet(d)
	if !r.view(c).Master.IsValid() {
		t.Error("not accepted")
	}
}

func TestKeepalived_6_OnePacketForEveryPeer(t *testing.T) {
	c, _ := unicast()
	c.Peers = append(c.Peers, vrrp.Peer{Addr: netip.MustParseAddr("192.0.2.10")})
	r := master(t, c)
	r.to(us(4609375))
	if len(r.out.Sends) != 2 {
		t.Fatalf("%d packets", len(r.out.Sends))
	}
	for i, s := range r.out.Sends {
		a, _ := wire.Decode(&wire.Datagram{Data: s.Data})
		if a.Check() != wire.Sound || a.Dst != c.Peers[i].Addr || s.Dst != a.Dst || a.Src != linkUp.Source4 {
			t.Errorf("packet %d: %v to %v", i, a.Check(), a.Dst)
		}
	}
	if got := r.view(c).Stats.AdvertSent; got != 2 {
		t.Errorf("%d adverts counted, want 2 (not packets)", got)
	}
}

func TestKeepalived_6_OldUnicastChecksumIsFollowedOnceHeard(t *testing.T) {
	for _, mode := range []vrrp.OldChecksum{vrrp.OldChecksumAuto, vrrp.OldChecksumAlways, vrrp.OldChecksumNever} {
		c, peer := unicast()
		c.OldUnicastChecksum = mode
		r := newRig(t, c)
		r.drain()
		s := wire.Spec{Version: 3, VRID: 1, Interval: time.Second, VIPs: c.VIPs, Src: c.Peers[0].Addr,
			TTL: 255, Form: wire.OldUnicast, Group: c.Group}
		p := wire.Build(&s)
		r.packet(&wire.Datagram{Link: "eth0", Data: p.Append(nil, peer.Group, 150, 1, nil), At: r.now})
		accepted := r.view(c).Master.IsValid()
		if accepted != (mode != vrrp.OldChecksumNever) {
			t.Errorf("mode %d: accepted %v", mode, accepted)
		}
		r.to(us(3609375))
		a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
		if old := a.Verify(wire.OldUnicast, c.Group) == wire.Sound; old != accepted {
			t.Errorf("mode %d: sends the old form: %v", mode, old)
		}
	}
}

func TestKeepalived_6_ChecksumAsV2IsNotVerified(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.ChecksumAsV2 = true })
	r := newRig(t, c)
	d := advert(c, "192.0.2.9", 150, r.now)
	d.Data[26]++
	r.packet(d)
	if !r.view(c).Master.IsValid() {
		t.Error("not accepted")
	}
	r.to(us(3609375))
	a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
	if a.Verify(wire.Plain, c.Group) != wire.Sound {
		t.Error("sent with a pseudo header")
	}
}

func TestKeepalived_7_PasswordIsSentAndExpected(t *testing.T) {
	c := with(version2(config("X", 1, 100)), func(c *vrrp.Config) { c.HasPass, c.Password = true, [8]byte{'s', '3'} })
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(4609375))
	a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
	if a.AuthType != wire.Pass || a.Password() != c.Password {
		t.Errorf("type %d, password %q", a.AuthType, a.Password())
	}
}

func TestKeepalived_8_EffectivePriorityIsLimited(t *testing.T) {
	for _, test := range []struct {
		base uint8
		sum  int
		want uint8
	}{{100, 0, 100}, {100, -10, 90}, {100, -253, 1}, {100, 253, 254}, {254, 1, 254}, {1, -1, 1}, {255, -100, 255}} {
		c := config("X", 1, test.base)
		r := newRig(t, c)
		r.s.Weigh(r.now, r.id(c), vrrp.Standing{Sum: test.sum}, &r.out)
		if got := r.view(c).Priority; got != test.want {
			t.Errorf("%d%+d gives %d, want %d", test.base, test.sum, got, test.want)
		}
	}
}

func TestKeepalived_8_FaultReasonsAreASet(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{Faults: 1, Reason: "script chk failed"}, &r.out)
	r.take("send 0 to 224.0.0.18", "send 0 to 224.0.0.18", "(X) Entering FAULT STATE (script chk failed)", "(X) sent 0 priority")
	r.s.Link(r.now, "eth0", vrrp.LinkState{Exists: true, Source4: linkUp.Source4}, &r.out)
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{}, &r.out)
	r.role(c, vrrp.Fault)
	if got := r.view(c).Reason; got != "interface eth0 is down" {
		t.Errorf("reason %q", got)
	}
	r.drain()
	r.to(us(5000000))
	r.s.Link(r.now, "eth0", linkUp, &r.out)
	r.take("(X) Entering BACKUP STATE (interface eth0 is up)", "Netlink reports eth0 up")
	r.deadline(c, us(8609375))
}

func TestKeepalived_8_LeavingFaultWaitsTheDownTimerOwnersIncluded(t *testing.T) {
	c := with(config("X", 1, 255), func(c *vrrp.Config) { c.StartMaster = true })
	r := newRig(t, c)
	r.s.Link(r.now, "eth0", vrrp.LinkState{Exists: true}, &r.out)
	r.to(us(1000000))
	r.s.Link(r.now, "eth0", linkUp, &r.out)
	r.deadline(c, us(4003906))
}

func TestKeepalived_8_WaitingForAScriptIsSilent(t *testing.T) {
	c := config("X", 1, 100)
	r := newRigWith(t, vrrp.Setup{Routers: []vrrp.Config{c}, Standing: pending})
	r.take()
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{Faults: 1, Reason: "script chk failed"}, &r.out)
	r.take("silent (X) Entering FAULT STATE (init) (script chk failed)")
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{}, &r.out)
	r.take("(X) Entering BACKUP STATE (trackers are good)")
}

func TestKeepalived_8_ANewSourceIsUsedAtOnce(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.to(us(4000000))
	l := linkUp
	l.Source4 = netip.MustParseAddr("192.0.2.77")
	r.s.Link(r.now, "eth0", l, &r.out)
	a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
	if a.Src != l.Source4 || a.Check() != wire.Sound {
		t.Errorf("source %v, %v", a.Src, a.Check())
	}
	r.drain()
	l.Source4 = netip.Addr{}
	r.s.Link(r.now, "eth0", l, &r.out)
	r.take("send 0 to 224.0.0.18", "send 0 to 224.0.0.18",
		"(X) Entering FAULT STATE (no IPv4 address for interface eth0)", "(X) sent 0 priority")
}

func TestKeepalived_2_NoGoodbyeWithoutIPv6Source(t *testing.T) {
	c := ipv6(config("X", 1, 100))
	r := master(t, c)
	l := linkUp
	l.Source6 = netip.Addr{}
	r.s.Link(r.now, "eth0", l, &r.out)
	if len(r.out.Sends) != 0 {
		t.Errorf("%d adverts without a source", len(r.out.Sends))
	}
	r.role(c, vrrp.Fault)
}

func TestKeepalived_10_AnnouncementRounds(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.Announce.Refresh = 10 * time.Second })
	r := newRig(t, c)
	r.to(us(3700000))
	r.drain()
	if r.s.Held(r.now, r.id(c), &r.out); !r.view(c).Announced {
		t.Error("not announced")
	}
	r.take("announce 5")
	var at []time.Duration
	for r.now < 40*second {
		r.now = r.s.Deadline()
		r.s.Expire(r.now, &r.out)
		for range r.out.Announces {
			at = append(at, time.Duration(r.now))
		}
		r.out.Reset()
	}
	want := []time.Duration{us(8700000), us(18700000), us(28700000), us(38700000)}
	if fmt.Sprint(at) != fmt.Sprint(want) {
		t.Errorf("announced at %v, want %v", at, want)
	}
}

func TestKeepalived_10_NothingIsAnnouncedBeforeItIsHeld(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	r.s.Held(r.now, r.id(c), &r.out) // as BACKUP
	r.to(us(4000000))
	r.hear(c, "192.0.2.9", 99)
	if len(r.out.Announces) != 0 {
		t.Error("announced")
	}
}

// twins are two members of a sync group.
func twins() (a, b vrrp.Config, setup vrrp.Setup) {
	a, b = config("A", 1, 150), config("B", 2, 100)
	b.Link = "eth1"
	setup.Routers = []vrrp.Config{a, b}
	setup.Groups = []vrrp.Group{{Name: "G", Members: []vrrp.Key{a.Key, b.Key}}}
	return a, b, setup
}

func TestKeepalived_11_MasterOnlyWhenEveryMemberWantsIt(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.take("(A) Entering BACKUP STATE (init)", "(B) Entering BACKUP STATE (init)",
		"silent VRRP_Group(G) Syncing instances to BACKUP state (init)")
	r.to(us(3414062))
	r.role(a, vrrp.Backup)
	r.deadline(a, us(3414062+3414062)) // ready first: starts its timer anew
	r.drain()
	r.to(us(3609375))
	r.take("send 100 to 224.0.0.18", "send 150 to 224.0.0.18",
		"(B) Entering MASTER STATE (master down: nothing heard for 3.609s)",
		"(A) Entering MASTER STATE (sync group G: B: master down: nothing heard for 3.609s)",
		"VRRP_Group(G) Syncing instances to MASTER state (B: master down: nothing heard for 3.609s)",
		"(B) Receive advertisement timeout")
	r.role(b, vrrp.Master)
}

func TestKeepalived_11_AHeardMasterTakesTheReadinessBack(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(3500000)) // A is ready
	r.hear(a, "192.0.2.9", 200)
	r.to(us(3609375)) // B alone is not enough
	r.role(b, vrrp.Backup)
}

func TestKeepalived_11_OneMemberTakesAllToBackupWithoutGoodbye(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(4000000))
	r.drain()
	r.hear(b, "192.0.2.9", 120)
	r.take("(B) Entering BACKUP STATE (preempted by 192.0.2.9 priority 120)",
		"(A) Entering BACKUP STATE (sync group G: B: preempted by 192.0.2.9 priority 120)",
		"VRRP_Group(G) Syncing instances to BACKUP state (B: preempted by 192.0.2.9 priority 120)",
		"(B) Master received advert from 192.0.2.9 with higher priority 120, ours 100", "(B) master set to 192.0.2.9")
	r.deadline(a, us(7414062))
}

func TestKeepalived_11_FaultTakesAllAndAllReturn(t *testing.T) {
	a, _, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(4000000))
	r.drain()
	r.s.Link(r.now, "eth1", vrrp.LinkState{Exists: true, Source4: linkUp.Source4}, &r.out)
	r.take("send 0 to 224.0.0.18", "send 0 to 224.0.0.18", "send 0 to 224.0.0.18",
		"(B) Entering FAULT STATE (interface eth1 is down)",
		"(A) Entering FAULT STATE (sync group G: B: interface eth1 is down)",
		"VRRP_Group(G) Syncing instances to FAULT state (B: interface eth1 is down)",
		"Netlink reports eth1 down", "(B) sent 0 priority", "(A) sent 0 priority")
	r.to(us(5000000))
	r.s.Link(r.now, "eth1", linkUp, &r.out)
	r.take("(A) Entering BACKUP STATE (interface eth1 is up)", "(B) Entering BACKUP STATE (interface eth1 is up)",
		"VRRP_Group(G) Syncing instances to BACKUP state (interface eth1 is up)", "Netlink reports eth1 up")
	r.deadline(a, us(8414062))
}

func TestKeepalived_11_OneWaitingMemberKeepsTheGroupOut(t *testing.T) {
	a, b, setup := twins()
	setup.Standing = func(k vrrp.Key) vrrp.Standing { return vrrp.Standing{Pending: k == b.Key} }
	r := newRigWith(t, setup)
	r.take()
	r.s.Weigh(r.now, r.id(b), vrrp.Standing{}, &r.out)
	r.role(a, vrrp.Backup)
	r.role(b, vrrp.Backup)
}

func TestKeepalived_11_MixedStartHoldsMastersInBackup(t *testing.T) {
	a, b, setup := twins()
	setup.Routers[0].StartMaster = true
	r := newRigWith(t, setup)
	r.deadline(a, us(1003906))
	r.deadline(b, us(3609375))
}

func TestKeepalived_11_OwnersStartAtOnceOnlyTogether(t *testing.T) {
	a, b, setup := twins()
	for i := range setup.Routers {
		setup.Routers[i].Priority, setup.Routers[i].StartMaster = 255, true
	}
	r := newRigWith(t, setup)
	r.to(us(1))
	r.role(a, vrrp.Master)
	r.role(b, vrrp.Master)
}

func TestKeepalived_11_LowerAdvertAnnouncesSiblingsToo(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(4000000))
	r.s.Held(r.now, r.id(a), &r.out)
	r.s.Held(r.now, r.id(b), &r.out)
	r.drain()
	r.hear(b, "192.0.2.9", 50)
	if len(r.out.Announces) != 2 {
		t.Errorf("%d announcements, want one for each member", len(r.out.Announces))
	}
}

func TestKeepalived_17_AnUnchangedReloadDoesNothing(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(4000000))
	r.drain()
	r.setup.Routers = []vrrp.Config{b, with(a, func(c *vrrp.Config) { c.Name = "renamed" })}
	before := r.view(a)
	r.apply()
	r.take()
	after := r.view(a)
	if before.Role != after.Role || before.Deadline != after.Deadline || before.ID != after.ID || before.Stats != after.Stats {
		t.Errorf("was %+v, is %+v", before, after)
	}
	if after.Config.Name != "renamed" {
		t.Error("the name is the old one")
	}
}

func TestKeepalived_17_AMasterSaysAtOnceWhatHasChanged(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.to(us(4000000))
	r.setup.Routers = []vrrp.Config{with(c, func(c *vrrp.Config) { c.Priority = 90 })}
	r.apply()
	r.role(c, vrrp.Master)
	r.take("send 90 to 224.0.0.18", "signal 0 MASTER 90", "(X) Changing effective priority from 100 to 90")
	r.deadline(c, us(5000000))
	r.setup.Routers = []vrrp.Config{with(r.setup.Routers[0], func(c *vrrp.Config) { c.VIPs[0] = netip.MustParseAddr("192.0.2.50") })}
	r.apply()
	a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
	if a.Addr(0) != netip.MustParseAddr("192.0.2.50") {
		t.Errorf("advertises %v", a.Addr(0))
	}
}

func TestKeepalived_17_ABackupKeepsItsTimer(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.setup.Routers = []vrrp.Config{with(c, func(c *vrrp.Config) { c.Priority = 150 })}
	r.apply()
	r.deadline(c, us(4609375-609375+414062))
	r.setup.Routers = []vrrp.Config{with(c, func(c *vrrp.Config) { c.Interval, c.Priority = 2*time.Second, 150 })}
	r.apply()
	r.deadline(c, us(1000000+2*3414062+1))
}

func TestKeepalived_17_ARemovedRouterSaysGoodbye(t *testing.T) {
	a, b := config("A", 1, 100), config("B", 2, 100)
	r := newRig(t, a, b)
	r.to(us(4000000))
	r.drain()
	gone := r.id(a)
	c := config("C", 3, 100)
	r.setup.Routers = []vrrp.Config{b, c}
	r.apply()
	r.take("send 0 to 224.0.0.18", "(A) removing VIPs. (no longer configured)", "(C) Entering BACKUP STATE (init)", "(A) sent 0 priority")
	if _, ok := r.s.Lookup(a.Key); ok || r.s.Len() != 2 || r.s.View(gone).Config != nil {
		t.Error("A is still there")
	}
	if r.id(c) == gone {
		t.Error("the ID of a removed router went to another one in the same step")
	}
	r.setup.Routers = []vrrp.Config{b, c, config("D", 4, 100)}
	r.apply()
	if r.id(r.setup.Routers[2]) != gone {
		t.Error("the ID is not used again")
	}
	r.to(us(20000000))
}

func TestKeepalived_17_GroupsAreFormedAnew(t *testing.T) {
	a, b, setup := twins()
	alone := vrrp.Setup{Routers: setup.Routers}
	r := newRigWith(t, alone)
	r.to(us(3500000))
	r.role(a, vrrp.Master)
	r.role(b, vrrp.Backup)
	r.drain()
	r.setup = setup
	r.apply()
	r.take("(A) Entering BACKUP STATE (sync group formed anew)", "silent VRRP_Group(G) Syncing instances to BACKUP state (sync group formed anew)")
	r.to(us(10000000))
	r.role(a, vrrp.Master)
	r.role(b, vrrp.Master)
	r.drain()
	c := config("C", 3, 100)
	r.setup.Routers = append(r.setup.Routers[:2:2], c)
	r.setup.Groups = []vrrp.Group{{Name: "G", Members: []vrrp.Key{a.Key, b.Key, c.Key}}}
	r.apply()
	r.take("send 100 to 224.0.0.18", "(C) Entering MASTER STATE (sync group G is MASTER)")
}

func TestKeepalived_17_AFaultyNewcomerTakesItsGroupAlong(t *testing.T) {
	a, _, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(4000000))
	c := config("C", 3, 100)
	c.Link = "eth9"
	r.setup.Routers = append(r.setup.Routers[:2:2], c)
	r.setup.Groups = []vrrp.Group{{Name: "G", Members: []vrrp.Key{a.Key, setup.Routers[1].Key, c.Key}}}
	r.apply()
	r.role(a, vrrp.Fault)
	r.role(c, vrrp.Fault)
}

func TestKeepalived_18_AGroupStopsInOneStep(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(4000000))
	r.drain()
	r.s.Stop(r.now, &r.out)
	r.take("send 0 to 224.0.0.18", "send 0 to 224.0.0.18", "(A) sent 0 priority", "(B) sent 0 priority")
	r.to(us(4400000))
	r.hear(a, "192.0.2.9", 90)
	r.to(us(4500000))
	r.role(a, vrrp.Master)
	r.hear(b, "192.0.2.9", 90)
	r.to(us(4550000))
	r.take("(A) removing VIPs. (stopping, 192.0.2.9 took over)", "(B) removing VIPs. (stopping, 192.0.2.9 took over)",
		"silent VRRP_Group(G) Syncing instances to STOP state (stopping, 192.0.2.9 took over)")
	if !r.s.Stopped() || r.s.Deadline() != mono.Never {
		t.Error("not stopped")
	}
}

func TestKeepalived_19_LateByLessThanTheDownTimerGoesOn(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)    // at 3.609375
	r.sleep(us(8218750)) // the advert of 4.609375 is overdue by the down timer
	r.s.Expire(r.now, &r.out)
	r.take("send 100 to 224.0.0.18") // and the others are not made up for
	r.deadline(c, us(8609375))       // fixed rate
}

func TestKeepalived_19_LateByMoreThanTheDownTimerIsSilent(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.sleep(us(8218751))
	r.s.Expire(r.now, &r.out)
	r.take("A thread timer expired 3.609376 seconds ago")
}
