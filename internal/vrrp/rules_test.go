package vrrp_test

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// What holdfast does beyond RFC 9568 and keepalived.

// many are n routers on links of 255.
func many(n int) (setup vrrp.Setup) {
	for i := range n {
		c := config("X", uint8(i%255+1), 100)
		c.Link = []string{"eth0", "eth1", "eth2", "eth3", "eth4", "eth5", "eth6", "eth7", "eth8", "eth9", "eth10",
			"eth11", "eth12", "eth13", "eth14", "eth15"}[i/255]
		setup.Routers = append(setup.Routers, c)
	}
	return setup
}

func TestAdvertsOfManyRoutersAreSpreadOverSlots(t *testing.T) {
	setup := many(510)
	r := newRigWith(t, setup)
	r.to(us(3609375))
	if len(r.out.Sends) != 510 {
		t.Fatalf("%d first adverts", len(r.out.Sends))
	}
	first := r.now
	r.out.Reset()
	last := map[vrrp.ID]mono.Instant{}
	wakes := 0
	for r.s.Deadline() <= first.Add(5*time.Second) {
		r.now = r.s.Deadline()
		r.s.Expire(r.now, &r.out)
		wakes++
		if n := len(r.out.Sends); n > 16 { // 510 routers in 32 slots
			t.Fatalf("%d adverts at once", n)
		}
		for _, s := range r.out.Sends {
			gap := r.now.Sub(first)
			if at, ok := last[s.ID]; ok {
				gap = r.now.Sub(at)
				if gap != time.Second {
					t.Fatalf("router %d: %v between adverts", s.ID, gap)
				}
			}
			if gap > time.Second {
				t.Fatalf("router %d: the first interval was stretched to %v", s.ID, gap)
			}
			last[s.ID] = r.now
		}
		r.out.Reset()
	}
	if wakes != 5*32 {
		t.Errorf("%d wake-ups in five intervals, want 32 for each", wakes)
	}
}

// The instants of an interval are shared by neighbours, but by no more than a twentieth
// of all.
func TestNeighboursAdvertiseTogether(t *testing.T) {
	r := newRigWith(t, many(1000))
	r.to(us(3609375))
	end := r.now.Add(2 * time.Second)
	r.out.Reset()
	for r.s.Deadline() <= end {
		r.now = r.s.Deadline()
		r.s.Expire(r.now, &r.out)
		if n := len(r.out.Sends); n < 8 || n > 50 {
			t.Fatalf("%d adverts at once", n)
		}
		r.out.Reset()
	}
}

func TestFewRoutersKeepTheirPhase(t *testing.T) {
	r := newRigWith(t, many(32))
	r.to(us(3609375))
	r.deadline(r.setup.Routers[7], us(4609375))
}

func remember(m vrrp.Memory) func(vrrp.Key) (vrrp.Memory, bool) {
	return func(vrrp.Key) (vrrp.Memory, bool) { return m, true }
}

func TestResume(t *testing.T) {
	tests := []struct {
		name string
		past vrrp.Memory
		want vrrp.Role
	}{
		{"just in time", vrrp.Memory{Role: vrrp.Master, Holding: true, LastAdvert: mono.Instant(us(10000000 - 3003905))}, vrrp.Master},
		{"too late", vrrp.Memory{Role: vrrp.Master, Holding: true, LastAdvert: mono.Instant(us(10000000 - 3003906))}, vrrp.Backup},
		{"addresses lost", vrrp.Memory{Role: vrrp.Master, LastAdvert: 9 * second}, vrrp.Backup},
		{"was backup", vrrp.Memory{Role: vrrp.Backup, Holding: true, LastAdvert: 9 * second}, vrrp.Backup},
		{"of another boot", vrrp.Memory{Role: vrrp.Master, Holding: true, LastAdvert: 11 * second}, vrrp.Backup},
	}
	for _, test := range tests {
		c := config("X", 1, 100)
		r := newRig(t)
		r.to(us(10000000))
		r.setup = vrrp.Setup{Routers: []vrrp.Config{c}, Past: remember(test.past), Standing: pending}
		if test.want == vrrp.Backup {
			r.setup.Standing = nil // waiting for a script must not cost a resumed router its role
		}
		r.apply()
		if got := r.view(c).Role; got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		if test.want != vrrp.Master {
			continue
		}
		r.take("send 100 to 224.0.0.18", "(X) Entering MASTER STATE (resumed)")
		r.s.Held(r.now, r.id(c), &r.out)
		r.take("announce 5")
	}
}

func TestResumeOfAGroupIsWholeOrNotAtAll(t *testing.T) {
	for _, whole := range []bool{true, false} {
		a, b, setup := twins()
		setup.Past = func(k vrrp.Key) (vrrp.Memory, bool) {
			return vrrp.Memory{Role: vrrp.Master, Holding: whole || k == a.Key}, true
		}
		r := newRigWith(t, setup)
		for _, c := range []vrrp.Config{a, b} {
			if got := r.view(c).Role == vrrp.Master; got != whole {
				t.Errorf("%s resumed: %v, want %v", c.Name, got, whole)
			}
		}
	}
}

func TestOversleptMasterReadsWhatWaitsAndYields(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c) // at 3.609375
	r.sleep(us(9000000))
	for _, at := range []int64{7000000, 8000000} { // as they waited in the socket
		r.packet(advert(c, "192.0.2.9", 90, mono.Instant(us(at))))
	}
	r.s.Expire(r.now, &r.out)
	r.take("(X) Entering BACKUP STATE (overslept: silent for 5.391s, 192.0.2.9 took over)",
		"A thread timer expired 4.390625 seconds ago",
		"(X) received lower priority (90) advert from 192.0.2.9 - discarding",
		"(X) received lower priority (90) advert from 192.0.2.9 - discarding")
	r.deadline(c, us(9000000+3609375))
}

func TestOversleptMasterListensForOneInterval(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.sleep(us(9000000))
	r.s.Expire(r.now, &r.out)
	r.role(c, vrrp.Master)
	r.take("A thread timer expired 4.390625 seconds ago")
	r.deadline(c, us(10000000))
	r.to(us(9900000))
	r.hear(c, "192.0.2.9", 90)
	r.role(c, vrrp.Backup)
}

func TestOversleptMasterGoesOnIfNobodyTookOver(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.Announce.Delay = 0 })
	r := master(t, c)
	r.sleep(us(9000000))
	r.packet(advert(c, "192.0.2.9", 90, mono.Instant(us(4000000)))) // from before the pause
	r.s.Expire(r.now, &r.out)
	r.drain()
	r.to(us(10000000))
	r.take("send 100 to 224.0.0.18", "announce 5")
	r.role(c, vrrp.Master)
	r.deadline(c, us(11000000))
}

func TestOversleptBackupListensFirst(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.sleep(us(60000000))
	r.s.Expire(r.now, &r.out)
	r.role(c, vrrp.Backup)
	r.deadline(c, us(60000000+1609375))
	r.to(us(61609375))
	r.role(c, vrrp.Master)
}

func TestAMissingInterfaceIsWaitedFor(t *testing.T) {
	c := config("X", 1, 100)
	c.Link = "eth9"
	r := newRig(t, c)
	r.take("(X) Entering FAULT STATE (init) (interface eth9 does not exist)")
	if r.s.Deadline() != mono.Never {
		t.Error("something is to be done without an interface")
	}
	r.s.Link(r.now, "eth9", vrrp.LinkState{Exists: true}, &r.out)
	r.take()
	r.s.Link(r.now, "eth9", vrrp.LinkState{Exists: true, Up: true}, &r.out)
	r.take("Netlink reports eth9 up")
	r.s.Link(r.now, "eth9", linkUp, &r.out)
	r.take("(X) Entering BACKUP STATE (IPv4 address for interface eth9)")
}

func TestAMasterWhoseLinkReturnsAnnouncesItsAddresses(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.DontTrackPrimary = true })
	r := master(t, c)
	down := linkUp
	down.Up = false
	r.s.Link(r.now, "eth0", down, &r.out)
	r.role(c, vrrp.Master)
	r.take("Netlink reports eth0 down")
	r.s.Link(r.now, "eth0", linkUp, &r.out)
	r.take("announce 5", "Netlink reports eth0 up")
	r.s.Link(r.now, "eth1", linkUp, &r.out)
	r.take()
}

func TestARouterWithoutInterfaceDependsOnNone(t *testing.T) {
	c, peer := unicast()
	c.Link, peer.Link = "", ""
	r := newRig(t, c)
	r.role(c, vrrp.Backup)
	r.hear(peer, "192.0.2.9", 150) // by a socket that hears on every link
	if !r.view(c).Master.IsValid() {
		t.Error("not heard")
	}
}

func TestUnknownVRIDIsNotedOncePerLink(t *testing.T) {
	r := newRigWith(t, vrrp.Setup{LogUnknownVRIDs: true})
	for range 3 {
		r.hear(config("X", 77, 1), "192.0.2.9", 150)
	}
	r.take("Unknown VRID(77) received on interface(eth0). ignoring...")
}

func TestAfterStopNothingHappens(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.s.Stop(r.now, &r.out)
	r.drain()
	r.apply()
	r.s.Stop(r.now, &r.out)
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{Faults: 1}, &r.out)
	r.s.Held(r.now, r.id(c), &r.out)
	r.take()
}

// TestMemory: 4,000 routers and their configuration.
func TestMemory(t *testing.T) {
	setup := many(4000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, out := vrrp.New(), &vrrp.Out{}
	for i := range setup.Routers {
		s.Link(0, setup.Routers[i].Link, linkUp, out)
	}
	s.Apply(0, &setup, out)
	*out = vrrp.Out{}
	runtime.GC()
	runtime.ReadMemStats(&after)
	got := (after.HeapAlloc - before.HeapAlloc) / 1024
	t.Logf("%d KiB", got)
	if got > 3*1024 {
		t.Errorf("%d KiB for 4,000 routers", got)
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(setup)
}

// TestRandomPacketsChangeNothing: neither noise nor spoilt adverts move a role or
// a deadline, and what is said about them is bounded.
func TestRandomPacketsChangeNothing(t *testing.T) {
	r4, rnd := backup(t, config("X", 1, 100), "192.0.2.9", 150), rand.New(rand.NewPCG(1, 2))
	c := config("X", 1, 100)
	for range 200000 {
		d := advert(c, "192.0.2.9", 150, r4.now)
		if rnd.IntN(2) == 0 {
			d.Data = make([]byte, rnd.IntN(64))
		}
		for range 1 + rnd.IntN(8) {
			if len(d.Data) > 20 {
				d.Data[20+rnd.IntN(len(d.Data)-20)] ^= byte(1 + rnd.IntN(255))
			}
		}
		if a, flaw := wire.Decode(d); flaw == wire.Sound && a.Check() == wire.Sound {
			continue // by chance
		}
		r4.packet(d)
	}
	r4.role(c, vrrp.Backup)
	r4.deadline(c, us(4609375))
	if n := len(r4.drain()); n > 16 {
		t.Errorf("%d lines about them", n)
	}
}

func TestNotesHaveWords(t *testing.T) {
	for kind := vrrp.NoteTimeout; kind <= vrrp.NoteClockSkew; kind++ {
		n := vrrp.Note{Kind: kind, Name: "X", Addr: netip.MustParseAddr("192.0.2.9"), A: 1, B: 2}
		if n.String() == "" {
			t.Errorf("note %d", kind)
		}
	}
	if !(vrrp.Note{Kind: vrrp.NoteSentZero}).Detail() || (vrrp.Note{Kind: vrrp.NoteHigherHeard}).Detail() {
		t.Error("details are not what -D shows")
	}
}

// FuzzReceive: no datagram can bring the machine down or make it want to be
// woken in the past.
func FuzzReceive(f *testing.F) {
	for _, c := range []vrrp.Config{config("X", 1, 100), version2(config("X", 1, 100)), ipv6(config("X", 1, 100))} {
		d := advert(c, map[bool]string{false: "192.0.2.9", true: "fe80::9"}[c.V6], 150, 0)
		f.Add(c.V6, c.Version, d.Data)
	}
	f.Fuzz(func(t *testing.T, v6 bool, version uint8, data []byte) {
		c := config("X", 1, 100)
		if v6 {
			c = ipv6(c)
		}
		c.Version = 2 + version%2
		r := newRig(t, c)
		for range 3 {
			r.packet(&wire.Datagram{Link: "eth0", V6: v6, Data: data, Src: netip.MustParseAddr("fe80::9"), Dst: c.Group, HopLimit: 255, At: r.now})
			r.to(time.Duration(r.now) + 3*time.Second)
		}
	})
}

func BenchmarkReceive(b *testing.B) {
	setup := many(4000)
	s, out := vrrp.New(), &vrrp.Out{}
	for i := range setup.Routers {
		s.Link(0, setup.Routers[i].Link, linkUp, out)
	}
	s.Apply(0, &setup, out)
	var all []*wire.Datagram
	for _, c := range setup.Routers {
		all = append(all, advert(c, "192.0.2.9", 150, 0))
	}
	now := mono.Instant(0)
	for i := 0; b.Loop(); i++ {
		now = now.Add(250 * time.Microsecond)
		out.Reset()
		d := all[i%len(all)]
		d.At = now
		s.Receive(now, d, out)
		s.Deadline()
	}
}

func BenchmarkExpire(b *testing.B) {
	setup := many(4000)
	s, out := vrrp.New(), &vrrp.Out{}
	for i := range setup.Routers {
		s.Link(0, setup.Routers[i].Link, linkUp, out)
	}
	s.Apply(0, &setup, out)
	for s.Deadline() < 5*second {
		out.Reset()
		s.Expire(s.Deadline(), out)
	}
	sent := 0
	for b.Loop() {
		out.Reset()
		s.Expire(s.Deadline(), out)
		sent += len(out.Sends)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(sent), "ns/advert")
}

func TestViewShowsWhoIsMaster(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.to(us(2000000))
	r.hear(c, "192.0.2.8", 90)
	v := r.view(c)
	if v.Master.String() != "192.0.2.8" || v.MasterPriority != 90 || v.Heard != 2*second || v.Want != vrrp.Backup {
		t.Errorf("%+v", v)
	}
	r.hear(c, "192.0.2.9", 150)
	if v = r.view(c); v.Master.String() != "192.0.2.9" || v.MasterPriority != 150 {
		t.Errorf("%+v", v)
	}
	r.take("(X) received lower priority (90) advert from 192.0.2.8 - discarding")
	if v.Stats.AdvertReceived != 3 || v.Down != us(3609375) || v.Interval != time.Second {
		t.Errorf("%+v", v)
	}
	r.s.ClearStats()
	if r.view(c).Stats != (vrrp.Stats{}) {
		t.Error("counters were not cleared")
	}
	if got := r.s.View(99); got.Config != nil {
		t.Errorf("%+v", got)
	}
}

func TestGroupsAreShown(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(us(3414062))
	g := r.s.Groups()
	if len(g) != 1 || g[0].Name != "G" || g[0].Role != vrrp.Backup || len(g[0].Members) != 2 {
		t.Errorf("%+v", g)
	}
	if r.view(a).Want != vrrp.Master || r.view(b).Want != vrrp.Backup || r.view(a).Group != "G" {
		t.Error("the member that is ready does not show it")
	}
}

func TestAnotherMulticastGroupIsAnotherRouter(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	r.drain()
	r.hear(with(c, func(c *vrrp.Config) { c.Group = netip.MustParseAddr("224.0.0.111") }), "192.0.2.9", 150)
	r.take("(X) advert from 192.0.2.9 went to group 224.0.0.111, not ours")
	r.deadline(c, us(3609375))
}

func TestAPacketWithoutTimeStampArrivedNow(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	for _, at := range []mono.Instant{0, 99 * second} {
		r.to(time.Duration(r.now) + time.Second)
		r.packet(advert(c, "192.0.2.9", 150, at))
		r.deadline(c, time.Duration(r.now)+us(3609375))
	}
}

func TestHopLimitAndSourceAsConfigured(t *testing.T) {
	source := netip.MustParseAddr("192.0.2.99")
	for _, test := range []struct {
		ttl  uint8
		want byte
	}{{0, 255}, {7, 7}} {
		c, _ := unicast()
		c.From, c.Source, c.UnicastTTL = source, source, test.ttl
		r := master(t, c)
		r.to(us(4609375))
		a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
		if a.HopLimit != test.want || a.Src != source {
			t.Errorf("TTL %d, source %v", a.HopLimit, a.Src)
		}
	}
	c := ipv6(config("X", 1, 100))
	c.Peers = []vrrp.Peer{{Addr: netip.MustParseAddr("fe80::9")}}
	r := master(t, c)
	r.to(us(4609375))
	if got := r.out.Sends[0].HopLimit; got != 64 {
		t.Errorf("IPv6 unicast leaves with hop limit %d, keepalived's with the kernel's 64", got)
	}
}

func TestAMassTakeOverLeavesNoMemoryBehind(t *testing.T) {
	r := newRigWith(t, many(3000))
	for _, c := range r.setup.Routers {
		r.s.Link(0, c.Link, linkUp, &r.out)
	}
	r.to(us(3609375))
	if len(r.out.Sends) != 3000 {
		t.Fatalf("%d adverts", len(r.out.Sends))
	}
	for i := range r.out.Sends { // all valid until the next call, however the buffer grew
		a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[i].Data})
		if a.Check() != wire.Sound || a.VRID != r.s.View(r.out.Sends[i].ID).Config.VRID {
			t.Fatalf("advert %d: %v of VRID %d", i, a.Check(), a.VRID)
		}
	}
	r.out.Reset()
	if cap(r.out.Sends) != 0 || cap(r.out.Changes) != 0 {
		t.Error("kept")
	}
}

func TestTheReasonForFaultIsThePresentOne(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	reason := func(c vrrp.Config, want string) {
		t.Helper()
		if got := r.view(c).Reason; got != want {
			t.Errorf("reason of %s is %q, want %q", c.Name, got, want)
		}
	}
	r.s.Link(r.now, "eth0", vrrp.LinkState{Exists: true}, &r.out)
	reason(a, "interface eth0 is down")
	reason(b, "sync group G: A: interface eth0 is down")
	r.s.Link(r.now, "eth1", vrrp.LinkState{}, &r.out)
	reason(b, "interface eth1 does not exist")
	r.s.Link(r.now, "eth0", linkUp, &r.out)
	reason(a, "sync group G: B: interface eth1 does not exist")
	r.s.Weigh(r.now, r.id(b), vrrp.Standing{Pending: true}, &r.out)
	r.s.Link(r.now, "eth1", linkUp, &r.out)
	reason(b, "waiting for the first result of a tracker")
	r.role(b, vrrp.Fault)
}

func BenchmarkReload(b *testing.B) {
	setup := many(4000)
	s, out := vrrp.New(), &vrrp.Out{}
	for i := range setup.Routers {
		s.Link(0, setup.Routers[i].Link, linkUp, out)
	}
	s.Apply(0, &setup, out)
	for s.Deadline() < 5*second {
		out.Reset()
		s.Expire(s.Deadline(), out)
	}
	out.Reset()
	for b.Loop() {
		s.Apply(5*second, &setup, out)
	}
	if len(out.Sends) != 0 || len(out.Changes) != 0 {
		b.Errorf("an unchanged reload sends %d adverts and makes %d changes", len(out.Sends), len(out.Changes))
	}
}

// Section 19: a late MASTER whose last advert is older than three intervals and the
// skew of the priority of timer_expired_backup goes to BACKUP without priority 0.
func TestALateMasterStepsAsideForABackupOfThePriorityNamed(t *testing.T) {
	c := with(version2(config("A", 51, 100)), func(c *vrrp.Config) { c.LateBackup, c.NoPreempt = 254, true })
	tests := []struct {
		name string
		late time.Duration // after the last advert
		want vrrp.Role
	}{
		{"a little", 3*time.Second + us(7812), vrrp.Master},
		{"a microsecond more", 3*time.Second + us(7813), vrrp.Backup},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := master(t, c)
			r.sleep(time.Duration(r.now) + test.late)
			r.s.Expire(r.now, &r.out)
			r.role(c, test.want)
			for _, s := range r.out.Sends {
				if s.Priority == 0 {
					t.Error("it said good-bye")
				}
			}
		})
	}
}

func TestALateMasterStepsAsideBeforeItReadsWhatWaited(t *testing.T) {
	c := with(version2(config("A", 51, 100)), func(c *vrrp.Config) { c.LateBackup, c.NoPreempt = 254, true })
	r := master(t, c)
	r.sleep(time.Duration(r.now) + 4*time.Second)
	r.hear(c, "192.0.2.9", 90)
	r.role(c, vrrp.Backup)
	if lines := r.drain(); !slices.Contains(lines, "VRRP thread timer expired 3.000000 seconds ago") {
		t.Errorf("told %q", lines)
	}
}

func TestAUnicastRouterThatMayNotFallBackStaysInFaultWithoutPeers(t *testing.T) {
	c := with(config("A", 51, 100), func(c *vrrp.Config) { c.NoPeers = true })
	r := newRig(t, c)
	r.to(time.Minute)
	r.role(c, vrrp.Fault)
	r.take("(A) Entering FAULT STATE (init) (no unicast peers)")
}

// Two masters of a network that was parted meet. The one that yields answers first if it
// sees that the other was never away, so that the other announces its addresses again.
func TestWhoYieldsToAMasterThatWasNeverAwayAnswersOnce(t *testing.T) {
	for _, test := range []struct {
		name    string
		last    uint16 // heard, at 1 s
		src     string
		id      uint16 // heard, at 21 s
		strict  bool
		answers bool
	}{
		{"it sent an advert a second", 100, "192.0.2.9", 120, false, true},
		{"and some in between", 100, "192.0.2.9", 130, false, true},
		{"across the wrap of the identification", 65530, "192.0.2.9", 14, false, true},
		{"it had a fault and returns", 100, "192.0.2.9", 103, false, false},
		{"it was MASTER for a part of the time", 100, "192.0.2.9", 107, false, false},
		{"it was started anew", 100, "192.0.2.9", 1, false, false},
		{"it does not count", 100, "192.0.2.9", 31000, false, false},
		{"it is another one", 100, "192.0.2.8", 120, false, false},
		{"strict mode announces nothing", 100, "192.0.2.9", 120, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := with(config("X", 1, 100), func(c *vrrp.Config) { c.Strict = test.strict })
			r := newRig(t, c)
			r.to(time.Second)
			r.packet(numbered(c, "192.0.2.9", test.last, r.now))
			r.to(21 * time.Second)
			r.role(c, vrrp.Master)
			r.drain()
			r.packet(numbered(c, test.src, test.id, r.now))
			r.role(c, vrrp.Backup)
			if got := slices.Contains(r.drain(), "send 100 to 224.0.0.18"); got != test.answers {
				t.Errorf("answers: %v", got)
			}
		})
	}
}

// numbered is an advert of priority 150 with an identification.
func numbered(c vrrp.Config, src string, id uint16, at mono.Instant) *wire.Datagram {
	s := wire.Spec{Version: c.Version, VRID: c.VRID, Interval: c.Interval, VIPs: c.VIPs, Src: netip.MustParseAddr(src), TTL: 255}
	p := wire.Build(&s)
	return &wire.Datagram{Link: c.Link, Data: p.Append(nil, c.Group, 150, id, nil), At: at}
}
