package host_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/internal/host"
)

func state(list ...host.Wish) host.State {
	s := host.State{Links: map[string]host.Link{}, Addrs: map[host.Addr]host.AddrOpts{}}
	for i, w := range list {
		s.Links[w.Link] = up(w.Link)
		w.Order = i
		s.Addrs[w.Addr] = w.AddrOpts
	}
	return s
}

func ours(link, prefix string) host.Wish {
	w := wish(link, prefix)
	w.Protocol = host.Protocol
	return w
}

func TestPlan(t *testing.T) {
	secondary := func(w host.Wish) host.Wish {
		w.Secondary = true
		return w
	}
	cases := []struct {
		name       string
		have, want host.State
		ops        string
	}{
		{"nothing to do", state(ours("eth0", "192.0.2.1/24")), state(wish("eth0", "192.0.2.1/24")), ""},
		{"a primary before its secondaries, as configured",
			state(wish("eth0", "10.0.0.1/8")), state(wish("eth0", "192.0.2.9/24"), wish("eth0", "192.0.2.1/24"), wish("eth0", "2001:db8::1/64")),
			`ip addr add 192.0.2.9/24 dev eth0 proto 18
			ip addr add 192.0.2.1/24 dev eth0 proto 18
			ip addr add 2001:db8::1/64 dev eth0 proto 18`},
		{"secondaries go before their primary",
			state(ours("eth0", "192.0.2.9/24"), secondary(ours("eth0", "192.0.2.1/24")), secondary(ours("eth0", "192.0.2.2/24"))), state(),
			`ip addr del 192.0.2.2/24 dev eth0
			ip addr del 192.0.2.1/24 dev eth0
			ip addr del 192.0.2.9/24 dev eth0`},
		{"what goes with a primary comes again",
			state(ours("eth0", "192.0.2.9/24"), secondary(ours("eth0", "192.0.2.1/24"))), state(wish("eth0", "192.0.2.1/24")),
			`ip addr del 192.0.2.9/24 dev eth0
			ip addr add 192.0.2.1/24 dev eth0 proto 18`},
		{"an address moves: there before it is gone here",
			state(ours("eth0", "192.0.2.9/32"), wish("eth1", "10.0.0.1/8")), state(wish("eth1", "192.0.2.9/32")),
			`ip addr add 192.0.2.9/32 dev eth1 proto 18
			ip addr del 192.0.2.9/32 dev eth0`},
		{"others' addresses stay", state(wish("eth0", "192.0.2.9/32")), state(), ""},
		{"an IPv6 prefix length: gone before it comes",
			state(ours("eth0", "2001:db8::1/128")), state(wish("eth0", "2001:db8::1/64")),
			`ip addr del 2001:db8::1/128 dev eth0
			ip addr add 2001:db8::1/64 dev eth0 proto 18`},
		{"an IPv4 prefix length: the two are different addresses",
			state(ours("eth0", "192.0.2.9/32")), state(wish("eth0", "192.0.2.9/24")),
			`ip addr add 192.0.2.9/24 dev eth0 proto 18
			ip addr del 192.0.2.9/32 dev eth0`},
		{"no link, no step", state(), state(wish("eth7", "192.0.2.9/24")), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, op := range host.Plan(c.have, c.want) {
				got = append(got, op.String())
			}
			if d := cmp.Diff(trim(c.ops), strings.Join(got, "\n")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Whatever happens, and however late reports are read: in the end the kernel
// holds what is wanted wherever there is a link that is up, and nothing else of ours.
func TestTheKernelEndsUpAsWanted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, up("eth0"), up("eth1"))
		b.kernel.Promote(rapid.Bool().Draw(rt, "promote"))
		wanted := map[host.Addr]bool{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			disturb(rt, b, wanted)
		}
		for _, link := range []string{"eth0", "eth1"} {
			b.kernel.SetLink(up(link))
		}
		b.see()
		b.do(b.rec.Retry())
		b.see()
		check(rt, b, wanted)
	})
}

func disturb(rt *rapid.T, b *bench, wanted map[host.Addr]bool) {
	link := rapid.SampledFrom([]string{"eth0", "eth1"}).Draw(rt, "link")
	a := addr(link, rapid.SampledFrom([]string{"192.0.2.1/24", "192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/32", "2001:db8::1/64", "2001:db8::2/128"}).Draw(rt, "addr"))
	switch rapid.SampledFrom([]string{"want", "want", "drop", "steal", "see", "down", "up", "delete", "overflow", "refuse"}).Draw(rt, "what") {
	case "want":
		wanted[a] = true
		b.want(host.Wish{Addr: a, AddrOpts: host.AddrOpts{Preferred: host.Forever}})
	case "drop":
		delete(wanted, a)
		b.drop(a)
	case "steal":
		_ = b.kernel.Del(a)
	case "see":
		b.see()
	case "down":
		b.kernel.SetLink(host.Link{Name: link})
	case "up":
		b.kernel.SetLink(up(link))
	case "delete":
		b.kernel.DelLink(link)
	case "overflow":
		b.kernel.Changes()
		b.observe()
	case "refuse":
		b.kernel.Refuse(func(host.Op) error { return fmt.Errorf("busy") })
		b.want(host.Wish{Addr: a, AddrOpts: host.AddrOpts{Preferred: host.Forever}})
		b.kernel.Refuse(nil)
		wanted[a] = true
	}
}

func check(rt *rapid.T, b *bench, wanted map[host.Addr]bool) {
	s, _ := b.kernel.Observe()
	for a := range wanted {
		if _, there := s.Addrs[a]; !there {
			rt.Errorf("%s is wanted and not there\n%s", a, b.log.String())
		}
		if !b.rec.Holds(a) {
			rt.Errorf("%s is there and not known to be\n%s", a, b.log.String())
		}
	}
	for a := range s.Addrs {
		if !wanted[a] {
			rt.Errorf("%s is there and not wanted\n%s", a, b.log.String())
		}
	}
}

// One change among thousands of addresses costs what it costs among ten.
func TestTheCostIsThatOfTheChange(t *testing.T) {
	cost := func(n int) float64 {
		b := newBench(t)
		var list []host.Wish
		for i := range n {
			ip := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
			list = append(list, wish("eth0", netip.PrefixFrom(ip, 32).String()))
		}
		settle(b.rec, b.rec.Want(host.Delta{Want: list}))
		one := wish("eth0", "192.0.2.1/32")
		gone := host.Change{Gone: true, Addr: &list[n/2]}
		return testing.AllocsPerRun(100, func() {
			settle(b.rec, b.rec.Want(host.Delta{Want: []host.Wish{one}}))
			settle(b.rec, b.rec.See(gone))
			settle(b.rec, b.rec.Want(host.Delta{Drop: []host.Addr{one.Addr}}))
		})
	}
	if few, many := cost(10), cost(10_000); many > few+1 {
		t.Errorf("%v allocations among ten addresses, %v among ten thousand", few, many)
	}
}

func settle(r *host.Reconciler, ops []host.Op) {
	for _, op := range ops {
		r.Done(op, nil)
	}
}

func TestTheFakeReportsWhatHappens(t *testing.T) {
	f := host.NewFake(up("eth0"))
	f.Changes()
	if err := f.Add(wish("eth0", "192.0.2.1/24")); err != nil {
		t.Fatal(err)
	}
	f.DelLink("eth0")
	var got []string
	for _, c := range f.Changes() {
		switch {
		case c.Link != nil:
			got = append(got, fmt.Sprintf("link %s up=%v gone=%v", c.Link.Name, c.Link.Up, c.Gone))
		case c.Addr != nil:
			got = append(got, fmt.Sprintf("addr %s gone=%v", c.Addr.Prefix, c.Gone))
		}
	}
	want := []string{"addr 192.0.2.1/24 gone=false", "link eth0 up=false gone=false", "addr 192.0.2.1/24 gone=true", "link eth0 up=false gone=true"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
