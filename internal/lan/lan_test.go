package lan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
	"holdfast/test/need"
	"holdfast/test/space"
)

var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestAdvertsArriveWithAllThatIsKnownOfThem(t *testing.T) {
	c := newCable(t)
	s := c.sender()
	cases := []struct {
		name string
		dst  netip.Addr
		hops uint8
	}{
		{"IPv4 multicast", group4, 255},
		{"IPv4 unicast", over4, 255},
		{"IPv4 unicast, its own TTL", over4, 64},
		{"IPv6 multicast", group6, 255},
		{"IPv6 unicast", over6, 255},
		{"IPv6 unicast, its own hop limit", over6, 3},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			c.join(t)
			r := c.receiver(k.dst.Is6())
			p := c.packet(51, k.dst)
			p.HopLimit = k.hops
			src := here6
			if !p.V6 {
				src = here4
				p.Data = advert2(51, here4, k.dst, k.hops)
			}
			before := boot(t)
			s.Send([]Packet{p}, must(t))
			got := read(t, r)
			after := boot(t)
			want := []wire.Datagram{{Link: "v1", V6: p.V6, Data: p.Data, Src: src, Dst: k.dst, HopLimit: k.hops}}
			if d := cmp.Diff(want, got, compareAddr, cmpopts.IgnoreFields(wire.Datagram{}, "At")); d != "" {
				t.Fatalf("(-sent +received):\n%s", d)
			}
			if at := got[0].At; at < before-mono.Instant(time.Millisecond) || at > after {
				t.Errorf("received at %d, not between %d and %d", at, before, after)
			}
		})
	}
}

// The time is that of the arrival, not of the reading. The first packets after
// the first receiver was opened may be dated by the reading: the kernel begins
// to take the time a little later.
func TestTheTimeIsWhenThePacketCame(t *testing.T) {
	c := newCable(t)
	r, s := c.receiver(false), c.sender()
	const pause = 100 * time.Millisecond
	var late time.Duration
	for range 10 {
		s.Send([]Packet{c.packet(51, group4)}, must(t))
		sent := boot(t)
		time.Sleep(pause)
		if late = read(t, r)[0].At.Sub(sent).Abs(); late < pause/2 {
			return
		}
	}
	t.Errorf("dated %v after it was sent", late)
}

// The loop may have woken up, and taken the time, before the packet came.
func TestNoPacketIsLaterThanNow(t *testing.T) {
	c := newCable(t)
	r, s := c.receiver(false), c.sender()
	now := boot(t)
	s.Send([]Packet{c.packet(51, group4)}, must(t))
	arrives(t, r, time.Second)
	out := make([]wire.Datagram, 4)
	if n, err := r.Read(now, out); n != 1 || err != nil || out[0].At > now {
		t.Errorf("read %d, %v, dated %v after now", n, err, out[0].At.Sub(now))
	}
}

func TestOtherProgramsDecodeWhatIsSent(t *testing.T) {
	need.Time(t)
	c := newCable(t)
	s := c.sender()
	unicast4 := c.packet(51, over4)
	unicast4.Data = advert2(51, here4, over4, 64)
	unicast6 := c.packet(200, over6)
	unicast6.HopLimit = 64
	batch := []Packet{c.packet(51, group4), unicast4, c.packet(200, group6), unicast6}
	fields := []string{"eth.dst", "ip.src", "ip.dst", "ip.ttl", "ip.dsfield", "ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.tclass",
		"vrrp.version", "vrrp.type", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.checksum.status", "ip.checksum.status"}
	got := c.captured(len(batch), "proto 112 or ip6 proto 112", fields, func() {
		for i := range batch { // one by one: the order on the wire is that of the families
			s.Send(batch[i:i+1], must(t))
		}
	})
	want := []string{
		"01:00:5e:00:00:12,10.0.0.1,224.0.0.18,255,0xc0,,,,,2,1,51,100,1,2",
		"02:00:00:00:00:02,10.0.0.1,10.0.0.2,64,0xc0,,,,,2,1,51,100,1,2",
		"33:33:00:00:00:12,,,,,fe80::1,ff02::12,255,0x000000c0,3,1,200,100,1,",
		"02:00:00:00:00:02,,,,,fe80::1,fe80::2,64,0x000000c0,3,1,200,100,1,",
	}
	if d := cmp.Diff(want, normal(got)); d != "" {
		t.Errorf("tshark (-want +got):\n%s", d)
	}
}

// normal makes the output of different versions of tshark alike.
func normal(lines []string) []string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(strings.ReplaceAll(lines[i], "Good", "1"), "Unverified", "2")
	}
	return lines
}

func TestABurstGoesOutWhole(t *testing.T) {
	c := newCable(t)
	r4 := c.receiver(false, func(o *Options) { o.All, o.Buffer = true, 4<<20 })
	r6 := c.receiver(true, func(o *Options) { o.All, o.Buffer = true, 4<<20 })
	var batch []Packet
	for i := range 600 {
		dst := []netip.Addr{group4, over4, group6}[i%3]
		batch = append(batch, c.packet(uint8(i), dst))
	}
	c.sender().Send(batch, must(t))
	if n := len(read(t, r4)); n != 400 {
		t.Errorf("%d of 400 IPv4 adverts arrived", n)
	}
	if n := len(read(t, r6)); n != 200 {
		t.Errorf("%d of 200 IPv6 adverts arrived", n)
	}
}

func TestNobodyHearsItself(t *testing.T) {
	c := newCable(t)
	for _, group := range []netip.Addr{group4, group6} {
		r, err := OpenReceiver("v0", c.v0, group.Is6(), Options{Groups: []netip.Addr{group}, All: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		other := c.receiver(group.Is6())
		c.sender().Send([]Packet{c.packet(51, group)}, must(t))
		if len(read(t, other)) != 1 {
			t.Fatal("the other end does not hear it: nothing was tested")
		}
		if arrives(t, r, 20*time.Millisecond) {
			t.Errorf("%s: the sender hears its own advert", group)
		}
	}
}

// A sender is told which packets of a batch failed, and why; the rest goes out.
func TestFailuresFindTheirPacket(t *testing.T) {
	c := newCable(t)
	r4, r6 := c.receiver(false), c.receiver(true)
	batch := []Packet{c.packet(51, group4), c.packet(51, group4), c.packet(51, group6), c.packet(51, group6), c.packet(51, group4)}
	batch[1].IfIndex = 9999
	batch[2].Src = netip.MustParseAddr("fe80::99") // not an address of this machine
	failed := map[int]error{}
	c.sender().Send(batch, func(i int, err error) { failed[i] = err })
	if len(failed) != 2 || failed[1] == nil || failed[2] == nil {
		t.Errorf("failed are %v, want 1 and 2", failed)
	}
	if n, m := len(read(t, r4)), len(read(t, r6)); n != 2 || m != 1 {
		t.Errorf("%d of 2 and %d of 1 arrived", n, m)
	}
}

func TestErrorsNameTheFix(t *testing.T) {
	c := newCable(t)
	send := func() (err error) {
		c.sender().Send([]Packet{c.packet(51, group4)}, func(_ int, e error) { err = e })
		return err
	}
	space.Run(t, "nft add table ip t")
	space.Run(t, "nft add chain ip t out { type filter hook output priority 0 ; }")
	space.Run(t, "nft add rule ip t out ip protocol 112 drop")
	if err := send(); !errors.Is(err, unix.EPERM) || !strings.HasSuffix(err.Error(), "a firewall rule on this machine drops it") {
		t.Errorf("firewall: %v", err)
	}
	space.Run(t, "nft delete table ip t")
	space.Run(t, "ip link set v0 down")
	if err := send(); !errors.Is(err, unix.ENETDOWN) && !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.ENODEV) {
		t.Errorf("link down: %v", err)
	}
	_, err := OpenReceiver("nowhere", 99, false, Options{})
	if err == nil || err.Error() != "hear adverts on nowhere: no such device: there is no such link" {
		t.Errorf("no link: %v", err)
	}
	header, caps := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSender(); err == nil || !strings.HasSuffix(err.Error(), "needs CAP_NET_RAW") {
		t.Errorf("no capability: %v", err)
	}
}

func TestOnlyWantedVRIDsAreHeard(t *testing.T) {
	c := newCable(t)
	s := c.sender()
	for _, dst := range []netip.Addr{group4, group6, over4, over6} {
		r := c.receiver(dst.Is6(), func(o *Options) { o.Buffer = 1 << 20 })
		var batch []Packet
		for vrid := range 256 {
			batch = append(batch, c.packet(uint8(vrid), dst))
		}
		s.Send(batch, must(t))
		if got := heard(read(t, r)); got != "51 200 " {
			t.Errorf("%s: heard VRID %s", dst, got)
		}
		var set VRIDs
		set.Add(7)
		if err := r.SetVRIDs(set, false); err != nil {
			t.Fatal(err)
		}
		s.Send(batch, must(t))
		if got := heard(read(t, r)); got != "7 " {
			t.Errorf("%s: heard VRID %s", dst, got)
		}
		if err := r.SetVRIDs(set, true); err != nil {
			t.Fatal(err)
		}
		s.Send(batch, must(t))
		if n := len(read(t, r)); n != 256 {
			t.Errorf("%s: heard %d of all VRIDs", dst, n)
		}
	}
}

func heard(list []wire.Datagram) string {
	s := ""
	for _, d := range list {
		at := 1
		if !d.V6 {
			at = 21
		}
		s += fmt.Sprint(d.Data[at], " ")
	}
	return s
}

func TestAChangeOfVRIDsLosesNothing(t *testing.T) {
	c := newCable(t)
	r, s := c.receiver(false, func(o *Options) { o.Buffer = 4 << 20 }), c.sender()
	sets := []VRIDs{{}, {}}
	sets[0].Add(51)
	sets[1].Add(51)
	sets[1].Add(7)
	for i := range 500 {
		s.Send([]Packet{c.packet(51, group4)}, must(t))
		if err := r.SetVRIDs(sets[i%2], false); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(read(t, r)); n != 500 {
		t.Errorf("%d of 500 arrived", n)
	}
}

func TestGroupsAreJoinedAndLeft(t *testing.T) {
	c := newCable(t)
	s := c.sender()
	for _, groups := range [][2]netip.Addr{{group4, netip.MustParseAddr("239.1.2.3")}, {group6, netip.MustParseAddr("ff02::77")}} {
		r, other := c.receiver(groups[0].Is6()), c.receiver(groups[0].Is6())
		if err := errors.Join(other.Join(groups[1]), other.Join(groups[1])); err != nil {
			t.Fatal("joined twice: ", err)
		}
		both := []Packet{c.packet(51, groups[0]), c.packet(51, groups[1])}
		s.Send(both, must(t))
		if n, m := len(read(t, r)), len(read(t, other)); n != 1 || m != 2 {
			t.Errorf("%s: one that joined a group heard %d adverts, one that joined two %d", groups, n, m)
		}
		s.Send(both[1:], must(t))
		if !groups[0].Is6() && arrives(t, r, 20*time.Millisecond) {
			t.Error("another's group wakes the reader")
		}
		if n, m := len(read(t, r)), len(read(t, other)); n != 0 || m != 1 {
			t.Errorf("%s: %d and %d heard a group that the second joined", groups, n, m)
		}
		if err := errors.Join(other.Leave(groups[1]), other.Leave(groups[1])); err != nil {
			t.Fatal("left twice: ", err)
		}
		s.Send(both, must(t))
		if n := len(read(t, other)); n != 1 {
			t.Errorf("%s: heard %d adverts after it left a group", groups, n)
		}
	}
}

// The machine has a route that would send the group to a gateway.
func TestRoutesDoNotDivertMulticast(t *testing.T) {
	c := newCable(t)
	space.Run(t, "ip route add 224.0.0.0/4 via 10.0.0.99 dev v0")
	group := netip.MustParseAddr("239.1.2.3")
	r := c.receiver(false, func(o *Options) { o.Groups = []netip.Addr{group} })
	c.sender().Send([]Packet{c.packet(51, group)}, must(t))
	if len(read(t, r)) != 1 {
		t.Error("not heard")
	}
}

func TestWhatIsTooLongIsCountedAndDropped(t *testing.T) {
	c := newCable(t)
	space.Run(t, "ip link set v0 mtu 9000")
	c.atOtherEnd(func() { space.Run(t, "ip link set v1 mtu 9000") })
	r, s := c.receiver(true), c.sender()
	long := c.packet(51, group6)
	long.Data = append(long.Data, make([]byte, MaxAdvert)...)
	full := c.packet(51, group6)
	full.Data = append(full.Data, make([]byte, MaxAdvert-len(full.Data))...)
	s.Send([]Packet{long, full, long, c.packet(51, group6)}, must(t))
	got := read(t, r)
	if len(got) != 2 || len(got[0].Data) != MaxAdvert || r.TooLong() != 2 {
		t.Errorf("%d arrived, %d were too long, want 2 and 2", len(got), r.TooLong())
	}
}

func TestTheKernelsDropsAreCounted(t *testing.T) {
	c := newCable(t)
	r, s := c.receiver(false, func(o *Options) { o.Buffer = 4096 }), c.sender()
	var batch []Packet
	for range 200 {
		batch = append(batch, c.packet(51, group4))
	}
	s.Send(batch, must(t))
	n := len(read(t, r))
	drops, err := r.Drops()
	if err != nil || int(drops)+n != 200 || drops == 0 {
		t.Errorf("%d arrived, %d dropped, %v", n, drops, err)
	}
}

func TestReceiversShareBuffers(t *testing.T) {
	c := newCable(t)
	ring := NewRing()
	share := func(o *Options) { o.Ring = ring }
	r4, r6, s := c.receiver(false, share), c.receiver(true, share), c.sender()
	for range 3 {
		p4, p6 := c.packet(51, group4), c.packet(200, group6)
		s.Send([]Packet{p4, p6}, must(t))
		for r, p := range map[*Receiver]Packet{r4: p4, r6: p6} {
			if got := read(t, r); len(got) != 1 || string(got[0].Data) != string(p.Data) {
				t.Fatalf("got %+v", got)
			}
		}
	}
}

func TestTheSteadyStateAllocatesNothing(t *testing.T) {
	c := newCable(t)
	s := c.sender()
	out := make([]wire.Datagram, ringSize)
	for _, dst := range []netip.Addr{group4, group6} {
		r := c.receiver(dst.Is6())
		batch := []Packet{c.packet(51, dst), c.packet(200, dst), c.packet(51, dst)}
		failed := must(t)
		got := 0
		allocs := testing.AllocsPerRun(200, func() {
			s.Send(batch, failed)
			n, err := r.Read(mono.Instant(1<<62), out)
			if err != nil {
				t.Error(err)
			}
			got += n
		})
		if allocs != 0 || got == 0 {
			t.Errorf("%s: %v allocations for a send and a read, %d packets", dst, allocs, got)
		}
	}
}

// 100,000 random packets for a second: none wakes the reader, adverts get through.
func TestGarbageStaysInTheKernel(t *testing.T) {
	c := newCable(t)
	r4, r6 := c.receiver(false), c.receiver(true)
	s := c.sender()
	garbage := c.garbage(1000)
	heard := map[*Receiver]int{}
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	began := time.Now()
	for range rounds {
		s.Send(garbage, func(int, error) {})
		for _, r := range []*Receiver{r4, r6} {
			if arrives(t, r, 0) {
				t.Fatal("garbage woke the reader")
			}
		}
		s.Send([]Packet{c.packet(51, group4), c.packet(200, group6)}, must(t))
		for _, r := range []*Receiver{r4, r6} {
			heard[r] += len(read(t, r))
		}
		began = began.Add(10 * time.Millisecond)
		time.Sleep(time.Until(began))
	}
	if heard[r4] != rounds || heard[r6] != rounds {
		t.Errorf("%d and %d of %d adverts got through", heard[r4], heard[r6], rounds)
	}
	for _, r := range []*Receiver{r4, r6} {
		if n, err := r.Drops(); n != 0 || err != nil {
			t.Errorf("%d dropped for want of room, %v", n, err)
		}
	}
}

// garbage is what is not for VRID 51 or 200: random bytes behind a valid IPv4
// header, or as the payload of IPv6.
func (c *cable) garbage(n int) (list []Packet) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		b := make([]byte, random.IntN(200))
		for j := range b {
			b[j] = byte(random.Uint32())
		}
		if len(b) > 1 && b[0]&0x0f == 1 && (b[1] == 51 || b[1] == 200) {
			continue
		}
		p := c.packet(51, []netip.Addr{group4, group6}[i%2])
		if p.V6 {
			p.Data = b
		} else {
			p.Data = append(p.Data[:20], b...)
		}
		list = append(list, p)
	}
	return list
}

// What an advert costs from the sender to the reader, both batched, over a veth.
func BenchmarkAdvert(b *testing.B) {
	c := newCable(b)
	s := c.sender()
	out := make([]wire.Datagram, ringSize)
	for _, dst := range []netip.Addr{group4, over4, group6, over6} {
		r := c.receiver(dst.Is6())
		for _, n := range []int{1, 32} {
			batch := make([]Packet, n)
			for i := range batch {
				batch[i] = c.packet(51, dst)
			}
			b.Run(fmt.Sprintf("%s/batch=%d/send", dst, n), func(b *testing.B) {
				for b.Loop() {
					s.Send(batch, must(b))
					b.StopTimer()
					drainReceiver(b, r, out)
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/packet")
			})
			b.Run(fmt.Sprintf("%s/batch=%d/read", dst, n), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					s.Send(batch, must(b))
					b.StartTimer()
					drainReceiver(b, r, out)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/packet")
			})
		}
	}
}

func drainReceiver(b *testing.B, r *Receiver, out []wire.Datagram) {
	for {
		n, err := r.Read(mono.Instant(1<<62), out)
		if err != nil {
			b.Fatal(err)
		}
		if n < len(out) {
			return
		}
	}
}
