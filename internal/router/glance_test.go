package router_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
	"holdfast/internal/status"
)

// crowded is a bench with so many routers, on links of 250 each, tracking a file.
func crowded(t *testing.T, routers int) *bench {
	t.Helper()
	b := newBench(t, nil)
	const each = 250
	var list []config.Instance
	for i := range routers {
		link := fmt.Sprintf("eth%d", i/each)
		v := instance(fmt.Sprintf("V%d", i), uint8(1+i%each), netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}).String())
		v.VRRP.Link, v.Addrs[0].Link = link, link
		list = append(list, v)
		if i%each == 0 {
			b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: link, Index: 2 + i/each, Up: true, Carrier: true, MTU: 1500}}})
			b.step(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: host.Addr{Link: link, Prefix: netip.MustParsePrefix("10.0.0.1/24")}}}})
		}
	}
	b.reload(list...)
	return b
}

// The loop is held for less than a millisecond by who looks at 4,000 virtual routers.
func TestAGlanceAtFourThousandRoutersTakesLessThanAMillisecond(t *testing.T) {
	b := crowded(t, 4000)
	took := make([]time.Duration, 51)
	for i := range took {
		start := time.Now()
		g := b.r.Glance(b.now)
		took[i] = time.Since(start)
		g.Status()
	}
	slices.Sort(took)
	t.Logf("median %v, worst %v", took[len(took)/2], took[len(took)-1])
	if middle := took[len(took)/2]; middle >= time.Millisecond {
		t.Errorf("a glance takes %v", middle)
	}
	if n := len(b.r.Status(b.now).Instances); n != 4000 {
		t.Errorf("%d instances are seen", n)
	}
}

// What is drawn later is what was there at the glance.
func TestAGlanceStaysAsItWas(t *testing.T) {
	b := newBench(t, nil)
	b.reload(instance("V", 7, "10.0.0.100"))
	g := b.r.Glance(b.now)
	before := b.r.Status(b.now)
	b.now = b.now.Add(time.Minute)
	b.step(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: host.Addr{Link: "eth0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}}, Gone: true}})
	if now := b.r.Status(b.now); now.Instances[0].Role != "FAULT" || addressed(now, "10.0.0.1/24") {
		t.Fatalf("nothing has changed: %+v", now)
	}
	if diff := cmp.Diff(before, g.Status(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("it has become another (-before +after):\n%s", diff)
	}
}

// addressed tells whether a link has an address.
func addressed(s *status.Router, prefix string) bool {
	return slices.ContainsFunc(s.Links, func(l status.Link) bool { return slices.Contains(l.Addrs, netip.MustParsePrefix(prefix)) })
}

// A picture that is drawn over another is as a new one, and costs next to no memory: who looks
// several times a second has nothing collected in the process that sends adverts.
func TestAPictureIsDrawnOverAnother(t *testing.T) {
	b := crowded(t, 1000)
	over := b.r.Glance(b.now).Draw(&status.Router{})
	b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: "eth0", Index: 2, MTU: 1500}}})
	over = b.r.Glance(b.now).Draw(over)
	if diff := cmp.Diff(b.r.Status(b.now), over, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("it is another (-new +drawn over):\n%s", diff)
	}
	if n := testing.AllocsPerRun(20, func() { over = b.r.Glance(b.now).Draw(over) }); n > 200 {
		t.Errorf("1000 routers are drawn with %v allocations", n)
	}
}
