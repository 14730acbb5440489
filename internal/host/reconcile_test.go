package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/host"
)

// bench is a Reconciler at work on a fake kernel. It writes down each step and
// each result.
type bench struct {
	t      *testing.T
	kernel *host.Fake
	rec    *host.Reconciler
	log    strings.Builder
}

func newBench(t *testing.T, links ...host.Link) *bench {
	if links == nil {
		links = []host.Link{up("eth0")}
	}
	b := &bench{t: t, kernel: host.NewFake(links...), rec: host.NewReconciler()}
	b.observe()
	b.kernel.Changes()
	return b
}

func up(name string) host.Link { return host.Link{Name: name, Up: true, Carrier: true} }

func addr(link, prefix string) host.Addr {
	return host.Addr{Link: link, Prefix: netip.MustParsePrefix(prefix)}
}

func wish(link, prefix string) host.Wish {
	return host.Wish{Addr: addr(link, prefix), AddrOpts: host.AddrOpts{Preferred: host.Forever}}
}

func wishes(link string, prefixes ...string) (list []host.Wish) {
	for _, p := range prefixes {
		list = append(list, wish(link, p))
	}
	return list
}

func (b *bench) do(ops []host.Op) {
	b.t.Helper()
	for _, r := range b.rec.Results() {
		fmt.Fprintln(&b.log, r)
	}
	errs := b.kernel.Do(ops)
	for i, op := range ops {
		fmt.Fprintln(&b.log, op)
		if r := b.rec.Done(op, errs[i]); r.Fate != host.Nothing {
			fmt.Fprintln(&b.log, " ", r)
		}
	}
}

func (b *bench) want(list ...host.Wish) { b.do(b.rec.Want(host.Delta{Want: list})) }

func (b *bench) drop(list ...host.Addr) { b.do(b.rec.Want(host.Delta{Drop: list})) }

func (b *bench) observe() {
	s, err := b.kernel.Observe()
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(b.rec.Observe(s))
}

// see hands over all reports that wait, until there are none.
func (b *bench) see() {
	for list := b.kernel.Changes(); len(list) > 0; list = b.kernel.Changes() {
		b.do(b.rec.See(list...))
	}
}

func (b *bench) expect(log, state string) {
	b.t.Helper()
	if d := cmp.Diff(trim(log), trim(b.log.String())); d != "" {
		b.t.Errorf("steps (-want +got):\n%s", d)
	}
	b.log.Reset()
	if d := cmp.Diff(trim(state), trim(b.kernel.String())); d != "" {
		b.t.Errorf("state (-want +got):\n%s", d)
	}
}

func trim(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func TestAddressesComeAndGo(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth0", "192.0.2.10/24", "192.0.2.9/24", "2001:db8::1/128")...)
	b.see()
	b.expect(`
		ip addr add 192.0.2.10/24 dev eth0 proto 18
		  192.0.2.10/24 dev eth0: held
		ip addr add 192.0.2.9/24 dev eth0 proto 18
		  192.0.2.9/24 dev eth0: held
		ip addr add 2001:db8::1/128 dev eth0 proto 18
		  2001:db8::1/128 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0
		    inet 192.0.2.9/24 scope global secondary proto 18 eth0
		    inet6 2001:db8::1/128 scope global proto 18`)

	b.drop(addr("eth0", "192.0.2.10/24"), addr("eth0", "192.0.2.9/24"), addr("eth0", "2001:db8::1/128"))
	b.see()
	b.expect(`
		ip addr del 2001:db8::1/128 dev eth0
		  2001:db8::1/128 dev eth0: released
		ip addr del 192.0.2.9/24 dev eth0
		  192.0.2.9/24 dev eth0: released
		ip addr del 192.0.2.10/24 dev eth0
		  192.0.2.10/24 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500`)
}

// The new secondary is added before the primary goes, and must not go with it.
func TestASecondaryTakesOverFromItsPrimary(t *testing.T) {
	b := newBench(t)
	b.want(wish("eth0", "192.0.2.10/24"))
	b.see()
	b.log.Reset()
	b.do(b.rec.Want(host.Delta{Want: wishes("eth0", "192.0.2.11/24"), Drop: []host.Addr{addr("eth0", "192.0.2.10/24")}}))
	b.expect(`
		ip addr add 192.0.2.11/24 dev eth0 proto 18
		  192.0.2.11/24 dev eth0: held
		ip addr del 192.0.2.10/24 dev eth0
		  192.0.2.10/24 dev eth0: released
		ip addr add 192.0.2.11/24 dev eth0 proto 18
		  192.0.2.11/24 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.11/24 scope global proto 18 eth0`)
}

// The kernel removes the secondaries of a primary with it.
func TestSecondariesSurviveTheirPrimary(t *testing.T) {
	for _, promote := range []bool{false, true} {
		b := newBench(t)
		b.kernel.Promote(promote)
		b.want(wishes("eth0", "192.0.2.10/24", "192.0.2.11/24")...)
		b.see()
		b.log.Reset()
		b.drop(addr("eth0", "192.0.2.10/24"))
		b.see()
		steps := `
			ip addr del 192.0.2.10/24 dev eth0
			  192.0.2.10/24 dev eth0: released
			ip addr add 192.0.2.11/24 dev eth0 proto 18
			  192.0.2.11/24 dev eth0: held`
		if !promote { // the report of the removal comes when it is back already
			steps += `
			ip addr add 192.0.2.11/24 dev eth0 proto 18
			  192.0.2.11/24 dev eth0: held`
		}
		b.expect(steps, `
			1: eth0: <UP,LOWER_UP> mtu 1500
			    inet 192.0.2.11/24 scope global proto 18 eth0`)
		if n := b.rec.Repairs(); n != 0 {
			t.Errorf("promote %v: %d repairs, want none: nobody else removed anything", promote, n)
		}
	}
}

func TestSecondaryGoesWithoutTouchingTheRest(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth0", "192.0.2.10/24", "192.0.2.11/24", "192.0.2.12/24")...)
	b.see()
	b.log.Reset()
	b.drop(addr("eth0", "192.0.2.11/24"))
	b.see()
	b.expect(`
		ip addr del 192.0.2.11/24 dev eth0
		  192.0.2.11/24 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0
		    inet 192.0.2.12/24 scope global secondary proto 18 eth0`)
}

func TestWhatSomebodyRemovesIsPutBackAndCounted(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth0", "192.0.2.10/24", "192.0.2.11/24")...)
	b.see()
	b.log.Reset()
	if err := b.kernel.Del(addr("eth0", "192.0.2.10/24")); err != nil {
		t.Fatal(err)
	}
	b.see() // the secondary went too; the primary comes back first
	b.expect(`
		ip addr add 192.0.2.10/24 dev eth0 proto 18
		  192.0.2.10/24 dev eth0: repaired (1)
		ip addr add 192.0.2.11/24 dev eth0 proto 18
		  192.0.2.11/24 dev eth0: repaired (1)`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0
		    inet 192.0.2.11/24 scope global secondary proto 18 eth0`)
	if n := b.rec.Repairs(); n != 2 {
		t.Errorf("%d repairs, want 2", n)
	}
}

func TestAnAddressThatIsThereAlreadyIsHeld(t *testing.T) {
	b := newBench(t)
	if err := b.kernel.Add(wish("eth0", "192.0.2.10/32")); err != nil {
		t.Fatal(err)
	}
	b.want(wish("eth0", "192.0.2.10/32"))
	b.see()
	b.expect(`
		ip addr add 192.0.2.10/32 dev eth0 proto 18
		  192.0.2.10/32 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/32 scope global eth0`)
}

func TestTheReportOfOurOwnRemovalIsNoDrift(t *testing.T) {
	b := newBench(t)
	b.want(wish("eth0", "192.0.2.10/32"))
	b.drop(addr("eth0", "192.0.2.10/32"))
	b.want(wish("eth0", "192.0.2.10/32"))
	b.log.Reset()
	b.see() // added, removed, added: all of it late
	b.expect(`
		ip addr add 192.0.2.10/32 dev eth0 proto 18
		  192.0.2.10/32 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/32 scope global proto 18 eth0`)
	if b.rec.Repairs() != 0 {
		t.Error("counted as a repair")
	}
}

func TestAnAddressThatChangesOwnerStays(t *testing.T) {
	b := newBench(t)
	b.want(wish("eth0", "192.0.2.10/32"))
	b.log.Reset()
	b.do(b.rec.Want(host.Delta{Want: wishes("eth0", "192.0.2.10/32"), Drop: []host.Addr{addr("eth0", "192.0.2.10/32")}}))
	b.expect(`
		192.0.2.10/32 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/32 scope global proto 18 eth0`)
}

func TestOptionsChange(t *testing.T) {
	labelled := wish("eth0", "192.0.2.10/24")
	labelled.Label = "eth0:1"
	deprecated := wish("eth0", "192.0.2.10/24")
	deprecated.Preferred = 0
	six := wish("eth0", "2001:db8::1/64")
	six.NoDAD = true
	cases := map[string]struct {
		from, to host.Wish
		steps    string
		state    string
	}{
		"label": {wish("eth0", "192.0.2.10/24"), labelled, `
			192.0.2.10/24 dev eth0: held
			ip addr del 192.0.2.10/24 dev eth0
			ip addr add 192.0.2.10/24 dev eth0 label eth0:1 proto 18
			  192.0.2.10/24 dev eth0: held`,
			`inet 192.0.2.10/24 scope global proto 18 eth0:1`},
		"label written out": {wish("eth0", "192.0.2.10/24"), func() host.Wish {
			w := wish("eth0", "192.0.2.10/24")
			w.Label = "eth0"
			return w
		}(), `
			192.0.2.10/24 dev eth0: held`,
			`inet 192.0.2.10/24 scope global proto 18 eth0`},
		"lifetime": {wish("eth0", "192.0.2.10/24"), deprecated, `
			192.0.2.10/24 dev eth0: held
			ip addr change 192.0.2.10/24 dev eth0 preferred_lft 0 proto 18
			  192.0.2.10/24 dev eth0: held`,
			`inet 192.0.2.10/24 scope global deprecated proto 18 eth0`},
		"nodad": {wish("eth0", "2001:db8::1/64"), six, `
			2001:db8::1/64 dev eth0: held
			ip addr change 2001:db8::1/64 dev eth0 nodad proto 18
			  2001:db8::1/64 dev eth0: held`,
			`inet6 2001:db8::1/64 scope global nodad proto 18`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.want(c.from)
			b.see()
			b.log.Reset()
			b.want(c.to)
			b.expect(c.steps, "1: eth0: <UP,LOWER_UP> mtu 1500\n"+c.state)
		})
	}
}

// To the kernel an IPv6 address is the same whatever its prefix length.
func TestAnIPv6PrefixLengthChanges(t *testing.T) {
	b := newBench(t)
	b.want(wish("eth0", "2001:db8::1/128"))
	b.log.Reset()
	b.do(b.rec.Want(host.Delta{Want: wishes("eth0", "2001:db8::1/64"), Drop: []host.Addr{addr("eth0", "2001:db8::1/128")}}))
	b.see()
	b.expect(`
		ip addr del 2001:db8::1/128 dev eth0
		  2001:db8::1/128 dev eth0: released
		ip addr add 2001:db8::1/64 dev eth0 proto 18
		  2001:db8::1/64 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet6 2001:db8::1/64 scope global proto 18`)
}

func TestAWishWaitsForItsLink(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth1", "192.0.2.10/24", "2001:db8::1/64")...)
	b.expect("", "1: eth0: <UP,LOWER_UP> mtu 1500")
	b.kernel.SetLink(up("eth1"))
	b.see()
	b.expect(`
		ip addr add 192.0.2.10/24 dev eth1 proto 18
		  192.0.2.10/24 dev eth1: held
		ip addr add 2001:db8::1/64 dev eth1 proto 18
		  2001:db8::1/64 dev eth1: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		2: eth1: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth1
		    inet6 2001:db8::1/64 scope global proto 18`)
}

func TestALinkIsDeletedAndCreatedAgain(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth0", "192.0.2.10/24", "192.0.2.11/24")...)
	b.see()
	b.log.Reset()
	b.kernel.DelLink("eth0")
	b.see()
	b.expect(`
		192.0.2.10/24 dev eth0: lost: eth0 is down
		192.0.2.11/24 dev eth0: lost: eth0 is down`, "")
	b.kernel.SetLink(up("eth0"))
	b.see()
	b.expect(`
		ip addr add 192.0.2.10/24 dev eth0 proto 18
		  192.0.2.10/24 dev eth0: held
		ip addr add 192.0.2.11/24 dev eth0 proto 18
		  192.0.2.11/24 dev eth0: held`, `
		2: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0
		    inet 192.0.2.11/24 scope global secondary proto 18 eth0`)
	if b.rec.Repairs() != 0 {
		t.Error("counted as a repair")
	}
}

// All reports of a deletion and a creation are read at once.
func TestALinkIsReplacedUnseen(t *testing.T) {
	b := newBench(t)
	b.want(wish("eth0", "192.0.2.10/24"))
	b.see()
	b.log.Reset()
	b.kernel.DelLink("eth0")
	b.kernel.SetLink(up("eth0"))
	b.see()
	b.expect(`
		192.0.2.10/24 dev eth0: lost: eth0 is down
		ip addr add 192.0.2.10/24 dev eth0 proto 18
		  192.0.2.10/24 dev eth0: held`, `
		2: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0`)
}

// The kernel removes IPv6 addresses from a link that goes down, not IPv4 ones.
func TestALinkGoesDownAndUp(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth0", "192.0.2.10/24", "2001:db8::1/64")...)
	b.see()
	b.log.Reset()
	b.kernel.SetLink(host.Link{Name: "eth0"})
	b.see()
	b.expect(`
		2001:db8::1/64 dev eth0: lost: eth0 is down`, `
		1: eth0: <> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0`)
	b.kernel.SetLink(up("eth0"))
	b.see()
	b.expect(`
		ip addr add 2001:db8::1/64 dev eth0 proto 18
		  2001:db8::1/64 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/24 scope global proto 18 eth0
		    inet6 2001:db8::1/64 scope global proto 18`)
}

func TestAStartAdoptsAndCleansUp(t *testing.T) {
	b := newBench(t)
	marked := func(p string) host.Wish {
		w := wish("eth0", p)
		w.Protocol = host.Protocol
		return w
	}
	for _, w := range []host.Wish{wish("eth0", "192.0.2.1/24"), marked("192.0.2.10/24"), marked("192.0.2.66/24"), wish("eth0", "192.0.2.11/24"), marked("198.51.100.1/32")} {
		if err := b.kernel.Add(w); err != nil {
			t.Fatal(err)
		}
	}
	b.rec = host.NewReconciler()
	b.want(wishes("eth0", "192.0.2.10/24", "192.0.2.11/24", "192.0.2.12/24")...)
	b.observe()
	b.expect(`
		192.0.2.10/24 dev eth0: held
		192.0.2.11/24 dev eth0: held
		ip addr add 192.0.2.12/24 dev eth0 proto 18
		  192.0.2.12/24 dev eth0: held
		ip addr del 198.51.100.1/32 dev eth0
		  198.51.100.1/32 dev eth0: released
		ip addr del 192.0.2.66/24 dev eth0
		  192.0.2.66/24 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.1/24 scope global eth0
		    inet 192.0.2.10/24 scope global secondary proto 18 eth0
		    inet 192.0.2.11/24 scope global secondary eth0
		    inet 192.0.2.12/24 scope global secondary proto 18 eth0`)
}

// keepalived before 2.2.8 leaves addresses without a mark.
func TestWhatTheConfigurationNamesCountsAsOurs(t *testing.T) {
	b := newBench(t)
	if err := errors.Join(b.kernel.Add(wish("eth0", "192.0.2.1/24")), b.kernel.Add(wish("eth0", "192.0.2.10/32"))); err != nil {
		t.Fatal(err)
	}
	s, _ := b.kernel.Observe()
	s.Mark([]host.Addr{addr("eth0", "192.0.2.10/32"), addr("eth0", "192.0.2.99/32")})
	b.do(b.rec.Observe(s))
	b.expect(`
		ip addr del 192.0.2.10/32 dev eth0
		  192.0.2.10/32 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.1/24 scope global eth0`)
}

func TestAResyncFindsWhatReportsDidNotSay(t *testing.T) {
	b := newBench(t)
	b.want(wishes("eth0", "192.0.2.10/32", "192.0.2.11/32")...)
	b.log.Reset()
	if err := b.kernel.Del(addr("eth0", "192.0.2.11/32")); err != nil {
		t.Fatal(err)
	}
	b.kernel.Overflow()
	if list := b.kernel.Changes(); !list[0].Resync {
		t.Fatalf("the fake reports %v", list)
	}
	b.observe()
	b.expect(`
		ip addr add 192.0.2.11/32 dev eth0 proto 18
		  192.0.2.11/32 dev eth0: repaired (1)`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/32 scope global proto 18 eth0
		    inet 192.0.2.11/32 scope global proto 18 eth0`)
}

func TestWhatIsRefusedIsToldAndTriedAgain(t *testing.T) {
	b := newBench(t)
	b.kernel.Refuse(func(host.Op) error { return errors.New("operation not permitted") })
	b.want(wish("eth0", "192.0.2.10/32"))
	b.expect(`
		ip addr add 192.0.2.10/32 dev eth0 proto 18
		  192.0.2.10/32 dev eth0: failed: ip addr add 192.0.2.10/32 dev eth0 proto 18: operation not permitted`, `
		1: eth0: <UP,LOWER_UP> mtu 1500`)
	b.kernel.Refuse(nil)
	b.do(b.rec.Retry())
	b.expect(`
		ip addr add 192.0.2.10/32 dev eth0 proto 18
		  192.0.2.10/32 dev eth0: held`, `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/32 scope global proto 18 eth0`)

	b.kernel.Refuse(func(host.Op) error { return errors.New("operation not permitted") })
	b.drop(addr("eth0", "192.0.2.10/32"))
	b.kernel.Refuse(nil)
	b.log.Reset()
	b.do(b.rec.Retry())
	b.do(b.rec.Retry())
	b.expect(`
		ip addr del 192.0.2.10/32 dev eth0
		  192.0.2.10/32 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500`)
}

func TestAWishForWhatCouldNotBeRemovedKeepsIt(t *testing.T) {
	b := newBench(t)
	b.want(wish("eth0", "192.0.2.10/32"))
	b.kernel.Refuse(func(host.Op) error { return errors.New("busy") })
	b.drop(addr("eth0", "192.0.2.10/32"))
	b.kernel.Refuse(nil)
	b.want(wish("eth0", "192.0.2.10/32"))
	b.log.Reset()
	b.do(b.rec.Retry())
	b.expect("", `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet 192.0.2.10/32 scope global proto 18 eth0`)
}

func TestADuplicateIsTold(t *testing.T) {
	w := wish("eth0", "2001:db8::1/64")
	found := w
	found.DADFailed, found.Tentative = true, true
	b := newBench(t)
	b.want(w)
	b.see()
	b.log.Reset()
	b.do(b.rec.See(host.Change{Addr: &found}, host.Change{Addr: &found}))
	b.do(b.rec.Retry())
	if b.rec.Holds(w.Addr) {
		t.Error("a duplicate counts as held")
	}
	b.expect("2001:db8::1/64 dev eth0: failed: duplicate address detected: another host on the link has it", `
		1: eth0: <UP,LOWER_UP> mtu 1500
		    inet6 2001:db8::1/64 scope global proto 18`)

	b.want(w) // wished for anew, it is tried anew
	b.see()
	b.do(b.rec.See(host.Change{Addr: &found}))
	b.drop(w.Addr)
	b.see()
	b.expect(`
		ip addr del 2001:db8::1/64 dev eth0
		ip addr add 2001:db8::1/64 dev eth0 proto 18
		  2001:db8::1/64 dev eth0: held
		ip addr add 2001:db8::1/64 dev eth0 proto 18
		  2001:db8::1/64 dev eth0: held
		2001:db8::1/64 dev eth0: failed: duplicate address detected: another host on the link has it
		ip addr del 2001:db8::1/64 dev eth0
		  2001:db8::1/64 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500`)
}

// The configuration may give the prefix length to either end.
func TestAPeerHasOnePrefixLength(t *testing.T) {
	b := newBench(t)
	w := wish("eth0", "192.0.2.1/32")
	w.Peer = netip.MustParsePrefix("192.0.2.2/30")
	b.want(w)
	b.see()
	b.observe()
	b.drop(w.Addr)
	b.expect(`
		ip addr add 192.0.2.1 peer 192.0.2.2/30 dev eth0 proto 18
		  192.0.2.1 peer 192.0.2.2/30 dev eth0: held
		ip addr del 192.0.2.1 peer 192.0.2.2/30 dev eth0
		  192.0.2.1 peer 192.0.2.2/30 dev eth0: released`, `
		1: eth0: <UP,LOWER_UP> mtu 1500`)
}

// Numbers of links are out of date for a moment after a link was made anew. No
// report follows that would say so.
func TestALinkThatIsThereAfterAllIsAskedAgain(t *testing.T) {
	b := newBench(t)
	ops := b.rec.Want(host.Delta{Want: wishes("eth0", "fe80::1/64")})
	if r := b.rec.Done(ops[0], host.ErrNoLink); r.Fate != host.Lost {
		t.Fatalf("%v", r)
	}
	again := b.rec.Retry()
	if len(again) != 1 || again[0].Verb != host.AddAddr {
		t.Fatalf("asked for: %v", again)
	}
	if r := b.rec.Done(again[0], nil); r.Fate != host.Held {
		t.Errorf("%v", r)
	}
	if more := b.rec.Retry(); len(more) != 0 {
		t.Errorf("asked for what is held: %v", more)
	}
}

func TestAnAddressWaitsUntilADeviceOfOursIsUp(t *testing.T) {
	device := host.Link{Name: "vrrp.1", Kind: "macvlan"}
	b := newBench(t, device)
	if ops := b.rec.Want(host.Delta{Want: wishes("vrrp.1", "10.0.0.9/32")}); len(ops) != 0 {
		t.Errorf("asked for before: %v", ops)
	}
	device.Up = true
	b.kernel.SetLink(device)
	b.see()
	if !b.rec.Holds(addr("vrrp.1", "10.0.0.9/32")) {
		t.Error("it is not there")
	}
}
