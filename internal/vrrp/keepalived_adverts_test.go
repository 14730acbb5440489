package vrrp_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Sections 4 to 7 of keepalived's behaviour: what is made of adverts, and what is sent.

func TestKeepalived_4_EqualPriorityIsFollowedWhateverTheAddress(t *testing.T) {
	c := config("X", 1, 100)
	for _, src := range []string{"10.0.0.1", "192.0.2.0", "192.0.2.2", "203.0.113.1"} {
		r := newRig(t, c)
		r.to(time.Second)
		r.hear(c, src, 100)
		r.deadline(c, us(4609375))
	}
}

func TestKeepalived_4_ThePreemptDelayStartsAnewWithTheRole(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.PreemptDelay = 5 * time.Second })
	r := backup(t, c, "192.0.2.9", 90)
	r.s.Link(r.now, "eth0", vrrp.LinkState{Exists: true, Source4: linkUp.Source4}, &r.out)
	r.s.Link(r.now, "eth0", linkUp, &r.out)
	r.role(c, vrrp.Backup)
	r.drain()
	r.to(2 * time.Second)
	r.hear(c, "192.0.2.9", 90)
	r.take("(X) start preempt delay (5.000000)")
	r.to(5 * time.Second)
	r.hear(c, "192.0.2.9", 90)
	r.to(us(6500000)) // five seconds after the first one of all
	r.hear(c, "192.0.2.9", 90)
	r.deadline(c, us(6500000+3609375))
}

func TestKeepalived_4_TheWordsForAnEqualPriority(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.hear(c, "192.0.2.0", 100)
	if got, want := r.drain(), "(X) Received advert from 192.0.2.0 with lower priority 100, ours 100, forcing new election"; !slices.Contains(got, want) {
		t.Errorf("from a lower address %q, want %q", got, want)
	}
	r.hear(c, "192.0.2.2", 100)
	if got, want := r.drain(), "(X) Master received advert from 192.0.2.2 with same priority 100 but higher IP address than ours"; !slices.Contains(got, want) {
		t.Errorf("from a higher address %q, want %q", got, want)
	}
	r.role(c, vrrp.Backup)
}

func TestKeepalived_4_TheConfiguredSourceIsWhatIsCompared(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.Source = netip.MustParseAddr("192.0.2.50") })
	r := master(t, c)
	r.hear(c, "192.0.2.40", 100) // above the address of the link, below the source
	r.role(c, vrrp.Master)
	r.hear(c, "192.0.2.60", 100)
	r.role(c, vrrp.Backup)
}

// reducedOwner is an owner that gave way to another one.
func reducedOwner(t *testing.T) (*rig, vrrp.Config) {
	c := config("X", 1, 255)
	r := master(t, c)
	r.hear(c, "192.0.2.0", 255)
	r.to(us(5500000))
	r.hear(c, "192.0.2.0", 255)
	r.role(c, vrrp.Backup)
	r.drain()
	return r, c
}

func TestKeepalived_4_AReducedOwnerIsRestored(t *testing.T) {
	for _, test := range []struct {
		name string
		when func(*rig, vrrp.Config)
	}{
		{"when another sender is heard", func(r *rig, c vrrp.Config) { r.hear(c, "192.0.2.7", 255) }},
		{"when the other owner lowers its priority", func(r *rig, c vrrp.Config) { r.hear(c, "192.0.2.0", 254) }},
		{"when it becomes MASTER", func(r *rig, c vrrp.Config) { r.to(time.Duration(r.view(c).Deadline)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, c := reducedOwner(t)
			test.when(r, c)
			if got := r.view(c).Priority; got != 255 {
				t.Errorf("priority %d", got)
			}
			if lines := r.drain(); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "(X) Restoring our priority to 255") }) {
				t.Errorf("said %q", lines)
			}
		})
	}
}

func TestKeepalived_4_WhoWaitsForAScriptHearsNothing(t *testing.T) {
	c := config("X", 1, 100)
	r := newRigWith(t, vrrp.Setup{Routers: []vrrp.Config{c}, Standing: pending})
	r.hear(c, "192.0.2.9", 150)
	r.take()
	if v := r.view(c); v.Role != vrrp.Initial || v.Stats.AdvertReceived != 0 || v.Master.IsValid() {
		t.Errorf("%+v", v)
	}
}

// An advert that is wrong in every way is refused for the first of them; mended
// there, for the next.
func TestKeepalived_5_TheChecksComeInOrder(t *testing.T) {
	for _, test := range []struct {
		name  string
		c     vrrp.Config
		flaws []flaw
	}{
		{"version 2", with(version2(config("X", 1, 100)), func(c *vrrp.Config) { c.HasPass, c.Password = true, [8]byte{'s'} }), []flaw{
			{"too short", func(b []byte) { b[23] = 9 }},
			{"invalid TTL", func(b []byte) { b[8] = 254 }},
			{"received a 0 auth", func(b []byte) { b[24] = 0 }},
			{"invalid passwd", func(b []byte) { b[len(b)-1] = 'x' }},
			{"interval mismatch", func(b []byte) { b[25] = 9 }},
			{"Invalid packet type", func(b []byte) { b[20] = b[20]&0xf0 | 2 }},
			{"ip_tot_len mismatch", func(b []byte) { b[3] += 4 }},
			{"checksum", func(b []byte) { b[26] ^= 0x55 }},
		}},
		{"version 3", config("X", 1, 100), []flaw{
			{"too short", func(b []byte) { b[23] = 9 }},
			{"invalid TTL", func(b []byte) { b[8] = 254 }},
			{"wrong version", func(b []byte) { b[20] = b[20]&0x0f | 0x40 }},
			{"Invalid packet type", func(b []byte) { b[20] = b[20]&0xf0 | 2 }},
			{"ip_tot_len mismatch", func(b []byte) { b[3] += 4 }},
			{"checksum", func(b []byte) { b[26] ^= 0x55 }},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i, f := range test.flaws {
				r := newRig(t, test.c)
				r.drain()
				d := advert(test.c, "192.0.2.9", 150, r.now)
				for _, later := range test.flaws[i:] {
					later.spoil(d.Data)
				}
				r.packet(d)
				if lines := r.drain(); len(lines) != 1 || !strings.Contains(lines[0], f.complaint) {
					t.Errorf("with all flaws from number %d on: %q, want %q", i+1, lines, f.complaint)
				}
			}
		})
	}
}

type flaw struct {
	complaint string
	spoil     func([]byte)
}

func TestKeepalived_5_ComplaintsAreMadeAgainAfterAChange(t *testing.T) {
	c := config("X", 1, 100)
	spoil := func(r *rig) (lines []string) {
		d := advert(c, "192.0.2.9", 150, r.now)
		d.Data[26]++
		r.packet(d)
		return r.drain()
	}
	r := backup(t, c, "192.0.2.9", 150)
	if first, second := spoil(r), spoil(r); len(first) != 1 || len(second) != 0 {
		t.Fatalf("at first %q, then %q", first, second)
	}
	r.hear(c, "192.0.2.8", 160)
	r.drain()
	if again := spoil(r); len(again) != 1 {
		t.Errorf("behind another master: %q", again)
	}
	r.to(time.Duration(r.view(c).Deadline))
	r.drain()
	if again := spoil(r); len(again) != 1 {
		t.Errorf("in another role: %q", again)
	}
}

func TestKeepalived_5_AnotherIntervalOfVersion3IsOnlyTold(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	slow := with(c, func(c *vrrp.Config) { c.Interval = 2 * time.Second })
	r.hear(slow, "192.0.2.9", 50)
	if got, want := r.drain(), "(X) advertisement interval mismatch: mine=1000ms received=2000ms from 192.0.2.9"; !slices.Contains(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	r.hear(slow, "192.0.2.9", 150)
	r.role(c, vrrp.Backup)
}

func TestKeepalived_5_AnUnknownVRIDIsPassedOverInSilence(t *testing.T) {
	r := newRig(t, config("X", 1, 100))
	r.drain()
	r.hear(config("Y", 77, 1), "192.0.2.9", 150)
	r.take()
}

func TestKeepalived_5_IPv6AdvertsAreToldApartByTheirDestination(t *testing.T) {
	c, u := ipv6(config("X", 1, 100)), ipv6(config("U", 1, 100))
	u.From, u.Peers = linkUp.Source6, []vrrp.Peer{{Addr: netip.MustParseAddr("fe80::9")}}
	r := newRig(t, c, u)
	r.drain()
	r.hear(with(u, func(u *vrrp.Config) { u.Group = linkUp.Source6 }), "fe80::9", 150)
	r.take("(U) master set to fe80::9")
	r.hear(c, "fe80::7", 150)
	r.take("(X) master set to fe80::7")
}

func TestKeepalived_6_TheIdentificationCountsAdverts(t *testing.T) {
	c, _ := unicast()
	c.Peers = append(c.Peers, vrrp.Peer{Addr: netip.MustParseAddr("192.0.2.10")})
	r := master(t, c)
	for want := range uint16(3) {
		r.to(time.Duration(r.view(c).Deadline))
		for _, s := range r.out.Sends {
			if id := uint16(s.Data[4])<<8 | uint16(s.Data[5]); id != want+2 || s.Data[6] != 0 || s.Data[7] != 0 {
				t.Errorf("identification %d and fragmentation %x, want %d and nothing", id, s.Data[6:8], want+2)
			}
		}
		r.out.Reset()
	}
}

func TestKeepalived_6_TheOwnAddressAmongThePeersIsSentToAsWell(t *testing.T) {
	c, _ := unicast()
	c.Peers = append(c.Peers, vrrp.Peer{Addr: linkUp.Source4})
	r := master(t, c)
	r.to(time.Duration(r.view(c).Deadline))
	r.take("send 100 to 192.0.2.9", "send 100 to 192.0.2.1")
}

func TestKeepalived_6_TheSwitchToTheOldChecksumIsTold(t *testing.T) {
	c, peer := unicast()
	r := newRig(t, c)
	r.drain()
	s := wire.Spec{Version: 3, VRID: 1, Interval: time.Second, VIPs: c.VIPs, Src: c.Peers[0].Addr, TTL: 255, Form: wire.OldUnicast, Group: c.Group}
	p := wire.Build(&s)
	r.packet(&wire.Datagram{Link: "eth0", Data: p.Append(nil, peer.Group, 150, 1, nil), At: r.now})
	r.take("(X) Setting unicast VRRPv3 checksum to old version", "(X) master set to 192.0.2.9")
}

func TestKeepalived_3_EverythingThatWaitsIsReadBeforeATimerRuns(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.sleep(us(4700000)) // the timer ran out at 4.609
	for _, at := range []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second} {
		r.packet(advert(c, "192.0.2.9", 150, mono.Instant(at)))
	}
	r.s.Expire(r.now, &r.out)
	r.role(c, vrrp.Backup)
	r.deadline(c, us(7609375))
}
