package vrrp_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// rig is a Set under test. It has links eth0 and eth1 with source 192.0.2.1 and
// fe80::1, and time that is moved by hand.
type rig struct {
	*testing.T
	s     *vrrp.Set
	now   mono.Instant
	setup vrrp.Setup
	out   vrrp.Out
}

func newRig(t *testing.T, routers ...vrrp.Config) *rig {
	return newRigWith(t, vrrp.Setup{Routers: routers})
}

func newRigWith(t *testing.T, setup vrrp.Setup) *rig {
	t.Helper()
	r := &rig{T: t, s: vrrp.New(), setup: setup}
	for _, name := range []string{"eth0", "eth1"} {
		r.s.Link(0, name, linkUp, &r.out)
	}
	r.apply()
	return r
}

func (r *rig) apply() { r.s.Apply(r.now, &r.setup, &r.out) }

// to lets time pass, with every deadline met exactly.
func (r *rig) to(at time.Duration) {
	r.Helper()
	for r.s.Deadline() <= mono.Instant(at) {
		if r.s.Deadline() < r.now {
			r.Fatalf("deadline %v lies before %v", r.s.Deadline(), r.now)
		}
		r.now = r.s.Deadline()
		r.s.Expire(r.now, &r.out)
	}
	r.now = mono.Instant(at)
}

// sleep lets time pass without any deadline being met.
func (r *rig) sleep(until time.Duration) { r.now = mono.Instant(until) }

// hear hands in an advert of another router that has just arrived.
func (r *rig) hear(c vrrp.Config, src string, priority uint8) {
	r.s.Receive(r.now, advert(c, src, priority, r.now), &r.out)
}

func (r *rig) id(c vrrp.Config) vrrp.ID {
	r.Helper()
	id, ok := r.s.Lookup(c.Key)
	if !ok {
		r.Fatalf("no router %+v", c.Key)
	}
	return id
}

func (r *rig) view(c vrrp.Config) vrrp.View { return r.s.View(r.id(c)) }

func (r *rig) role(c vrrp.Config, want vrrp.Role) {
	r.Helper()
	if got := r.view(c).Role; got != want {
		r.Fatalf("%v: role of %s is %v, want %v", r.now, c.Name, got, want)
	}
}

// deadline checks the router's timer to the microsecond.
func (r *rig) deadline(c vrrp.Config, want time.Duration) {
	r.Helper()
	if got := time.Duration(r.view(c).Deadline); got != want {
		r.Fatalf("%v: deadline of %s is %v, want %v", r.now, c.Name, got, want)
	}
}

// take checks everything asked for since the last call, as lines of text.
func (r *rig) take(want ...string) {
	r.Helper()
	got := r.drain()
	if diff := cmp.Diff(want, got); diff != "" {
		r.Fatalf("%v: effects (-want +got):\n%s", r.now, diff)
	}
}

func (r *rig) drain() (lines []string) {
	for _, s := range r.out.Sends {
		lines = append(lines, fmt.Sprintf("send %d to %s", s.Priority, s.Dst))
	}
	for _, c := range r.out.Changes {
		line := c.String()
		if c.Silent {
			line = "silent " + line
		}
		lines = append(lines, line)
	}
	for _, a := range r.out.Announces {
		line := fmt.Sprintf("announce %d", a.Rounds)
		if a.Source.IsValid() {
			line += " of " + a.Source.String()
		}
		lines = append(lines, line)
	}
	for _, s := range r.out.Signals {
		lines = append(lines, fmt.Sprintf("signal %d %v %d", s.Kind, s.Role, s.Priority))
	}
	for _, n := range r.out.Notes {
		lines = append(lines, n.String())
	}
	r.out.Reset()
	return lines
}

// backup is a rig with one router that has accepted a master at 1 s.
func backup(t *testing.T, c vrrp.Config, master string, priority uint8) *rig {
	t.Helper()
	r := newRig(t, c)
	r.to(time.Second)
	r.hear(c, master, priority)
	r.role(c, vrrp.Backup)
	r.out.Reset()
	return r
}

// master is a rig with one router that has become MASTER after its down timer,
// and whose addresses are held.
func master(t *testing.T, c vrrp.Config) *rig {
	t.Helper()
	r := newRig(t, c)
	r.to(time.Duration(r.view(c).Deadline))
	r.role(c, vrrp.Master)
	r.s.Held(r.now, r.id(c), &r.out)
	r.out.Reset()
	return r
}

func us(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

func version2(c vrrp.Config) vrrp.Config {
	c.Version = 2
	return c
}

func ipv6(c vrrp.Config) vrrp.Config {
	c.V6, c.Group = true, netip.MustParseAddr("ff02::12")
	c.VIPs = []netip.Addr{netip.MustParseAddr("fe80::100")}
	return c
}

func with(c vrrp.Config, change func(*vrrp.Config)) vrrp.Config {
	c.VIPs = slices.Clone(c.VIPs)
	change(&c)
	return c
}

// packet is an advert whose bytes may be spoilt before it is handed in.
func (r *rig) packet(d *wire.Datagram) { r.s.Receive(r.now, d, &r.out) }
