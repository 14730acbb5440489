package lan

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
	"holdfast/test/need"
	"holdfast/test/space"
	"holdfast/test/wait"
)

// announcer runs one at this end of the cable.
func (c *cable) announcer(failed func(Announcement, error)) *Announcer {
	c.t.Helper()
	a, err := OpenAnnouncer(failed)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread() // the sysctls are those of the namespace
		if err := unix.Setns(c.here, unix.CLONE_NEWNET); err != nil {
			c.t.Error(err)
			return
		}
		a.Run(ctx)
	})
	c.t.Cleanup(func() {
		cancel()
		done.Wait()
		_ = a.Close()
	})
	return a
}

func (c *cable) announcement(vip string, rounds int) Announcement {
	return Announcement{ID: 1, Link: "v0", IfIndex: c.v0, MAC: [6]byte{2, 0, 0, 0, 0, 1}, VIP: netip.MustParseAddr(vip), Rounds: rounds}
}

func TestOtherProgramsDecodeGratuitousARP(t *testing.T) {
	need.Time(t)
	c := newCable(t)
	a := c.announcer(nil)
	fields := []string{"eth.src", "eth.dst", "arp.opcode", "arp.isgratuitous", "arp.src.hw_mac", "arp.src.proto_ipv4", "arp.dst.hw_mac", "arp.dst.proto_ipv4"}
	got := c.captured(4, "arp", fields, func() {
		a.Announce([]Announcement{c.announcement("10.0.0.100", 2), c.announcement("10.0.0.101", 2)})
	})
	first := "02:00:00:00:00:01,ff:ff:ff:ff:ff:ff,1,1,02:00:00:00:00:01,10.0.0.100,ff:ff:ff:ff:ff:ff,10.0.0.100"
	second := "02:00:00:00:00:01,ff:ff:ff:ff:ff:ff,1,1,02:00:00:00:00:01,10.0.0.101,ff:ff:ff:ff:ff:ff,10.0.0.101"
	if d := cmp.Diff([]string{first, second, first, second}, got); d != "" {
		t.Errorf("tshark (-want +got):\n%s", d)
	}
}

func TestOtherProgramsDecodeNeighbourAdvertisements(t *testing.T) {
	need.Time(t)
	for _, forwarding := range []string{"0", "1"} {
		c := newCable(t)
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/v0/forwarding", []byte(forwarding), 0); err != nil {
			t.Fatal(err)
		}
		a := c.announcer(nil)
		fields := []string{"eth.src", "eth.dst", "ipv6.src", "ipv6.dst", "ipv6.hlim", "icmpv6.type", "icmpv6.checksum.status",
			"icmpv6.nd.na.flag.r", "icmpv6.nd.na.flag.s", "icmpv6.nd.na.flag.o", "icmpv6.nd.na.target_address", "icmpv6.opt.type", "icmpv6.opt.linkaddr"}
		got := c.captured(1, "icmp6 and ip6[40] == 136", fields, func() {
			a.Announce([]Announcement{c.announcement("2001:db8::100", 1)})
		})
		want := []string{"02:00:00:00:00:01,33:33:00:00:00:01,2001:db8::100,ff02::1,255,136,1," + forwarding + ",0,1,2001:db8::100,2,02:00:00:00:00:01"}
		if d := cmp.Diff(want, normal(got)); d != "" {
			t.Errorf("forwarding %s: tshark (-want +got):\n%s", forwarding, d)
		}
	}
}

// The neighbour's own tables are the proof.
func TestNeighboursLearnTheNewPlace(t *testing.T) {
	c := newCable(t)
	c.atOtherEnd(func() {
		space.Run(t, "ip neigh add 10.0.0.100 lladdr 02:00:00:00:00:99 dev v1 nud stale")
		space.Run(t, "ip neigh add fe80::100 lladdr 02:00:00:00:00:99 dev v1 nud stale")
	})
	c.announcer(nil).Announce([]Announcement{c.announcement("10.0.0.100", 1), c.announcement("fe80::100", 1)})
	c.atOtherEnd(func() {
		for _, ip := range []string{"10.0.0.100", "fe80::100"} {
			wait.For(t, 2*time.Second, ip, func() bool {
				return slices.Contains(lines(space.Run(t, "ip neigh show "+ip+" dev v1")), ip+" lladdr 02:00:00:00:00:01 STALE") ||
					slices.Contains(lines(space.Run(t, "ip neigh show "+ip+" dev v1")), ip+" lladdr 02:00:00:00:00:01 router STALE")
			})
		}
	})
}

func TestAThousandAddressesAreAnnounced(t *testing.T) {
	c := newCable(t)
	a := c.announcer(nil)
	var list []Announcement
	for i := range 1000 {
		list = append(list, c.announcement(fmt.Sprintf("10.1.%d.%d", i/256, i%256), 5))
	}
	began := time.Now()
	a.Announce(list)
	if took := time.Since(began); took > 50*time.Millisecond {
		t.Errorf("asking took %v", took)
	}
	wait.For(t, 2*time.Second, "5,000 announcements", func() bool { sent, _, _ := a.Counts(); return sent == 5000 })
}

func TestACancelledAnnouncementNeverLeaves(t *testing.T) {
	c := newCable(t)
	a := c.announcer(nil)
	one := c.announcement("10.0.0.100", 1000)
	one.Gap = 20 * time.Millisecond
	a.Announce([]Announcement{one})
	wait.For(t, 2*time.Second, "the first", func() bool { sent, _, _ := a.Counts(); return sent > 0 })
	a.Cancel(one.ID)
	before, _, _ := a.Counts()
	time.Sleep(100 * time.Millisecond)
	if after, _, _ := a.Counts(); after != before {
		t.Errorf("%d were sent after Cancel", after-before)
	}
}

func TestRefusedAnnouncementsAreTold(t *testing.T) {
	c := newCable(t)
	failures := make(chan string, 10)
	a := c.announcer(func(_ Announcement, err error) { failures <- err.Error() })
	gone := c.announcement("10.0.0.100", 1)
	gone.IfIndex = 9999
	a.Announce([]Announcement{gone, c.announcement("10.0.0.101", 1)})
	select {
	case got := <-failures:
		if want := "announce 10.0.0.100 on v0: no such device or address: there is no such link"; got != want {
			t.Errorf("got %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("not told")
	}
	wait.For(t, 2*time.Second, "the other", func() bool { sent, refused, _ := a.Counts(); return sent == 1 && refused == 1 })
}

// Frames that a slow link cannot take at once are not lost.
func TestASlowLinkGetsEverything(t *testing.T) {
	need.Time(t)
	for _, queue := range []string{"tbf rate 2mbit burst 2000 limit 10mb", "tbf rate 2mbit burst 2000 limit 5kb"} {
		c := newCable(t)
		space.Run(t, "tc qdisc add dev v0 root "+queue)
		a := c.announcer(nil)
		var list []Announcement
		for i := range 1000 {
			list = append(list, c.announcement(fmt.Sprintf("10.1.%d.%d", i/256, i%256), 2))
		}
		a.Announce(list)
		wait.For(t, 2*time.Second, "2,000 announcements", func() bool { sent, _, _ := a.Counts(); return sent == 2000 })
		if _, refused, lost := a.Counts(); refused+lost != 0 {
			t.Errorf("%s: %d refused, %d lost", queue, refused, lost)
		}
	}
}

// What waits for a link that takes no more can still be cancelled.
func TestAStalledAnnouncementIsCancelled(t *testing.T) {
	c := newCable(t)
	space.Run(t, "tc qdisc add dev v0 root tbf rate 100kbit burst 2000 limit 10mb")
	a := c.announcer(nil)
	var list []Announcement
	for i := range 1000 {
		list = append(list, c.announcement(fmt.Sprintf("10.1.%d.%d", i/256, i%256), 5))
	}
	a.Announce(list)
	wait.For(t, 2*time.Second, "a stall", func() bool {
		a.sending.Lock()
		defer a.sending.Unlock()
		return a.stalls > 0
	})
	a.Cancel(1)
	before, _, _ := a.Counts()
	time.Sleep(50 * time.Millisecond)
	if after, refused, _ := a.Counts(); after != before || refused != 0 {
		t.Errorf("%d were sent after Cancel, %d refused", after-before, refused)
	}
}

func TestKeepalived_10_ForwardingIsLookedAtEveryFiveSeconds(t *testing.T) {
	newCable(t)
	a, err := OpenAnnouncer(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	const sysctl = "/proc/sys/net/ipv6/conf/v0/forwarding"
	for _, step := range []struct {
		at      mono.Instant
		written string
		want    bool
	}{
		{0, "0", false},
		{1, "1", false},
		{mono.Instant(forwardingAge) - 1, "1", false},
		{mono.Instant(forwardingAge), "1", true},
	} {
		if err := os.WriteFile(sysctl, []byte(step.written), 0); err != nil {
			t.Fatal(err)
		}
		if got := a.forwards("v0", step.at); got != step.want {
			t.Errorf("at %s, %s written: %v", step.at, step.written, got)
		}
	}
}
