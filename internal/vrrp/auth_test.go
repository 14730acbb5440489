package vrrp_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Section 7 of keepalived's behaviour: authentication.

// ahead is how far the wall clock of the rig is ahead of its instants.
const ahead = 1700000000 * time.Second

// key is the secret of a key id in these tests.
func key(id uint8) vrrp.HMACKey {
	return vrrp.HMACKey{ID: id, Secret: vrrp.Secret(strings.Repeat(string('a'+rune(id)), 32))}
}

// hmac is c under auth_hmac with keys 1 and 2, of which 1 signs.
func hmac(c vrrp.Config, change ...func(*vrrp.HMAC)) vrrp.Config {
	h := &vrrp.HMAC{Keys: []vrrp.HMACKey{key(1), key(2)}, Active: 1, Window: 5 * time.Second}
	for _, f := range change {
		f(h)
	}
	c.HMAC = h
	return c
}

// sealedRig is a rig with one router, whose wall clock is right.
func sealedRig(t *testing.T, c vrrp.Config) *rig {
	r := newRig(t, c)
	r.s.Wall(ahead)
	return r
}

// sealed is an advert of src signed with a key at an instant of the sender's clock.
func sealed(c vrrp.Config, k vrrp.HMACKey, src string, priority uint8, wall time.Duration) *wire.Datagram {
	s := wire.Spec{V6: c.V6, Version: c.Version, VRID: c.VRID, Interval: c.Interval, VIPs: c.VIPs,
		Src: netip.MustParseAddr(src), TTL: 255, Group: c.Group, Sealed: true}
	p := wire.Build(&s)
	t := p.Seal(wire.NewKey(k.ID, []byte(k.Secret)), s.Src, priority, wire.StampOf(wall))
	return &wire.Datagram{Link: c.Link, V6: c.V6, Data: p.Append(nil, c.Group, priority, 1, t[:]), Src: s.Src, Dst: c.Group, HopLimit: 255}
}

// trailers are what was dropped so far.
func (r *rig) trailers(c vrrp.Config, want vrrp.TrailerStats) {
	r.Helper()
	if got := *r.view(c).Trailers; got != want {
		r.Errorf("%v: dropped %+v, want %+v", r.now, got, want)
	}
}

func TestKeepalived_7_HMAC_AnySharedKeyVerifies(t *testing.T) {
	for _, c := range []vrrp.Config{config("X", 1, 100), version2(config("X", 1, 100)), ipv6(config("X", 1, 100))} {
		src := map[bool]string{false: "192.0.2.9", true: "fe80::9"}[c.V6]
		for id := uint8(1); id <= 2; id++ {
			t.Run(fmt.Sprintf("version %d, IPv6 %v, key %d", c.Version, c.V6, id), func(t *testing.T) {
				c := hmac(c)
				r := sealedRig(t, c)
				r.packet(sealed(c, key(id), src, 150, ahead))
				if got := r.view(c); got.Master.String() != src || got.Stats.AdvertReceived != 1 {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

func TestKeepalived_7_HMAC_OrderOfVerification(t *testing.T) {
	c := hmac(config("X", 1, 100))
	sound := func() *wire.Datagram { return sealed(c, key(1), "192.0.2.9", 150, ahead) }
	spoilt := func(d *wire.Datagram, at int) *wire.Datagram {
		d.Data[len(d.Data)-wire.TrailerSize+at] ^= 0x80
		return d
	}
	for _, row := range []struct {
		name string
		d    *wire.Datagram
		want vrrp.TrailerStats
	}{
		{"missing", advert(c, "192.0.2.9", 150, 0), vrrp.TrailerStats{Missing: 1}},
		{"type unknown, and stale", spoilt(sealed(c, key(1), "192.0.2.9", 150, 0), 0), vrrp.TrailerStats{Malformed: 1}},
		{"reserved not zero", spoilt(sound(), 3), vrrp.TrailerStats{Malformed: 1}},
		{"stale, and of an unknown key", sealed(c, key(3), "192.0.2.9", 150, ahead-6*time.Second), vrrp.TrailerStats{Stale: 1}},
		{"from the future", sealed(c, key(1), "192.0.2.9", 150, ahead+6*time.Second), vrrp.TrailerStats{Stale: 1}},
		{"unknown key", sealed(c, key(3), "192.0.2.9", 150, ahead), vrrp.TrailerStats{UnknownKey: 1}},
		{"forged", spoilt(sound(), 27), vrrp.TrailerStats{Invalid: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sealedRig(t, c)
			r.packet(row.d)
			r.trailers(c, row.want)
			if r.view(c).Master.IsValid() {
				t.Error("it is followed")
			}
		})
	}
	r := sealedRig(t, c)
	r.packet(sound())
	r.packet(sound())
	r.trailers(c, vrrp.TrailerStats{Replay: 1})
}

func TestKeepalived_7_HMAC_Modes(t *testing.T) {
	for _, row := range []struct {
		mode                   vrrp.HMACMode
		acceptsBare, sendsWith bool
	}{{vrrp.Enforce, false, true}, {vrrp.Permissive, true, true}, {vrrp.ReceiveOnly, true, false}} {
		c := hmac(config("X", 1, 100), func(h *vrrp.HMAC) { h.Mode = row.mode })
		r := sealedRig(t, c)
		r.hear(c, "192.0.2.9", 150)
		if got := r.view(c).Master.IsValid(); got != row.acceptsBare {
			t.Errorf("mode %d: an advert without trailer is accepted: %v", row.mode, got)
		}
		r.packet(sealed(c, key(3), "192.0.2.8", 160, ahead))
		if r.view(c).Master.String() == "192.0.2.8" {
			t.Errorf("mode %d: a bad trailer is accepted", row.mode)
		}
		r.to(time.Duration(r.view(c).Deadline))
		a, _ := wire.Decode(&wire.Datagram{Data: r.out.Sends[0].Data})
		if a.Unseal(); (a.Trailer() != nil) != row.sendsWith {
			t.Errorf("mode %d: sent with trailer: %v", row.mode, !row.sendsWith)
		}
	}
}

// stamps are those of the adverts sent since the last call.
func (r *rig) stamps() (list []wire.Stamp) {
	r.Helper()
	for _, s := range r.out.Sends {
		a, _ := wire.Decode(&wire.Datagram{V6: s.V6, Data: s.Data, Src: s.Src, Dst: s.Dst})
		a.Unseal()
		t := a.Trailer()
		if !a.Sealed(wire.NewKey(1, []byte(key(1).Secret)), t) {
			r.Fatalf("sent with trailer %x", t)
		}
		list = append(list, t.Stamp())
	}
	r.out.Reset()
	return list
}

func TestKeepalived_7_HMAC_OneTrailerForAllPeers(t *testing.T) {
	c := hmac(with(config("X", 1, 100), func(c *vrrp.Config) {
		c.Peers = []vrrp.Peer{{Addr: netip.MustParseAddr("192.0.2.8")}, {Addr: netip.MustParseAddr("192.0.2.9")}}
	}))
	r := sealedRig(t, c)
	r.to(time.Duration(r.view(c).Deadline))
	if got := r.stamps(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("%x", got)
	}
}

func TestKeepalived_7_HMAC_StampsGrow(t *testing.T) {
	c := hmac(config("X", 1, 100))
	r := sealedRig(t, c)
	r.to(time.Duration(r.view(c).Deadline))
	first := r.stamps()[0]
	if first != wire.StampOf(ahead+time.Duration(r.now)) {
		t.Errorf("the first stamp is %x", first)
	}
	r.hear(c, "192.0.2.8", 0) // without trailer: not answered
	r.packet(sealed(c, key(1), "192.0.2.8", 0, ahead+time.Duration(r.now)))
	if got := r.stamps(); len(got) != 1 || got[0] != first+1 {
		t.Errorf("in the same instant %x follows %x", got, first)
	}
	r.s.Wall(ahead - 2*time.Second) // the clock is set back, within the window
	r.to(time.Duration(r.view(c).Deadline))
	if got := r.stamps(); len(got) != 1 || got[0] != first+2 {
		t.Errorf("after the clock was set back a little %x follows %x", got, first)
	}
	r.s.Wall(ahead - time.Hour)
	r.to(time.Duration(r.view(c).Deadline))
	if got := r.stamps(); len(got) != 1 || got[0] != wire.StampOf(ahead-time.Hour+time.Duration(r.now)) {
		t.Errorf("after the clock was set back an hour: %x", got)
	}
}

func TestKeepalived_7_HMAC_ReplayMemory(t *testing.T) {
	c := hmac(config("X", 1, 100))
	r := sealedRig(t, c)
	old := sealed(c, key(1), "192.0.2.9", 150, ahead)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+time.Second))
	r.packet(old)
	r.trailers(c, vrrp.TrailerStats{Replay: 1})
	for i := range 4 { // four others push the first one out
		r.packet(sealed(c, key(1), fmt.Sprintf("192.0.2.%d", 10+i), 150, ahead))
	}
	r.packet(old)
	r.trailers(c, vrrp.TrailerStats{Replay: 1})
	r.packet(old)
	r.trailers(c, vrrp.TrailerStats{Replay: 2})
}

func TestKeepalived_7_HMAC_EveryPeerIsRemembered(t *testing.T) {
	c := hmac(with(config("X", 1, 100), func(c *vrrp.Config) {
		c.From = netip.MustParseAddr("192.0.2.1")
		for i := range byte(6) {
			c.Peers = append(c.Peers, vrrp.Peer{Addr: netip.AddrFrom4([4]byte{192, 0, 2, 10 + i})})
		}
	}))
	r := sealedRig(t, c)
	for range 2 {
		for _, p := range c.Peers {
			d := sealed(c, key(1), p.Addr.String(), 150, ahead)
			copy(d.Data[16:], []byte{192, 0, 2, 1}) // the signature does not cover where it goes
			a, _ := wire.Decode(d)
			r.packet(&wire.Datagram{Link: "eth0", Data: d.Data, At: a.At})
		}
	}
	r.trailers(c, vrrp.TrailerStats{Replay: 6})
}

// A sender whose clock was set back is refused while its stamps are out of the
// window, and followed again once the mark of its old ones has grown old.
func TestKeepalived_7_HMAC_AMarkOlderThanTheWindowIsForgotten(t *testing.T) {
	c := hmac(config("X", 1, 100))
	r := sealedRig(t, c)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+4*time.Second))
	for at := time.Second; at <= 5*time.Second; at += time.Second {
		r.sleep(at)
		r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+at-2*time.Second))
	}
	r.trailers(c, vrrp.TrailerStats{Replay: 5})
	r.sleep(5*time.Second + 1)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+3100*time.Millisecond))
	r.trailers(c, vrrp.TrailerStats{Replay: 5})
}

func TestKeepalived_7_HMAC_Monotonic(t *testing.T) {
	c := hmac(config("X", 1, 100), func(h *vrrp.HMAC) { h.Monotonic = true })
	r := sealedRig(t, c)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, time.Hour)) // its clock was never set
	if !r.view(c).Master.IsValid() {
		t.Error("clocks have to agree")
	}
	r.sleep(time.Hour)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, time.Minute))
	r.trailers(c, vrrp.TrailerStats{Replay: 1})
}

func TestKeepalived_7_HMAC_ClockSkewIsToldOnce(t *testing.T) {
	c := hmac(config("X", 1, 100))
	r := sealedRig(t, c)
	r.out.Reset()
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead-2*time.Second))
	r.take("(X) master set to 192.0.2.9")
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+3*time.Second))
	r.take("(X) auth_hmac: the clock of 192.0.2.9 is 3.000s ahead of ours, over half the window of 5.000s: set the clocks")
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+3100*time.Millisecond))
	r.take()
}

// A step of the wall clock moves no timer: only what is stamped notices.
func TestAWallClockStepChangesNothingButTheWindow(t *testing.T) {
	plain, c := config("P", 2, 100), hmac(config("X", 1, 100))
	r := newRig(t, plain, c)
	r.s.Wall(ahead)
	r.hear(plain, "192.0.2.9", 150)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead))
	before := [2]mono.Instant{r.view(plain).Deadline, r.view(c).Deadline}
	r.s.Wall(ahead + 1000*time.Hour)
	if got := [2]mono.Instant{r.view(plain).Deadline, r.view(c).Deadline}; got != before || r.s.Deadline() != before[0] {
		t.Errorf("deadlines moved from %v to %v", before, got)
	}
	r.to(time.Second)
	r.hear(plain, "192.0.2.9", 150)
	r.packet(sealed(c, key(1), "192.0.2.9", 150, ahead+time.Second))
	r.deadline(plain, us(4609375))
	r.trailers(c, vrrp.TrailerStats{Stale: 1})
}

func TestKeepalived_7_HMAC_AReloadKeepsWhatWasHeardAndSent(t *testing.T) {
	c := hmac(config("X", 1, 100))
	r := sealedRig(t, c)
	d := sealed(c, key(1), "192.0.2.9", 150, ahead)
	r.packet(d)
	r.setup.Routers = []vrrp.Config{hmac(config("X", 1, 100), func(h *vrrp.HMAC) { h.Keys, h.Active = []vrrp.HMACKey{key(2), key(1)}, 2 })}
	r.apply()
	r.packet(d)
	r.trailers(c, vrrp.TrailerStats{Replay: 1})
	r.setup.Routers = []vrrp.Config{config("X", 1, 100)}
	r.apply()
	if r.s.Stamps() || r.view(c).Trailers != nil {
		t.Error("without auth_hmac somebody depends on the wall clock")
	}
}

func TestKeepalived_7_HMAC_NoSecretIsPrinted(t *testing.T) {
	c := hmac(config("X", 1, 100))
	if text := fmt.Sprintf("%v %+v %#v %v", c, c.HMAC, *c.HMAC, c.HMAC.Keys); strings.Contains(text, string(key(1).Secret)) {
		t.Error(text)
	}
}

// ah is c with the authentication header.
func ah(c vrrp.Config) vrrp.Config {
	c.Version, c.Header, c.Password = 2, true, [8]byte([]byte("secret12"))
	return c
}

// headed is an advert with an authentication header.
func headed(c vrrp.Config, src string, priority uint8, sequence uint32, ttl wire.Lifetime) *wire.Datagram {
	s := wire.Spec{Version: 2, VRID: c.VRID, Interval: c.Interval, VIPs: c.VIPs, Src: netip.MustParseAddr(src), TTL: 255, Group: c.Group, Header: true}
	p := wire.Build(&s)
	d := &wire.Datagram{Link: c.Link, Data: p.Append(nil, c.Group, priority, 1, nil)}
	wire.NewHeaderKey(c.Password).Sign(d.Data, sequence, ttl)
	return d
}

// bothWays is how who has heard nobody signs each advert.
func bothWays() []wire.Lifetime { return []wire.Lifetime{true, false} }

// numbers are those of the headers sent since the last call, each in these ways.
func (r *rig) numbers(ways ...wire.Lifetime) (list []uint32) {
	r.Helper()
	for i, s := range r.out.Sends {
		a, _ := wire.Decode(&wire.Datagram{Data: s.Data})
		ttl := ways[i%len(ways)]
		if got, ok := a.Signed(wire.NewHeaderKey([8]byte([]byte("secret12")))); !ok || got != ttl {
			r.Errorf("signed %v, with TTL %v", ok, got)
		}
		if i%len(ways) == 0 {
			list = append(list, a.Sequence())
		} else if a.Sequence() != list[len(list)-1] {
			r.Errorf("number %d in one way and %d in the other", list[len(list)-1], a.Sequence())
		}
	}
	r.out.Reset()
	return list
}

func TestKeepalived_7_AH_NumbersGoOnFromTheLastMaster(t *testing.T) {
	c := ah(config("X", 1, 100))
	r := newRig(t, c)
	r.packet(headed(c, "192.0.2.9", 150, 500, false))
	r.packet(headed(c, "192.0.2.9", 150, 500, false))
	if got := r.view(c).Stats; got.AdvertReceived != 1 || got.AuthFailures != 1 {
		t.Errorf("a number that was heard is accepted again: %+v", got)
	}
	for _, want := range []string{"[501]", "[502]"} {
		r.to(time.Duration(r.view(c).Deadline))
		if got := fmt.Sprint(r.numbers(false)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Those who heard the earlier life of a router that crashed as MASTER accept no number
// that they have heard.
func TestAHNumbersGrowFromOneLifeToTheNext(t *testing.T) {
	c := ah(config("X", 1, 100))
	for life := range 2 {
		r := newRig(t, c)
		r.s.Wall(ahead + time.Duration(life)*time.Minute)
		r.packet(headed(c, "192.0.2.9", 0, 7, false)) // of a master that counts from 1
		if !r.s.Stamps() || r.view(c).Stats.AdvertReceived != 1 {
			t.Errorf("a smaller number than the clock's is refused: %+v", r.view(c).Stats)
		}
		r = newRig(t, c)
		r.s.Wall(ahead + time.Duration(life)*time.Minute)
		r.to(time.Duration(r.view(c).Deadline))
		want := uint32((ahead+time.Duration(life)*time.Minute+time.Duration(r.now))/time.Second) + 1
		if got := r.numbers(bothWays()...); len(got) != 1 || got[0] != want {
			t.Errorf("life %d starts with %d, want %d", life, got, want)
		}
	}
}

func TestKeepalived_7_AH_AMasterGoesOnBehindALowerOne(t *testing.T) {
	c := ah(config("X", 1, 100))
	r := master(t, c)
	r.numbers(false)
	r.packet(headed(c, "192.0.2.9", 50, 9000, false))
	if got := fmt.Sprint(r.numbers(false)); got != "[9001]" {
		t.Error(got)
	}
}

func TestKeepalived_7_AH_ExpectedExactlyWhenConfigured(t *testing.T) {
	c := ah(config("X", 1, 100))
	r := newRig(t, c)
	r.packet(advert(version2(config("X", 1, 100)), "192.0.2.9", 150, 0))
	plain := version2(config("Y", 2, 100))
	p := newRig(t, plain)
	p.packet(headed(with(c, func(c *vrrp.Config) { c.VRID = 2 }), "192.0.2.9", 150, 1, false))
	if a, b := r.view(c).Stats, p.view(plain).Stats; a.AuthTypeMismatch != 1 || b.AuthTypeMismatch != 1 || a.AdvertReceived+b.AdvertReceived != 0 {
		t.Errorf("%+v, %+v", a, b)
	}
}

func TestKeepalived_7_AH_ForgedOrOfSomebodyElse(t *testing.T) {
	c := ah(config("X", 1, 100))
	other := with(c, func(c *vrrp.Config) { c.Password[0] = 'x' })
	r := newRig(t, c)
	r.packet(headed(other, "192.0.2.9", 150, 1, false))
	d := headed(c, "192.0.2.9", 150, 1, false)
	d.Data[27] ^= 1 // the SPI
	wire.NewHeaderKey(c.Password).Sign(d.Data, 1, false)
	r.packet(d)
	if got := r.view(c).Stats; got.AuthFailures != 2 || got.AdvertReceived != 0 {
		t.Errorf("%+v", got)
	}
}

func TestKeepalived_7_AH_SilentWhenTheNumbersAreSpent(t *testing.T) {
	c := ah(config("X", 1, 100))
	r := newRig(t, c)
	r.packet(headed(c, "192.0.2.9", 50, math.MaxUint32, false))
	r.to(10 * time.Second)
	r.role(c, vrrp.Master)
	if got := r.numbers(false); len(got) != 0 {
		t.Errorf("sent %d", got)
	}
	r.packet(headed(c, "192.0.2.9", 150, 1, false)) // counts anew
	r.role(c, vrrp.Backup)
	r.to(time.Duration(r.view(c).Deadline))
	if got := r.numbers(false); len(got) != 1 || got[0] != 2 {
		t.Errorf("after MASTER was left: %d", got)
	}
}

// Versions of keepalived before 2.4 sign the TTL too; whoever was heard last is spoken
// to as it speaks.
func TestAHFollowsTheWayOthersSign(t *testing.T) {
	c := ah(config("X", 1, 100))
	r := newRig(t, c)
	r.packet(headed(c, "192.0.2.9", 150, 1, true))
	r.to(5 * time.Second)
	r.out.Reset()
	r.to(time.Duration(r.view(c).Deadline))
	r.numbers(true)
	r.packet(headed(c, "192.0.2.9", 50, 1000, false))
	r.numbers(false)
}

// Who has heard nobody does not know how the others sign: one of two adverts of the same
// number is understood, the other is passed over. Who is heard is answered in its way.
func TestUntilSomebodyIsHeardAdvertsAreSignedInBothWays(t *testing.T) {
	c := ah(config("X", 1, 100))
	a, b := newRig(t, c), newRig(t, with(c, func(c *vrrp.Config) { c.Priority = 90 }))
	a.to(5 * time.Second)
	if len(a.out.Sends) != 4 { // of two adverts
		t.Fatalf("%d packets", len(a.out.Sends))
	}
	for _, s := range a.out.Sends {
		d := wire.Datagram{Link: "eth0", Data: slices.Clone(s.Data)}
		copy(d.Data[12:], []byte{192, 0, 2, 9}) // of another node
		copy(d.Data[24:], []byte{192, 0, 2, 9})
		sequence, ttl := signature(t, s.Data)
		wire.NewHeaderKey(c.Password).Sign(d.Data, sequence, ttl)
		b.packet(&d)
	}
	if got := b.view(c).Stats; got.AdvertReceived != 2 || got.AuthFailures != 0 {
		t.Errorf("%d of 2 adverts accepted, %d refused", got.AdvertReceived, got.AuthFailures)
	}
	if got := a.numbers(bothWays()...); len(got) != 2 || got[1] != got[0]+1 {
		t.Errorf("numbered %d", got)
	}
	a.packet(headed(c, "192.0.2.9", 50, math.MaxUint32/2, true))
	a.numbers(true)
	a.to(10 * time.Second)
	a.numbers(true)
}

func signature(t *testing.T, data []byte) (uint32, wire.Lifetime) {
	t.Helper()
	a, _ := wire.Decode(&wire.Datagram{Data: data})
	ttl, ok := a.Signed(wire.NewHeaderKey([8]byte([]byte("secret12"))))
	if !ok {
		t.Fatal("not signed")
	}
	return a.Sequence(), ttl
}

func TestKeepalived_17_AHNumbersOutliveAReload(t *testing.T) {
	c := ah(config("X", 1, 100))
	r := master(t, c)
	r.to(10 * time.Second)
	before := r.numbers(bothWays()...)
	r.setup.Routers = []vrrp.Config{with(c, func(c *vrrp.Config) { c.Priority = 90 })}
	r.apply()
	if got := r.numbers(bothWays()...); len(got) != 1 || got[0] != before[len(before)-1]+1 {
		t.Errorf("%d", got)
	}
}

func TestEveryComplaintHasABit(t *testing.T) {
	if vrrp.NoteClockSkew >= 64 {
		t.Errorf("there are %d kinds of notes: complaints are remembered in 64 bits", vrrp.NoteClockSkew+1)
	}
}

// From one key to the next, node by node, while two hundred routers advertise: not one
// advert is refused.
func TestKeepalived_7_HMAC_RotationLosesNoAdvert(t *testing.T) {
	const routers = 200
	node := func(priority, active uint8, keys ...vrrp.HMACKey) (setup vrrp.Setup) {
		for vrid := range uint8(routers) {
			c := hmac(config("X", vrid+1, priority), func(h *vrrp.HMAC) { h.Keys, h.Active = keys, active })
			c.Interval = 100 * time.Millisecond
			setup.Routers = append(setup.Routers, c)
		}
		return setup
	}
	a, b := newRig(t), newRig(t)
	give := func(r *rig, setup vrrp.Setup) {
		r.setup = setup
		r.apply()
		r.s.Wall(ahead)
	}
	heard := uint64(0)
	run := func(until time.Duration) {
		for a.now < mono.Instant(until) {
			a.now = min(a.s.Deadline(), mono.Instant(until))
			b.to(time.Duration(a.now))
			a.s.Expire(a.now, &a.out)
			for _, s := range a.out.Sends {
				heard++
				b.packet(&wire.Datagram{Link: s.Link, Data: s.Data, At: a.now})
			}
			a.out.Reset()
			b.out.Reset()
		}
	}
	one, two := key(1), key(2)
	give(a, node(150, 1, one))
	give(b, node(100, 1, one))
	for i, step := range []func(){
		func() {},
		func() { give(b, node(100, 1, one, two)) },
		func() { give(a, node(150, 2, one, two)) },
		func() { give(b, node(100, 2, two, one)) },
		func() { give(a, node(150, 2, two)) },
		func() { give(b, node(100, 2, two)) },
	} {
		step()
		run(time.Duration(i+1)*time.Second + 37*time.Millisecond)
	}
	accepted := uint64(0)
	for _, c := range b.setup.Routers {
		v := b.view(c)
		accepted += uint64(v.Stats.AdvertReceived)
		if v.Role != vrrp.Backup || v.Stats.BecomeMaster != 0 || *v.Trailers != (vrrp.TrailerStats{}) {
			t.Fatalf("router %d is %v and refused %+v", c.VRID, v.Role, *v.Trailers)
		}
	}
	if accepted != heard || heard < routers*50 {
		t.Errorf("%d of %d adverts were accepted", accepted, heard)
	}
}
