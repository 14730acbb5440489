package life

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
	"holdfast/internal/vrrp/wire"
)

// utter sends one advert of the instance of conf from b, with a priority.
func (s *stage) utter(priority uint8) {
	s.Helper()
	spec := wire.Spec{Version: 3, VRID: 7, Interval: 100 * time.Millisecond, VIPs: []netip.Addr{netip.MustParseAddr(vip)}, Src: netip.MustParseAddr("10.0.0.2"), TTL: 255}
	p := wire.Build(&spec)
	s.Must(s.b.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		if err := unix.BindToDevice(fd, "eth0"); err != nil {
			return err
		}
		group := [4]byte{224, 0, 0, 18}
		return unix.Sendto(fd, p.Append(nil, netip.AddrFrom4(group), priority, 1, nil), 0, &unix.SockaddrInet4{Addr: group})
	}))
}

// said are the times at which an address was announced, from the first on.
func said(heard []event, addr string) (at []time.Duration) {
	var first time.Time
	for _, e := range heard {
		if !regexp.MustCompile(`who-has ` + addr + ` .*tell ` + addr).MatchString(e.text) {
			continue
		}
		if first.IsZero() {
			first = e.at
		}
		at = append(at, e.at.Sub(first))
	}
	return at
}

// near compares instants to 60 ms: the wire is exact, and the capture is not always.
func near(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && (got[i]-want[i]).Abs() < 60*time.Millisecond
	}
	if !ok {
		t.Errorf("announced after %v, want %v", got, want)
	}
}

const ms = time.Millisecond

// Section 10: how often, and when, on the wire.
func TestKeepalived_10_CountsAndGapsOnTheWire(t *testing.T) {
	for _, test := range []struct {
		name, global, words string
		want                []time.Duration
	}{
		{"repeat and delay", "", "garp_master_repeat 2\ngarp_master_delay 1", []time.Duration{0, 0, 1000 * ms, 1000 * ms}},
		{"no delay", "", "garp_master_repeat 3\ngarp_master_delay 0", []time.Duration{0, 0, 0}},
		{"refresh", "", "garp_master_repeat 1\ngarp_master_delay 0\ngarp_master_refresh 1\ngarp_master_refresh_repeat 2", []time.Duration{0, 1000 * ms, 1000 * ms, 2000 * ms, 2000 * ms}},
		{"vrrp_garp_interval", "vrrp_garp_interval 0.3", "garp_master_repeat 4\ngarp_master_delay 0", []time.Duration{0, 300 * ms, 600 * ms, 900 * ms}},
		{"words of global_defs", "vrrp_garp_master_repeat 2\nvrrp_garp_master_delay 1", "", []time.Duration{0, 0, 1000 * ms, 1000 * ms}},
		{"vrrp_min_garp", "vrrp_min_garp", "", []time.Duration{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			heard := s.listen(s.b, "arp")
			d := s.Start(s.a, strings.Replace(conf(150, test.words, vip+"/24"), "vrrp_version 3", "vrrp_version 3\n"+test.global, 1))
			d.Says("Entering MASTER STATE")
			time.Sleep(2400 * ms)
			near(t, said(heard(), vip), test.want...)
		})
	}
}

func TestKeepalived_10_NeighbourAdvertisementsHaveAPaceOfTheirOwn(t *testing.T) {
	s := newStage(t)
	heard := s.listen(s.b, "icmp6 and ip6[40] == 136 and src host fe80::100")
	d := s.Start(s.a, strings.Replace(conf(150, "garp_master_repeat 3\ngarp_master_delay 1", "fe80::100/64"), "vrrp_version 3", "vrrp_version 3\nvrrp_gna_interval 0.2\nvrrp_garp_interval 0.9", 1))
	d.Says("Entering MASTER STATE")
	time.Sleep(2 * time.Second)
	var at []time.Duration
	list := heard()
	for _, e := range list {
		at = append(at, e.at.Sub(list[0].at))
	}
	near(t, at, 0, 200*ms, 400*ms, 1000*ms, 1200*ms, 1400*ms)
}

func TestKeepalived_10_WhatALowerPriorityBringsAbout(t *testing.T) {
	for _, test := range []struct {
		name, global, words string
		priority            uint8
		want                []time.Duration
	}{
		{"its own counts", "", "garp_lower_prio_repeat 2\ngarp_lower_prio_delay 1", 50, []time.Duration{0, 0, 1000 * ms, 1000 * ms}},
		{"those of a new master", "vrrp_garp_master_repeat 1\nvrrp_garp_master_delay 1", "", 50, []time.Duration{0, 1000 * ms}},
		{"none", "", "garp_lower_prio_repeat 0", 50, nil},
		{"who hands over is a lower one", "", "garp_lower_prio_repeat 1\ngarp_lower_prio_delay 0", 0, []time.Duration{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			d := s.Start(s.a, strings.Replace(conf(150, test.words, vip+"/24"), "vrrp_version 3", "vrrp_version 3\n"+test.global, 1))
			d.Says("Entering MASTER STATE")
			time.Sleep(1300 * ms)
			heard := s.listen(s.b, "arp")
			s.utter(test.priority)
			time.Sleep(1300 * ms)
			near(t, said(heard(), vip), test.want...)
		})
	}
}

// The bridge is cut, with a client on the side of the weaker node, and joined again. The
// stronger one speaks first, so the weaker one is gone before it says a word of its own
// accord: the client must find the stronger one all the same, within an interval.
func TestAClientBehindACutFindsTheSurvivorAtOnce(t *testing.T) {
	const interval = 500 * ms
	slow := func(priority int) string {
		return strings.Replace(conf(priority, "", vip+"/24"), "advert_int 0.1", "advert_int 0.5", 1)
	}
	for _, test := range []struct{ name, first string }{{"the stronger one speaks first", "10.0.0.1"}, {"the weaker one speaks first", "10.0.0.2"}} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			a := s.Start(s.a, slow(150))
			a.Says("Entering MASTER STATE")
			b := s.Start(s.b, slow(100))
			b.Says("master set to")
			s.Must(s.World.Partition([]*netns.Node{s.a}, []*netns.Node{s.b, s.client}))
			b.Says("Entering MASTER STATE")
			time.Sleep(6 * time.Second) // after the second announcement of b
			p, err := s.client.Probe(5*ms, netip.MustParseAddr(vip))
			s.Must(err)
			time.Sleep(500 * ms)
			s.joinBefore(test.first, interval)
			joined := time.Now()
			time.Sleep(3 * time.Second)
			p.Settle()
			s.Must(p.Close())
			worst := time.Duration(0)
			for _, span := range p.Spans() {
				worst = max(worst, span.Outage(time.Now()))
			}
			t.Logf("outage %v", worst)
			if worst >= interval {
				t.Errorf("%v without an answer after the join at %v:\n%s\n%s", worst, joined, a.Log(), b.Log())
			}
			if where := s.Sh(s.client, "ip neigh show "+vip); !strings.Contains(where, s.mac(s.a)) {
				t.Errorf("the client asks %q, and a is %s", where, s.mac(s.a))
			}
		})
	}
}

// joinBefore joins the bridge so that the next advert is that of a node: right after one
// of the other.
func (s *stage) joinBefore(first string, interval time.Duration) {
	s.Helper()
	other := map[string]*netns.Node{"10.0.0.1": s.b, "10.0.0.2": s.a}[first]
	last := func(n *netns.Node) float64 {
		out := s.Sh(n, "timeout 3 tcpdump -i eth0 -n -tt -Q out -c 1 --immediate-mode proto 112 2>/dev/null; true")
		stamp, _, _ := strings.Cut(out, " ")
		at, err := strconv.ParseFloat(stamp, 64)
		s.Must(err)
		return at
	}
	phase := time.UnixMicro(int64(last(other) * 1e6)).Add(interval + 15*ms)
	time.Sleep(time.Until(phase))
	s.Must(s.World.Heal())
}
